import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type ConnectOptions, connectXapi } from '../../src/xapi/connect.ts'
import { XapiConnectionError, XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import { reply, type ScriptedOptions, type ScriptedXapi, startScripted } from '../support/scripted-xapi.ts'

async function withServer(options: ScriptedOptions, run: (server: ScriptedXapi, login: ConnectOptions) => Promise<void>): Promise<void> {
  const server = await startScripted(options)
  const trust = trustListed([server.certificate.fingerprint])
  try {
    await run(server, { url: server.url, user: 'root', password: 'secret', trust })
  } finally {
    await server.stop()
  }
}

function broke(reason: string) {
  return (error: unknown) => error instanceof XapiConnectionError && error.reason === reason
}

test('a call has the session in front and gives the value', () =>
  withServer({ messages: { 'pool.get_all': (params) => ({ value: ['OpaqueRef:p', ...params] }) } }, async (server, login) => {
    const xapi = await connectXapi(login)
    assert.deepEqual(await xapi.call('pool.get_all', ['x']), ['OpaqueRef:p', 'x'])
    assert.equal(xapi.callCount, 2)
    assert.equal(xapi.fingerprint, server.certificate.fingerprint)
    assert.equal(xapi.url, server.url)
    await xapi.close()
    await xapi.close()
    assert.deepEqual(server.calls, ['session.login_with_password', 'pool.get_all', 'session.logout'])
    assert.equal(server.sessions.size, 0)
    await assert.rejects(xapi.call('pool.get_all', []), broke('closed'))
  }))

test('calls one after the other share one connection, and their headers stay small', () => {
  const heads: number[] = []
  const answer: ScriptedOptions = {
    messages: {
      'VM.get_all': (_params, request) => {
        heads.push(request.headBytes)
        return { value: [] }
      },
    },
  }
  return withServer(answer, async (server, login) => {
    const xapi = await connectXapi(login)
    for (let n = 0; n < 10; n++) await xapi.call('VM.get_all', [])
    assert.equal(server.connections, 1)
    assert.ok(Math.max(...heads) < 300)
    await xapi.close()
  })
})

test('no more than twenty calls are under way at once', () => {
  let now = 0
  let most = 0
  const slow: ScriptedOptions = {
    messages: {
      'VM.get_all': async () => {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setImmediate(resolve))
        now--
        return { value: [] }
      },
    },
  }
  return withServer(slow, async (_server, login) => {
    const xapi = await connectXapi(login)
    await Promise.all(Array.from({ length: 100 }, () => xapi.call('VM.get_all', [])))
    assert.ok(most > 1 && most <= 20, `${most} at once`)
    await xapi.close()
  })
})

test('a wrong password is XAPI’s own error, is asked once, and the password is nowhere in it', () =>
  withServer({}, async (server, login) => {
    await assert.rejects(connectXapi({ ...login, password: 'hunter2' }), (error: unknown) => {
      assert.ok(error instanceof XapiError)
      assert.equal(error.code, 'SESSION_AUTHENTICATION_FAILED')
      assert.equal(error.method, 'session.login_with_password')
      assert.ok(!JSON.stringify([error, error.message, error.stack]).includes('hunter2'))
      return true
    })
    assert.equal(server.calls.length, 1)
  }))

test('a session that died is renewed once and the call repeated', () =>
  withServer({ messages: { 'VM.start': () => ({ value: '' }) } }, async (server, login) => {
    const xapi = await connectXapi(login)
    const before = xapi.session
    server.sessions.clear()
    await Promise.all([xapi.call('VM.start', []), xapi.call('VM.start', [])])
    assert.notEqual(xapi.session, before)
    assert.equal(server.calls.filter((name) => name === 'session.login_with_password').length, 2)
    await xapi.close()
  }))

test('a password that is refused meanwhile is sent once, whatever many calls want to log in anew', () => {
  let right = true
  const messages: ScriptedOptions['messages'] = {
    'session.login_with_password': () =>
      right ? { value: 'OpaqueRef:first' } : { failure: ['SESSION_AUTHENTICATION_FAILED', 'root', 'no'] },
  }
  return withServer({ messages }, async (server, login) => {
    const xapi = await connectXapi(login)
    right = false
    for (let call = 0; call < 5; call++) {
      await assert.rejects(xapi.call('VM.get_all', []), { name: 'XapiError', code: 'SESSION_AUTHENTICATION_FAILED' })
    }
    assert.equal(server.calls.filter((name) => name === 'session.login_with_password').length, 2)
    await xapi.close()
  })
})

test('a session that dies again and again is an error without the session in it', () =>
  withServer({ messages: { 'VM.start': () => ({ failure: ['SESSION_INVALID', 'OpaqueRef:very-secret'] }) } }, async (server, login) => {
    const xapi = await connectXapi(login)
    await assert.rejects(xapi.call('VM.start', []), (error: unknown) => {
      assert.ok(error instanceof XapiError && error.code === 'SESSION_INVALID')
      assert.ok(!`${error.message} ${error.params}`.includes('very-secret'))
      return true
    })
    assert.equal(server.calls.filter((name) => name === 'VM.start').length, 2)
    await xapi.close()
  }))

test('texts of the server that repeat the session come without it', () => {
  const leaky: ScriptedOptions = {
    messages: { 'VM.start': (_params, request) => ({ failure: ['INTERNAL_ERROR', `odd: ${[...sessionsOf(request.socket)]}`] }) },
  }
  let server: ScriptedXapi | undefined
  const sessionsOf = (_socket: unknown) => server?.sessions ?? []
  return withServer(leaky, async (running, login) => {
    server = running
    const xapi = await connectXapi(login)
    await assert.rejects(xapi.call('VM.start', []), (error: unknown) => error instanceof XapiError && !error.message.includes(xapi.session))
    await xapi.close()
  })
})

test('a host that is not the master leads to the one that is, after its certificate was checked', async () => {
  const master = await startScripted({ messages: { 'pool.get_all': () => ({ value: ['here'] }) }, host: '127.0.0.2' })
  const slave = await startScripted({
    messages: { 'session.login_with_password': () => ({ failure: ['HOST_IS_SLAVE', '127.0.0.2'] }) },
    port: master.port,
  })
  const asked: string[] = []
  const trust = {
    check: async (address: string) => {
      asked.push(address)
      return 'accepted' as const
    },
  }
  try {
    const xapi = await connectXapi({ url: slave.url, user: 'root', password: 'secret', trust })
    assert.deepEqual(await xapi.call('pool.get_all', []), ['here'])
    assert.equal(xapi.url, master.url)
    assert.equal(xapi.fingerprint, master.certificate.fingerprint)
    assert.deepEqual(asked, [`127.0.0.1:${slave.port}`, `127.0.0.2:${master.port}`])
    await xapi.close()
    const strict = { url: slave.url, user: 'root', password: 'secret', trust: trustListed([slave.certificate.fingerprint]) }
    const before = master.received
    await assert.rejects(connectXapi(strict), { name: 'XapiTrustError', address: `127.0.0.2:${master.port}` })
    assert.equal(master.received, before)
  } finally {
    await slave.stop()
    await master.stop()
  }
})

test('hosts that send each other the login end in an error', () =>
  withServer(
    { messages: { 'session.login_with_password': () => ({ failure: ['HOST_IS_SLAVE', '127.0.0.1'] }) } },
    async (server, login) => {
      await assert.rejects(connectXapi(login), { name: 'XapiError', code: 'HOST_IS_SLAVE' })
      assert.equal(server.calls.length, 4)
    },
  ))

test('a read is repeated after its connection broke, a change is not', () => {
  let broken = 0
  const breaking: ScriptedOptions = {
    messages: {
      'VM.get_record': () => (broken++ === 0 ? { raw: (socket) => socket.destroy() } : { value: { uuid: 'u' } }),
      'VM.start': () => ({ raw: (socket) => socket.destroy() }),
    },
  }
  return withServer(breaking, async (server, login) => {
    const xapi = await connectXapi(login)
    assert.equal((await xapi.record('VM', 'OpaqueRef:vm' as Ref<'VM'>)).uuid, 'u')
    await assert.rejects(xapi.call('VM.start', []), broke('broken'))
    assert.equal(server.calls.filter((name) => name === 'VM.start').length, 1)
    await xapi.close()
  })
})

test('a host that is starting is asked again', () => {
  let asked = 0
  return withServer(
    { messages: { 'VM.start': () => (asked++ === 0 ? { failure: ['HOST_STILL_BOOTING'] } : { value: 'done' }) } },
    async (_server, login) => {
      const xapi = await connectXapi(login)
      assert.equal(await xapi.call('VM.start', []), 'done')
      await assert.rejects(xapi.call('VM.start', [], { signal: AbortSignal.abort(new Error('enough')) }), /enough/)
      await xapi.close()
    },
  )
})

test('a host that keeps starting is given up within the time of the call', () =>
  withServer({ messages: { 'VM.start': () => ({ failure: ['HOST_STILL_BOOTING'] }) } }, async (_server, login) => {
    const xapi = await connectXapi(login)
    await assert.rejects(xapi.call('VM.start', [], { timeoutMs: 2_500 }), { code: 'HOST_STILL_BOOTING' })
    await xapi.close()
  }))

const oddAnswers: [name: string, raw: string, reason: string, end?: boolean][] = [
  ['an HTML page', 'HTTP/1.1 500 Internal Error\r\nContent-Length: 13\r\n\r\n<html></html>', 'not-xapi'],
  ['JSON of something else', 'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"hello":"you"}', 'not-xapi'],
  ['a JSON number', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7', 'not-xapi'],
  ['garbage', '\x00\x01\x02\xff\xfe garbage\r\n\r\n', 'not-xapi'],
  ['an announced size beyond the cap', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{', 'too-large'],
  ['an answer cut short', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"jsonrpc"', 'broken', true],
  ['a head cut short', 'HTTP/1.1 200 OK\r\nContent-Le', 'broken', true],
]
for (const [name, raw, reason, end] of oddAnswers) {
  test(`${name} instead of an answer is an error of kind ${reason}`, () => {
    const answer = {
      raw: (socket: { end(text: string, encoding: 'latin1'): void; write(text: string, encoding: 'latin1'): void }) =>
        end ? socket.end(raw, 'latin1') : socket.write(raw, 'latin1'),
    }
    return withServer({ messages: { 'VM.start': () => answer } }, async (_server, login) => {
      const xapi = await connectXapi(login)
      await assert.rejects(xapi.call('VM.start', []), broke(reason))
      await xapi.close()
    })
  })
}

test('a failure told without an id, and one in the older form, are XAPI’s errors all the same', () => {
  const bodies = [
    '{"jsonrpc":"2.0","error":{"code":1,"message":"HOST_IN_EMERGENCY","data":["a"]}}',
    '{"id":1,"result":null,"error":["HOST_IN_EMERGENCY","a"]}',
  ]
  const answers = bodies.values()
  const odd: ScriptedOptions = {
    messages: {
      'VM.start': () => ({
        raw: (socket) => {
          const body = answers.next().value as string
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        },
      }),
    },
  }
  return withServer(odd, async (_server, login) => {
    const xapi = await connectXapi(login)
    for (const _ of bodies) await assert.rejects(xapi.call('VM.start', []), { name: 'XapiError', code: 'HOST_IN_EMERGENCY', params: ['a'] })
    await xapi.close()
  })
})

test('a server that does not answer is given up in time, and an abort ends the wait at once', () => {
  const silent: ScriptedOptions = { messages: { 'VM.start': () => ({ raw: () => undefined }) } }
  return withServer(silent, async (_server, login) => {
    const xapi = await connectXapi(login)
    await assert.rejects(xapi.call('VM.start', [], { timeoutMs: 50 }), broke('timeout'))
    const abort = new AbortController()
    const call = xapi.call('VM.start', [], { signal: abort.signal })
    abort.abort(new Error('enough'))
    await assert.rejects(call, /enough/)
    await xapi.close()
  })
})

test('an answer that comes in pieces is put together', () => {
  const pieces: ScriptedOptions = {
    messages: {
      'VM.get_name_label': () => ({
        raw: (socket) => {
          const bytes = Buffer.from(reply(1, { value: 'wïre €' }))
          const send = (at: number) => {
            if (at < bytes.length) socket.write(bytes.subarray(at, at + 1), () => send(at + 1))
          }
          send(0)
        },
      }),
    },
  }
  return withServer(pieces, async (_server, login) => {
    const xapi = await connectXapi(login)
    assert.equal(await xapi.call('VM.get_name_label', []), 'wïre €')
    await xapi.close()
  })
})

test('a request beyond what XAPI takes is refused before it is sent', () =>
  withServer({}, async (server, login) => {
    const xapi = await connectXapi(login)
    await assert.rejects(xapi.call('VTPM.set_contents', ['x'.repeat(400_000)]), broke('too-large'))
    assert.ok(server.received < 10_000)
    await xapi.close()
  }))

test('nobody there, no TLS there and nobody answering are told apart', async () => {
  const trust = trustListed([])
  const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  const plain = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('220 mail\r\n'),
  ).listen(0, '127.0.0.1')
  const gone = createServer().listen(0, '127.0.0.1')
  await Promise.all([silent, plain, gone].map((server) => once(server, 'listening')))
  const port = (server: typeof silent) => (server.address() as { port: number }).port
  const free = port(gone)
  gone.close()
  const to = (host: string, timeoutMs = 15_000) =>
    connectXapi({ url: `https://${host}`, user: 'root', password: 'secret', trust, timeoutMs })
  const sockets: { destroy(): void }[] = []
  silent.on('connection', (socket) => sockets.push(socket))
  try {
    await assert.rejects(to(`127.0.0.1:${free}`), broke('refused'))
    await assert.rejects(to(`127.0.0.1:${port(plain)}`), broke('tls'))
    await assert.rejects(to(`127.0.0.1:${port(silent)}`, 200), broke('timeout'))
    await assert.rejects(to('no-such-host.invalid'), broke('unreachable'))
  } finally {
    for (const socket of sockets) socket.destroy()
    silent.close()
    plain.close()
  }
})

test('connecting stops when it is aborted', async () => {
  const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const abort = new AbortController()
  const peer = once(silent, 'connection')
  const url = `https://127.0.0.1:${(silent.address() as { port: number }).port}`
  const connecting = connectXapi({ url, user: 'root', password: 'secret', trust: trustListed([]), signal: abort.signal })
  const [socket] = (await peer) as [{ destroy(): void }]
  abort.abort(new Error('enough'))
  await assert.rejects(connecting, /enough/)
  socket.destroy()
  silent.close()
})

test('plain http:// to another machine is refused before anything is sent', async () => {
  const trust = trustListed([])
  await assert.rejects(connectXapi({ url: 'http://192.0.2.1', user: 'root', password: 'secret', trust }), { code: 'POOL_URL_INVALID' })
})

test('http:// works on this machine, where nobody listens in', async () => {
  const heads: string[] = []
  const server = createHttp((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { id, method } = JSON.parse(body)
      heads.push(`${request.method} ${request.url} ${method}`)
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: 'OpaqueRef:x' }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const xapi = await connectXapi({ url, user: 'root', password: 'secret', trust: trustListed([]) })
    assert.equal(await xapi.call('pool.get_all', []), 'OpaqueRef:x')
    assert.equal(xapi.fingerprint, '')
    await xapi.close()
    assert.deepEqual(
      heads,
      ['session.login_with_password', 'pool.get_all', 'session.logout'].map((name) => `POST /jsonrpc ${name}`),
    )
  } finally {
    server.close()
  }
})

test('the password does not come back in an error of the login', () =>
  withServer(
    { messages: { 'session.login_with_password': (params) => ({ failure: ['INTERNAL_ERROR', `odd: ${params.join(' ')}`] }) } },
    async (_server, login) => {
      await assert.rejects(connectXapi(login), (error: unknown) => error instanceof XapiError && !error.message.includes('secret'))
    },
  ))
