import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { newCertificate } from '../../lab/certificate.ts'
import { trustListed } from '../../xapi/trust.ts'
import { type HttpClient, httpClient, ServerRefusal } from './http-client.ts'

interface Served {
  readonly client: HttpClient
  readonly seen: string[]
  readonly stop: AbortController
}

async function serving(listener: RequestListener, use: (served: Served) => Promise<void>, tls?: { trusted: boolean }): Promise<void> {
  const seen: string[] = []
  const answer: RequestListener = (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`)
    listener(request, response)
  }
  const certificate = tls === undefined ? undefined : await newCertificate('server')
  const server =
    certificate === undefined ? createServer(answer) : createTlsServer({ key: certificate.key, cert: certificate.cert }, answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = new AbortController()
  const client = httpClient({
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, tls: tls !== undefined },
    token: 'the-token',
    trust: trustListed(tls?.trusted && certificate ? [certificate.fingerprint] : []),
    signal: stop.signal,
    timeoutMs: 2_000,
  })
  try {
    await use({ client, seen, stop })
  } finally {
    client.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}

const failure = (code: string, text: RegExp) => (error: unknown) => {
  const { code: found, message } = error as { code?: string; message: string }
  assert.equal(found, code)
  assert.match(message, text)
  return true
}

test('an answer is JSON, and the token goes along', () =>
  serving(
    (request, response) => {
      let body = ''
      request.on('data', (piece) => {
        body += piece
      })
      request.on('end', () => response.end(JSON.stringify({ got: JSON.parse(body) })))
    },
    async ({ client, seen }) => {
      const { status, body } = await client.call('POST', '/api/v1/x?a=1', { b: 'ü' })
      assert.deepEqual([status, body], [200, { got: { b: 'ü' } }])
      assert.deepEqual(seen, ['POST /api/v1/x?a=1 Bearer the-token'])
    },
  ))

test('what the server refuses is its own text, code and hint', () =>
  serving(
    (_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' })
      response.end(
        JSON.stringify({
          title: 'The job has changed',
          detail: 'job nightly was changed meanwhile',
          code: 'JOB_CHANGED',
          hint: 'look at it again',
        }),
      )
    },
    async ({ client }) => {
      await assert.rejects(client.call('PATCH', '/api/v1/jobs/1', {}), (error: unknown) => {
        assert.ok(error instanceof ServerRefusal)
        assert.deepEqual(
          [error.status, error.code, error.message, error.hint],
          [409, 'JOB_CHANGED', 'job nightly was changed meanwhile', 'look at it again'],
        )
        return true
      })
    },
  ))

test('something else that answers at the address is told from a server of ours', () =>
  serving(
    (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works!</h1>'),
    ({ client }) => assert.rejects(client.call('GET', '/api/v1/jobs'), failure('SERVER_UNREACHABLE', /no Understudy server/)),
  ))

test('a server that accepts and never answers is given up', () =>
  serving(
    () => undefined,
    ({ client }) => assert.rejects(client.call('GET', '/'), failure('SERVER_UNREACHABLE', /no answer within 2 s/)),
  ))

test('an answer that breaks off is no answer', () =>
  serving(
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{"a":1}')
      response.socket?.end()
    },
    ({ client }) => assert.rejects(client.call('GET', '/'), failure('SERVER_UNREACHABLE', /127\.0\.0\.1/)),
  ))

test('where nothing listens, the error names the address', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const client = httpClient({
    address: { host: '127.0.0.1', port, tls: false },
    token: undefined,
    trust: trustListed([]),
    signal: new AbortController().signal,
  })
  await assert.rejects(client.call('GET', '/'), failure('SERVER_UNREACHABLE', new RegExp(`127\\.0\\.0\\.1:${port}.*refused`)))
  client.close()
})

test('G10: nothing is sent to a server whose certificate nobody accepted', () =>
  serving(
    (_request, response) => response.end('{}'),
    async ({ client, seen }) => {
      await assert.rejects(client.call('GET', '/'), failure('CERTIFICATE_UNKNOWN', /fingerprint is (?:[0-9A-F]{2}:){31}/))
      assert.deepEqual(seen, [])
    },
    { trusted: false },
  ))

test('a certificate that was accepted by its fingerprint is enough', () =>
  serving(
    (_request, response) => response.end('{"ok":true}'),
    async ({ client }) => assert.deepEqual((await client.call('GET', '/')).body, { ok: true }),
    { trusted: true },
  ))

test('a stream is given piece by piece, and ends at once when it is no longer wanted', () =>
  serving(
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    },
    async ({ client, stop }) => {
      const order: string[] = []
      await assert.rejects(async () => {
        for await (const piece of client.stream('/events', stop.signal, () => order.push('open'))) {
          order.push(piece)
          stop.abort(new Error('enough'))
        }
      }, /enough/)
      assert.deepEqual(order, ['open', 'data: 1\n\n'])
    },
  ))
