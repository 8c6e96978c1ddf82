import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { type HostCertificate, hostCertificate } from '../certificate.ts'
import { createFaults } from '../faults/faults.ts'
import type { LabPool } from '../pool.ts'
import { bulkRoutes } from './bulk-routes.ts'
import { ReplyPage } from './reply-page.ts'
import { rpcRoutes } from './rpc-routes.ts'
import { type HttpLimits, type HttpServer, type Route, startHttpServer } from './server.ts'

const dispatcher = {
  dispatch: async (name: string, params: readonly unknown[]) => ({ value: `${name} ${params.length}`, type: 'string' }),
  invoke: async () => undefined,
  names: () => [],
}
/** Missing in the published types of tls.connect. */
const HALF_OPEN: object = { allowHalfOpen: true }
const pool = { db: { commit: () => {} }, faults: createFaults() } as unknown as LabPool
const body = '{"id":1,"method":"a.b","params":[]}'
const post = (headers = '', text = body, target = '/jsonrpc', version = '1.1') =>
  `POST ${target} HTTP/${version}\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`

describe('HTTPS server', () => {
  let folder: string
  let certificate: HostCertificate
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lab-http-'))
    certificate = await hostCertificate(folder, 'test-host')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Runs a test against a server with some routes, and stops it. */
  const serving = async (run: (server: HttpServer) => Promise<void>, more: { limits?: Partial<HttpLimits>; routes?: Route[] } = {}) => {
    const routes = [...rpcRoutes(dispatcher), ...(more.routes ?? [])]
    const server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      ...certificate,
      routes,
      ...(more.limits && { limits: more.limits }),
    })
    try {
      await run(server)
    } finally {
      await server.close()
    }
  }
  const open = ({ port }: HttpServer) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', ca: certificate.cert, servername: 'test-host', ...HALF_OPEN }, () =>
        resolve(socket),
      )
      socket.on('error', reject)
    })
  /** Everything the server says until it closes. */
  const rest = (socket: TLSSocket) =>
    new Promise<string>((resolve, reject) => {
      let text = ''
      socket.setEncoding('latin1')
      socket.on('data', (chunk: string) => {
        text += chunk
      })
      socket.on('end', () => {
        socket.end()
        resolve(text)
      })
      socket.on('error', reject)
    })
  /** Waits until the server said what is looked for. */
  const until = (socket: TLSSocket, wanted: RegExp) =>
    new Promise<string>((resolve, reject) => {
      let text = ''
      const look = (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (!wanted.test(text)) return
        socket.off('data', look)
        resolve(text)
      }
      socket.on('data', look)
      socket.on('close', () => reject(new Error(`closed after: ${text}`)))
    })
  const exchange = async (server: HttpServer, request: string | Buffer) => {
    const socket = await open(server)
    const all = rest(socket)
    socket.write(request)
    return await all
  }
  const status = (reply: string) => Number(reply.split(' ')[1])

  test('three requests sent at once on one connection are answered in order, and the connection stays', () =>
    serving(async (server) => {
      const socket = await open(server)
      const replies = until(socket, /"id":3\}$/)
      socket.write([1, 2, 3].map((id) => post('', body.replace('1', String(id)))).join(''))
      assert.deepEqual(
        [...(await replies).matchAll(/"id":(\d)/g)].map((found) => found[1]),
        ['1', '2', '3'],
      )
      const again = until(socket, /"id":1\}$/)
      socket.write(post())
      assert.match(await again, /connection: keep-alive/)
      socket.destroy()
    }))

  for (const [request, closes] of [
    [post('Connection: close\r\n'), true],
    [post('', body, '/jsonrpc', '1.0'), true],
    [post('CONNECTION: Close\r\n'), true],
  ] as const) {
    test(`the connection closes after ${JSON.stringify(request.slice(0, 45))}`, () =>
      serving(async (server) => {
        const reply = await exchange(server, request)
        assert.equal(status(reply), 200)
        assert.equal(/connection: close/.test(reply), closes)
      }))
  }

  test('HTTP/1.0 with keep-alive stays open and is answered in its version', () =>
    serving(async (server) => {
      const socket = await open(server)
      const reply = until(socket, /"id":1\}$/)
      socket.write(post('Connection: keep-alive\r\n', body, '/jsonrpc', '1.0'))
      assert.match(await reply, /^HTTP\/1\.0 200 OK\r\n/)
      const again = until(socket, /"id":1\}$/)
      socket.write(post('Connection: keep-alive\r\n', body, '/jsonrpc', '1.0'))
      await again
      socket.destroy()
    }))

  test('a header block of 1024 bytes passes and one of 1025 is refused, on later requests too', () =>
    serving(async (server) => {
      const padded = (size: number) => {
        const bare = post('X: \r\n').indexOf('\r\n\r\n') + 4
        return post(`X: ${'y'.repeat(size - bare)}\r\n`)
      }
      assert.equal(padded(1024).indexOf('\r\n\r\n') + 4, 1024)
      const socket = await open(server)
      const reply = until(socket, /"id":1\}$/)
      socket.write(padded(1024))
      await reply
      const all = rest(socket)
      socket.write(padded(1025))
      assert.equal(status(await all), 431)
    }))

  test('an endless header is refused without being kept', () =>
    serving(async (server) => assert.equal(status(await exchange(server, `POST /${'x'.repeat(100_000)}`)), 431)))

  test('a header that does not come in time gives 408, on the first request only', () =>
    serving(
      async (server) => {
        assert.equal(status(await exchange(server, 'POST /json')), 408)
        assert.equal(status(await exchange(server, '')), 408)
        const socket = await open(server)
        const first = until(socket, /"id":1\}$/)
        socket.write(post())
        await first
        const start = performance.now()
        const second = until(socket, /"id":1\}$/)
        setTimeout(() => socket.write(post()), 200)
        await second
        assert.ok(performance.now() - start >= 150)
        socket.destroy()
      },
      { limits: { headerReadMs: 50, headerTotalMs: 10_000 } },
    ))

  test('a header that dribbles in is cut at the total time', () =>
    serving(
      async (server) => {
        const socket = await open(server)
        const all = rest(socket)
        const timer = setInterval(() => socket.write('x'), 20)
        assert.equal(status(await all), 408)
        clearInterval(timer)
      },
      { limits: { headerReadMs: 1000, headerTotalMs: 200 } },
    ))

  test('bodies up to 300 KiB are read, longer ones refused', () =>
    serving(async (server) => {
      const sized = (size: number) => `{"id":1,"method":"a.b","params":["${'x'.repeat(size - 37)}"]}`
      assert.equal(Buffer.byteLength(sized(307_200)), 307_200)
      assert.equal(status(await exchange(server, post('Connection: close\r\n', sized(307_200)))), 200)
      assert.equal(status(await exchange(server, post('Connection: close\r\n', sized(307_201)))), 500)
    }))

  for (const [what, request, expected] of [
    ['no content-length', 'POST /jsonrpc HTTP/1.1\r\n\r\n', 500],
    ['a content-length that is no number', 'POST /jsonrpc HTTP/1.1\r\nContent-Length: x\r\n\r\n', 500],
    ['a body that is no call', post('', '{'), 500],
    ['what is no HTTP', 'hello\r\n\r\n', 500],
    ['a method nobody serves', 'DELETE / HTTP/1.1\r\n\r\n', 501],
    ['GET where there is nothing', 'GET /jsonrpc HTTP/1.1\r\n\r\n', 403],
  ] as const) {
    test(`${what} gives a page of status ${expected} and closes`, () =>
      serving(async (server) => {
        const reply = await exchange(server, request)
        assert.equal(status(reply), expected)
        const [head = '', page = ''] = reply.split('\r\n\r\n')
        assert.match(head, /content-type: text\/html/)
        assert.equal(Number(/content-length: (\d+)/.exec(head)?.[1]), page.length)
      }))
  }

  test('JSON is served at /jsonrpc and below, XML everywhere else', () =>
    serving(async (server) => {
      const xml = '<methodCall><methodName>a.b</methodName></methodCall>'
      for (const target of ['/jsonrpc', '/jsonrpc/'])
        assert.match(await exchange(server, post('Connection: close\r\n', body, target)), /application\/json/)
      for (const target of ['/', '/RPC2', '/any/path', '/xmlrpc?x=1'])
        assert.match(await exchange(server, post('Connection: close\r\n', xml, target)), /text\/xml/)
    }))

  test('text that is no UTF-8 is refused as a value', () =>
    serving(async (server) => {
      const bytes = Buffer.concat([Buffer.from('{"id":1,"method":"a.b","params":["'), Buffer.from([0xff]), Buffer.from('"]}')])
      const head = `POST /jsonrpc HTTP/1.1\r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n\r\n`
      assert.match(await exchange(server, Buffer.concat([Buffer.from(head), bytes])), /INVALID_VALUE.*Invalid UTF-8/)
    }))

  test('a body that ends too early closes the connection without a reply', () =>
    serving(async (server) => {
      const socket = await open(server)
      const all = rest(socket)
      socket.end(post('', body).slice(0, -5))
      assert.equal(await all, '')
    }))

  test('connections past the limit wait until one ends', () =>
    serving(
      async (server) => {
        const first = await open(server)
        const second = open(server)
        const done = until(first, /"id":1\}$/)
        first.write(post())
        await done
        assert.equal(await Promise.race([second.then(() => 'served'), new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]), 'waits')
        first.destroy()
        ;(await second).destroy()
      },
      { limits: { connections: 1 } },
    ))

  const bulk = (handle: Parameters<typeof bulkRoutes>[1][number]['handle']) => ({
    routes: bulkRoutes(pool, [{ method: 'PUT', path: '/up', handle }]),
  })

  test('a handler may reply before the body is there, read it in pieces, and the end of the stream is told by short reads', () =>
    serving(
      async (server) => {
        const socket = await open(server)
        const reply = until(socket, /200 OK/)
        const all = rest(socket)
        socket.write('PUT /up/ HTTP/1.1\r\nCookie: a=c%20d; x=1\r\n\r\n')
        await reply
        socket.write('hel')
        socket.write('lo wor')
        socket.end('ld')
        assert.match(await all, /hello \| world \| c d$/)
      },
      bulk(async (_pool, request) => {
        await request.write('HTTP/1.1 200 OK\r\n\r\n')
        const [one, two, three] = [await request.read(6), await request.read(100), await request.read(100)]
        assert.equal(three.length, 0)
        await request.write(`${one}| ${two} | ${request.parameter('a')}`)
      }),
    ))

  test('a handler that takes what has come does not wait for more', () =>
    serving(
      async (server) => {
        const socket = await open(server)
        const reply = until(socket, /200 OK/)
        const seen = until(socket, /got: first/)
        const all = rest(socket)
        socket.write('PUT /up HTTP/1.1\r\n\r\n')
        await reply
        socket.write('first')
        await seen
        socket.end('second')
        assert.match(await all, /got: seco, nd, $/)
      },
      bulk(async (_pool, request) => {
        await request.write('HTTP/1.1 200 OK\r\n\r\n')
        await request.write(`got: ${await request.readSome(100)}`)
        const [one, two, none] = [await request.readSome(4), await request.readSome(100), await request.readSome(100)]
        await request.write(`got: ${one}, ${two}, ${none}`)
      }),
    ))

  test('large bodies arrive whole, whatever the sizes of the reads', () =>
    serving(
      async (server) => {
        const socket = await open(server)
        const all = rest(socket)
        const data = Buffer.alloc(8 << 20, 'abcdefgh')
        socket.write('PUT /up HTTP/1.1\r\n\r\n')
        socket.end(data)
        assert.match(await all, /8388608 true$/)
      },
      bulk(async (_pool, request) => {
        const parts: Buffer[] = []
        for (let size = 1; ; size = (size * 7) % 3_000_017) {
          const part = await request.read(size)
          parts.push(Buffer.from(part))
          if (part.length < size) break
        }
        const whole = Buffer.concat(parts)
        await request.write(`HTTP/1.1 200 OK\r\n\r\n${whole.length} ${whole.equals(Buffer.alloc(8 << 20, 'abcdefgh'))}`)
      }),
    ))

  for (const [thrown, expected] of [
    [new Error('broken <b>'), /^HTTP\/1\.1 200 OK\r\n\r\ndataHTTP\/1\.1 500 Internal Error\r\n.*broken &lt;b&gt;/s],
    [new ReplyPage('forbidden'), /dataHTTP\/1\.1 403 /],
    [new ReplyPage('unauthorised', 'realm'), /dataHTTP\/1\.1 401 Unauthorised\r\n.*WWW-Authenticate: Basic realm="realm"/s],
    [new ReplyPage('silent'), /data$/],
  ] as const) {
    test(`what a handler throws late (${thrown.message}) comes after what it has written`, () =>
      serving(
        async (server) => assert.match(await exchange(server, 'PUT /up HTTP/1.1\r\n\r\n'), expected),
        bulk(async (_pool, request) => {
          await request.write('HTTP/1.1 200 OK\r\n\r\ndata')
          throw thrown
        }),
      ))
  }

  test('a handler notices that the other side is gone', async () => {
    const noticed = Promise.withResolvers<boolean>()
    await serving(
      async (server) => {
        const socket = await open(server)
        const started = until(socket, /200/)
        socket.write('PUT /up HTTP/1.1\r\n\r\n')
        await started
        socket.destroy()
        assert.equal(await noticed.promise, true)
      },
      bulk(async (_pool, request) => {
        try {
          for (;;) await request.write(Buffer.alloc(65_536, 'HTTP/1.1 200 OK '))
        } catch {
          noticed.resolve(request.gone)
        }
      }),
    )
  })

  test('a connection that the client keeps open after the last reply is closed all the same', () =>
    serving(async (server) => {
      const socket = await open(server)
      const all = rest(socket)
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.write(post('Connection: close\r\n'))
      await all
      await closed
    }))

  test('closing the server ends idle connections', async () => {
    let ended: Promise<string> | undefined
    await serving(async (server) => {
      ended = rest(await open(server))
    })
    assert.equal(await ended, '')
  })
})
