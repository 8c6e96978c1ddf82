import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { connectXapi } from '../../src/xapi/connect.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { ExportStream, Xapi } from '../../src/xapi/xapi.ts'
import { type ScriptedRequest, type ScriptedXapi, startScripted } from '../support/scripted-xapi.ts'

const disk = 'OpaqueRef:disk' as Ref<'VDI'>
const OK = 'HTTP/1.1 200 OK\r\nConnection: close\r\ntask-id: x\r\n\r\n'
const PAGES =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nHTTP/1.1 500 Internal Error\r\ncontent-length: 27\r\n\r\n<html><body>no</body></html>'
const IO_ERROR = { status: 'failure', error_info: ['VDI_IO_ERROR', 'Device I/O errors'] }
const SUCCESS = { status: 'success', progress: 1, result: '' }

/** What a server does with a transfer: `end` sets the task. */
type Behaviour = (request: ScriptedRequest, end: (patch: Record<string, unknown> | undefined) => void) => Promise<void> | void

async function withPool(
  behave: Behaviour,
  run: (xapi: Xapi, server: ScriptedXapi) => Promise<void>,
  transferIdleMs = 10_000,
): Promise<void> {
  const server = await startScripted({
    bulk: async (request, running) => behave(request, (patch) => running.setTask(request.query.get('task_id') ?? '', patch)),
  })
  try {
    const xapi = await connectXapi({
      url: server.url,
      user: 'root',
      password: 'secret',
      trust: trustListed([server.certificate.fingerprint]),
      transferIdleMs,
    })
    await run(xapi, server)
    await xapi.close()
    assert.equal(server.tasks.size, 0, 'no task is left behind')
  } finally {
    await server.stop()
  }
}

async function all(stream: ExportStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream.chunks) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const openExport = (xapi: Xapi, signal?: AbortSignal) => xapi.exportVdi({ vdi: disk, format: 'vhd', ...(signal ? { signal } : {}) })
const openImport = (xapi: Xapi, signal?: AbortSignal) =>
  xapi.importVdi({ vdi: disk, format: 'raw', chunked: true, ...(signal ? { signal } : {}) })

for (const size of [0, 1, 5_000, 16_384, 16_385, 3_000_000]) {
  test(`an export of ${size} bytes comes through whole, for four calls`, () => {
    const data = randomBytes(size)
    return withPool(
      (request, end) => {
        assert.equal(request.query.get('format'), 'vhd')
        assert.equal(request.query.get('vdi'), disk)
        assert.ok(!request.query.has('session_id') && request.headers.get('cookie')?.startsWith('session_id='))
        assert.ok(request.headBytes < 1024)
        end(SUCCESS)
        request.socket.write(OK)
        request.socket.end(data)
      },
      async (xapi, server) => {
        const stream = await openExport(xapi)
        assert.ok((await all(stream)).equals(data))
        await stream.finished()
        await stream.close()
        await xapi.close()
        const calls = ['task.create', 'GET /export_raw_vdi', 'event.from', 'task.destroy', 'session.logout']
        assert.deepEqual(server.calls.slice(1), calls)
        assert.equal(xapi.callCount, 6)
      },
    )
  })
}

test('an error page right after the headers of an export is the error of its task, not data', () =>
  withPool(
    (request, end) => {
      end(IO_ERROR)
      request.socket.end(OK + PAGES)
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      await assert.rejects(all(stream), { name: 'XapiError', code: 'VDI_IO_ERROR' })
      await assert.rejects(stream.finished())
    },
  ))

test('an error page behind the data of an export is the error of its task, and not given out as data', () => {
  const data = randomBytes(200_000)
  return withPool(
    (request, end) => {
      end(IO_ERROR)
      request.socket.write(OK)
      request.socket.write(data)
      request.socket.end(PAGES)
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      const got: Buffer[] = []
      await assert.rejects(
        async () => {
          for await (const chunk of stream.chunks) got.push(chunk)
        },
        { code: 'VDI_IO_ERROR' },
      )
      assert.ok(data.subarray(0, Buffer.concat(got).length).equals(Buffer.concat(got)))
    },
  )
})

test('a disk that holds the text of an error page at its end is exported as it is', () => {
  const data = Buffer.concat([randomBytes(50_000), Buffer.from(PAGES)])
  return withPool(
    (request, end) => {
      end(SUCCESS)
      request.socket.write(OK)
      request.socket.end(data)
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      assert.ok((await all(stream)).equals(data))
      await stream.finished()
    },
  )
})

test('an export whose task fails without a page fails in the end', () =>
  withPool(
    (request, end) => {
      end(IO_ERROR)
      request.socket.end(`${OK}data`)
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      await all(stream)
      await assert.rejects(stream.finished(), { code: 'VDI_IO_ERROR' })
    },
  ))

test('an export whose connection breaks is an error with the reason of its task', () =>
  withPool(
    (request, end) => {
      request.socket.write(OK)
      request.socket.write(randomBytes(100_000), () => {
        end(IO_ERROR)
        request.socket.destroy()
      })
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      await assert.rejects(
        async () => {
          await all(stream)
          await stream.finished()
        },
        { code: 'VDI_IO_ERROR' },
      )
    },
  ))

test('an export that stalls is given up', () =>
  withPool(
    (request, end) => {
      request.socket.write(`${OK}da`)
      request.socket.on('close', () => end(IO_ERROR))
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      await assert.rejects(all(stream), { name: 'XapiConnectionError', reason: 'timeout' })
      await stream.close()
    },
    1_000,
  ))

test('closing an export hangs up and waits until its task has ended', () => {
  let ended = false
  return withPool(
    (request, end) => {
      request.socket.write(OK)
      const timer = setInterval(() => request.socket.write(Buffer.alloc(65536)), 1)
      request.socket.on('close', () => {
        clearInterval(timer)
        setTimeout(() => {
          ended = true
          end(IO_ERROR)
        }, 100)
      })
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      for await (const chunk of stream.chunks) if (chunk.length > 0) break
      await stream.close()
      assert.ok(ended)
      await stream.close()
    },
  )
})

test('a slow reader of an export holds the server back', () => {
  let sent = 0
  return withPool(
    async (request, end) => {
      request.socket.write(OK)
      const piece = Buffer.alloc(1024 * 1024)
      const closed = once(request.socket, 'close')
      for (let n = 0; n < 64 && !request.socket.destroyed; n++) {
        const room = Promise.race([once(request.socket, 'drain'), closed])
        if (!request.socket.write(piece)) await room
        sent++
      }
      end(SUCCESS)
      request.socket.end()
    },
    async (xapi) => {
      const stream = await openExport(xapi)
      const reader = stream.chunks[Symbol.asyncIterator]()
      let got = (await reader.next()).value?.length ?? 0
      // Until nothing moves any more: a time without a change, since there is no event for it.
      for (let before = -1; before !== sent; ) {
        before = sent
        await new Promise((resolve) => setTimeout(resolve, 150))
      }
      assert.ok(sent < 60, `${sent} MiB sent to a reader that took nothing`)
      for (let next = await reader.next(); !next.done; next = await reader.next()) got += next.value.length
      await stream.finished()
      assert.equal(got, 64 * 1024 * 1024)
    },
  )
})

test('an abort ends an export with its reason, and its task is cleaned up', () => {
  const abort = new AbortController()
  return withPool(
    (request, end) => {
      request.socket.write(`${OK}data`)
      request.socket.on('close', () => end(IO_ERROR))
    },
    async (xapi) => {
      const stream = await openExport(xapi, abort.signal)
      const reading = all(stream)
      abort.abort(new Error('enough'))
      await assert.rejects(reading, /enough/)
    },
  )
})

const refusals: [name: string, answer: string, task: Record<string, unknown> | undefined, error: object][] = [
  [
    'a page instead of 200',
    'HTTP/1.1 500 Internal Error\r\n\r\n<html>',
    { status: 'failure', error_info: ['RBAC_PERMISSION_DENIED', 'x', 'y'] },
    { code: 'RBAC_PERMISSION_DENIED' },
  ],
  ['a closed connection instead of an answer', '', IO_ERROR, { code: 'VDI_IO_ERROR' }],
  ['a session that is refused', 'HTTP/1.1 401 Unauthorised\r\n\r\n', undefined, { code: 'SESSION_INVALID' }],
  ['garbage instead of an answer', 'garbage \r\n\r\n', IO_ERROR, { code: 'VDI_IO_ERROR' }],
  ['an endless head', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`, IO_ERROR, { code: 'VDI_IO_ERROR' }],
]
for (const [name, answer, task, error] of refusals) {
  for (const direction of ['export', 'import'] as const) {
    test(`${name} refuses an ${direction} with the reason of its task`, () =>
      withPool(
        (request, end) => {
          if (task) end(task)
          request.socket.end(answer)
        },
        (xapi) => assert.rejects(direction === 'export' ? openExport(xapi) : openImport(xapi), error),
      ))
  }
}

test('a server that never answers a transfer is given up', () =>
  withPool(
    (request, end) => void request.socket.on('close', () => end(IO_ERROR)),
    (xapi) => assert.rejects(openImport(xapi), { code: 'VDI_IO_ERROR' }),
    1_000,
  ))

test('an import sends what is written and nothing else, and its task decides, for four calls', () => {
  const data = randomBytes(3_000_000)
  let got: Buffer | undefined
  return withPool(
    async (request, end) => {
      assert.equal(request.query.get('chunked'), 'true')
      assert.ok(!request.headers.has('transfer-encoding') && !request.headers.has('expect') && !request.headers.has('content-length'))
      assert.ok(request.headBytes < 1024)
      request.socket.write(OK)
      got = await request.body(data.length)
      setTimeout(() => {
        end(SUCCESS)
        request.socket.end()
      }, 100)
    },
    async (xapi, server) => {
      const stream = await openImport(xapi)
      for (let at = 0; at < data.length; at += 70_000) {
        await stream.write(data.subarray(at, at + 12), data.subarray(at + 12, at + 70_000))
      }
      await stream.finish()
      await stream.abort()
      assert.equal(stream.bytesSent, data.length)
      assert.ok(got?.equals(data))
      await xapi.close()
      const calls = ['task.create', 'PUT /import_raw_vdi', 'event.from', 'task.destroy', 'session.logout']
      assert.deepEqual(server.calls.slice(1), calls)
    },
  )
})

test('an import of known length says it, and one that does not keep to it fails', () =>
  withPool(
    async (request, end) => {
      assert.equal(request.headers.get('content-length'), '1000')
      request.socket.write(OK)
      const body = await request.body(1000)
      end(body.length === 1000 ? SUCCESS : IO_ERROR)
      request.socket.end()
    },
    async (xapi) => {
      const open = () => xapi.importVdi({ vdi: disk, format: 'vhd', length: 1000 })
      const right = await open()
      await right.write(Buffer.alloc(1000))
      await right.finish()
      const short = await open()
      await short.write(Buffer.alloc(999))
      await assert.rejects(short.finish(), /999 bytes/)
      await assert.rejects(xapi.importVdi({ vdi: disk, format: 'vhd' }), TypeError)
      await assert.rejects(xapi.importVdi({ vdi: disk, format: 'vhd', length: 1, chunked: true }), TypeError)
    },
  ))

test('an import into a server that fails in the middle ends early, with the reason of its task', () =>
  withPool(
    async (request, end) => {
      request.socket.write(OK)
      await request.body(100_000)
      request.socket.write(PAGES)
      setTimeout(() => end(IO_ERROR), 50)
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await assert.rejects(
        async () => {
          for (;;) await stream.write(Buffer.alloc(65536))
        },
        { code: 'VDI_IO_ERROR' },
      )
      assert.ok(stream.bytesSent < 64 * 1024 * 1024)
      await assert.rejects(stream.write(Buffer.alloc(1)), { code: 'VDI_IO_ERROR' })
      await assert.rejects(stream.finish(), { code: 'VDI_IO_ERROR' })
      await stream.abort()
    },
  ))

test('an import that fails right with the headers is never a success', () =>
  withPool(
    (request, end) => {
      end(IO_ERROR)
      request.socket.end(OK + PAGES)
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await assert.rejects(stream.write(Buffer.alloc(100)), { code: 'VDI_IO_ERROR' })
      await assert.rejects(stream.finish(), { code: 'VDI_IO_ERROR' })
    },
  ))

test('an import whose server stops reading and hangs up ends early', () =>
  withPool(
    async (request, end) => {
      request.socket.write(OK)
      await request.body(100_000)
      end(IO_ERROR)
      request.socket.destroy()
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await assert.rejects(
        async () => {
          for (;;) await stream.write(Buffer.alloc(65536))
        },
        { code: 'VDI_IO_ERROR' },
      )
      await stream.abort()
    },
  ))

test('an import that the server ends with success before everything was written is an error all the same', () =>
  withPool(
    async (request, end) => {
      request.socket.write(OK)
      await request.body(100_000)
      end(SUCCESS)
      request.socket.end()
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await assert.rejects(
        async () => {
          for (;;) await stream.write(Buffer.alloc(65536))
        },
        { name: 'XapiConnectionError', reason: 'broken' },
      )
      await stream.abort()
    },
  ))

test('an import whose server takes nothing is given up', () =>
  withPool(
    (request, end) => {
      request.socket.write(OK)
      request.socket.pause()
      request.socket.on('close', () => end(IO_ERROR))
    },
    async (xapi, server) => {
      const stream = await openImport(xapi)
      await assert.rejects(
        async () => {
          for (;;) await stream.write(Buffer.alloc(1024 * 1024))
        },
        { reason: 'timeout' },
      )
      for (const socket of server.sockets) socket.resume()
      await stream.abort()
    },
    1_000,
  ))

test('aborting an import hangs up, waits until its task has ended, and finishing it then is an error', () => {
  let ended = false
  return withPool(
    async (request, end) => {
      request.socket.write(OK)
      request.socket.on('close', () =>
        setTimeout(() => {
          ended = true
          end(IO_ERROR)
        }, 100),
      )
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await stream.write(Buffer.alloc(100))
      await stream.abort()
      assert.ok(ended)
      await stream.abort()
      await assert.rejects(stream.finish())
      await assert.rejects(stream.write(Buffer.alloc(1)))
    },
  )
})

test('an abort signal ends an import with its reason, and its task is cleaned up', () => {
  const abort = new AbortController()
  return withPool(
    (request, end) => {
      request.socket.write(OK)
      request.socket.on('close', () => end(IO_ERROR))
    },
    async (xapi) => {
      const stream = await openImport(xapi, abort.signal)
      await stream.write(Buffer.alloc(100))
      abort.abort(new Error('enough'))
      await assert.rejects(stream.write(Buffer.alloc(1)), /enough/)
      await assert.rejects(stream.finish(), /enough/)
    },
  )
})

test('an import whose task vanishes is not a success', () =>
  withPool(
    async (request, end) => {
      request.socket.write(OK)
      await request.body(100)
      end(undefined)
      request.socket.end()
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await stream.write(Buffer.alloc(100))
      await assert.rejects(stream.finish(), { code: 'HANDLE_INVALID' })
    },
  ))

test('an import whose server keeps the connection open after its success is a success', () =>
  withPool(
    async (request, end) => {
      request.socket.write(OK)
      await request.body(100)
      end(SUCCESS)
    },
    async (xapi) => {
      const stream = await openImport(xapi)
      await stream.write(Buffer.alloc(100))
      await stream.finish()
    },
  ))
