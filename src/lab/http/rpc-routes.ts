/** The two RPC endpoints. JSON at /jsonrpc and below; XML everywhere else, since an unknown POST path ends at `/`. */
import { isUtf8 } from 'node:buffer'
import type { Faults } from '../faults/fault.ts'
import { XapiFailure } from '../pool.ts'
import type { Dispatcher } from '../rpc/dispatcher.ts'
import { answerJson } from '../rpc/json-rpc.ts'
import { Malformed } from '../rpc/malformed.ts'
import { answerXml } from '../rpc/xml-rpc.ts'
import type { Connection } from './connection.ts'
import { ReplyPage } from './reply-page.ts'
import type { RequestHead } from './request.ts'
import type { Route } from './server.ts'

/** http_limit_max_rpc_size in xen-api ocaml/xapi-consts/constants.ml. */
const MAX_BODY_BYTES = 300 * 1024

/** Answers a call whose text is no UTF-8 (xen-api ocaml/idl/ocaml_backend/gen_server.ml). */
const REFUSING: Pick<Dispatcher, 'dispatch'> = {
  async dispatch(_name, params) {
    const broken = params.find((param) => typeof param === 'string' && !isUtf8(Buffer.from(param, 'latin1')))
    throw new XapiFailure('INVALID_VALUE', ['Invalid UTF-8 string in parameter', String(broken ?? '')])
  },
}

export function rpcRoutes(dispatcher: Pick<Dispatcher, 'dispatch'>, faults?: Faults): Route[] {
  const route = (
    path: string,
    type: string,
    answer: (dispatcher: Pick<Dispatcher, 'dispatch'>, body: string) => Promise<string>,
  ): Route => ({
    method: 'POST',
    path,
    async handle(head, connection) {
      const { wire, stream } = faults?.tapRpc(connection) ?? { wire: connection, stream: undefined }
      const body = await readBody(head, wire)
      const valid = isUtf8(body)
      const used = valid ? dispatcher : REFUSING
      const watched: typeof used = faults
        ? { dispatch: (name, params) => faults.call(name, params, () => used.dispatch(name, params), stream) }
        : used
      const reply = await answer(watched, body.toString(valid ? 'utf8' : 'latin1')).catch((error: unknown) => {
        throw error instanceof Malformed ? new ReplyPage('internal error', error.message) : error
      })
      const bytes = Buffer.from(reply)
      const lines = [
        `${head.version} 200 OK`,
        `content-type: ${type}`,
        `connection: ${head.keepAlive ? 'keep-alive' : 'close'}`,
        'cache-control: no-cache, no-store',
        'access-control-allow-origin: *',
        'access-control-allow-headers: X-Requested-With',
        `content-length: ${bytes.length}`,
      ]
      await wire.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]))
      return head.keepAlive ? 'keep' : 'close'
    },
  })
  return [route('/jsonrpc', 'application/json', answerJson), route('/', 'text/xml', answerXml), preflight]
}

/** What browsers ask before a call (respond_to_options in xen-api ocaml/libs/http-lib/http_svr.ml). */
const preflight: Route = {
  method: 'OPTIONS',
  path: '/',
  async handle(head, wire) {
    const asked = head.headers.get('access-control-request-headers')
    const lines = [
      `${head.version} 200 OK`,
      `connection: ${head.keepAlive ? 'keep-alive' : 'close'}`,
      'cache-control: no-cache, no-store',
      'access-control-allow-origin: *',
      `access-control-allow-headers: ${asked === undefined ? '' : `${asked}, `}X-Requested-With`,
      'access-control-allow-methods: PUT',
      'content-length: 0',
    ]
    await wire.write(`${lines.join('\r\n')}\r\n\r\n`)
    return head.keepAlive ? 'keep' : 'close'
  },
}

async function readBody(head: RequestHead, wire: Connection): Promise<Buffer> {
  const { contentLength } = head
  if (contentLength === undefined) throw new ReplyPage('internal error', 'a content-length is needed')
  if (contentLength > MAX_BODY_BYTES) throw new ReplyPage('internal error', 'the body is too large')
  const bytes = await wire.read(contentLength)
  if (bytes.length < contentLength) throw new ReplyPage('silent')
  return bytes
}
