import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ContentError } from '../content/disk-content.ts'
import { GuestError } from '../guests/guest-disk.ts'
import { ImageError } from '../image/image.ts'
import { XapiFailure } from '../pool.ts'
import { ControlError, Fields } from './request-fields.ts'

/** What a request is answered from. `report` sends a line of progress to clients that asked for lines; others never see it. */
export interface ControlCall {
  readonly fields: Fields
  report(line: object): void
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal
  /** The uuid in the path, where the route has one (`POST /srs/UUID`, `POST /hosts/UUID/stop`). */
  readonly uuid?: string
}

/** By method and path: `POST /guest/write`, or `DELETE /faults/:id` for a path whose last part is the field `id`. What is returned is sent as JSON. */
export type ControlRoutes = Readonly<Record<string, { readonly what: string; answer(call: ControlCall): unknown }>>

const bodyLimit = 4 * 1024 * 1024
const lines = 'application/x-ndjson'

export interface ControlServer {
  /** `http://127.0.0.1:port` */
  readonly url: string
  readonly port: number
  /** Cuts connections, which tells what is being answered to give up, and waits until it has. */
  close(): Promise<void>
}

/**
 * Serves the routes on 127.0.0.1. Errors are `{"error": text}` with 400 (malformed), 404, 405, 409 (not possible now), 413
 * or 500. A client that accepts `application/x-ndjson` gets 200 at once, then lines: reports, and last the result or the error.
 * Requests of web pages are refused (they carry `Origin`, or another `Host`): the address can read files of this machine.
 */
export async function startControlServer(routes: ControlRoutes, port: number): Promise<ControlServer> {
  const answering = new Set<Promise<void>>()
  const server = createServer({ requestTimeout: 60_000 }, (request, response) => {
    const done = answer(routes, request, response).finally(() => answering.delete(done))
    answering.add(done)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await Promise.all([closed, ...answering])
    },
  }
}

async function answer(routes: ControlRoutes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asLines = request.headers.accept?.includes(lines) === true
  const send = (status: number, value: object) => {
    if (response.destroyed) return
    if (!response.headersSent) response.writeHead(status, { 'content-type': asLines ? lines : 'application/json' })
    response.end(`${JSON.stringify(value)}\n`)
  }
  const hangUp = new AbortController()
  response.on('close', () => hangUp.abort(new ControlError(499, 'the client hung up')))
  try {
    const { route, named } = routeOf(routes, request)
    const body = await bodyOf(request)
    const fields = new Fields(Object.keys(named).length > 0 ? { ...(body as object), ...named } : body)
    const report = (line: object) => {
      if (!asLines || response.destroyed) return
      if (!response.headersSent) response.writeHead(200, { 'content-type': lines })
      response.write(`${JSON.stringify(line)}\n`)
    }
    const result = await route.answer({ fields, report, signal: hangUp.signal })
    send(200, (result ?? {}) as object)
  } catch (error) {
    const [status, text] = described(error)
    send(status, { error: text })
  }
}

/** The route, and what the address itself names: its last part where the route has `:id`, whole numbers and texts of its query. */
function routeOf(
  routes: ControlRoutes,
  request: IncomingMessage,
): { route: NonNullable<ControlRoutes[string]>; named: Record<string, string | number> } {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '')
  if (request.headers.origin !== undefined || !['127.0.0.1', 'localhost'].includes(host)) {
    throw new ControlError(403, 'this address answers programs on this machine, not web pages')
  }
  const path = (request.url ?? '/').replace(/\?.*$/, '').replace(/(?<=.)\/$/, '')
  const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '')
  const named = Object.fromEntries([...query].map(([name, value]) => [name, /^\d{1,15}$/.test(value) ? Number(value) : value]))
  const found = routes[`${request.method} ${path}`]
  if (found) return { route: found, named }
  const [parent, id] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)]
  const oneOf = routes[`${request.method} ${parent}/:id`]
  if (oneOf) return { route: oneOf, named: { ...named, id } }
  // A part of the path may be the uuid of what is asked for: the route says `UUID` there and finds it as a field of that name.
  const uuid = /\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=\/|$)/i.exec(path)?.[1]
  const ofUuid = uuid === undefined ? undefined : routes[`${request.method} ${path.replace(uuid, 'UUID')}`]
  if (ofUuid) {
    const route = { ...ofUuid, answer: (call: ControlCall) => ofUuid.answer({ ...call, uuid: (uuid as string).toLowerCase() }) }
    return { route, named }
  }
  const others = Object.keys(routes).filter((route) => route.split(' ')[1] === path)
  if (others.length > 0) throw new ControlError(405, `${path} takes ${others.map((route) => route.split(' ')[0]).join(' and ')}`)
  throw new ControlError(404, `there is no ${path}; GET / lists what there is`)
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > bodyLimit) throw new ControlError(413, `the request is larger than ${bodyLimit} bytes`)
    pieces.push(piece)
  }
  if (size === 0) return {}
  try {
    return JSON.parse(Buffer.concat(pieces).toString())
  } catch {
    throw new ControlError(400, 'the request is not JSON')
  }
}

function described(error: unknown): [status: number, text: string] {
  if (error instanceof ControlError) return [error.status, error.message]
  if (error instanceof GuestError) return [{ 'no-such-disk': 404, 'bad-request': 400, 'not-writable': 409 }[error.kind], error.message]
  if (error instanceof XapiFailure) return [409, error.message]
  if (error instanceof ContentError || error instanceof ImageError) return [400, error.message]
  return [500, error instanceof Error ? error.message : String(error)]
}
