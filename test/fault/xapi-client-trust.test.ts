import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectXapi } from '../../src/xapi/connect.ts'
import { XapiTrustError } from '../../src/xapi/errors.ts'
import { parseAddress } from '../../src/xapi/pool-url.ts'
import { pinnedConnector } from '../../src/xapi/tls-pinning.ts'
import { type TrustPolicy, trustListed, trustRemembered } from '../../src/xapi/trust.ts'
import { type Certificate, makeCertificate, type ScriptedOptions, type ScriptedXapi, startScripted } from '../support/scripted-xapi.ts'

let folder: string
let right: Certificate
let other: Certificate
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-pinning-'))
  right = await makeCertificate()
  other = await makeCertificate()
})
after(() => rm(folder, { recursive: true }))

async function withServer(options: ScriptedOptions, run: (server: ScriptedXapi) => Promise<void>): Promise<void> {
  const server = await startScripted(options)
  try {
    await run(server)
  } finally {
    await server.stop()
  }
}

const login = (server: ScriptedXapi, trust: TrustPolicy) => connectXapi({ url: server.url, user: 'root', password: 'secret', trust })

test('G10: nothing is sent to a peer whose certificate is not accepted, and the error says what to do', () =>
  withServer({ certificate: other }, async (server) => {
    await assert.rejects(login(server, trustListed([right.fingerprint])), (error: unknown) => {
      assert.ok(error instanceof XapiTrustError)
      assert.equal(error.kind, 'unknown')
      assert.equal(error.address, `127.0.0.1:${server.port}`)
      assert.equal(error.fingerprint, other.fingerprint)
      for (const part of [error.address, other.fingerprint, '--trust', 'UNDERSTUDY_TRUST']) assert.ok(error.message.includes(part), part)
      return true
    })
    assert.equal(server.received, 0)
  }))

test('G10: a certificate other than the remembered one is refused loudly, and nobody is asked', () =>
  withServer({ certificate: other }, async (server) => {
    const file = join(folder, 'changed')
    const address = `127.0.0.1:${server.port}`
    await trustRemembered(file, async () => true).check(address, right.fingerprint)
    let asked = 0
    const trust = trustRemembered(file, async () => {
      asked++
      return true
    })
    await assert.rejects(login(server, trust), (error: unknown) => {
      assert.ok(error instanceof XapiTrustError)
      assert.equal(error.kind, 'changed')
      assert.equal(error.expected, right.fingerprint)
      for (const part of ['HAS CHANGED', right.fingerprint, other.fingerprint, file]) assert.ok(error.message.includes(part), part)
      return true
    })
    assert.equal(asked, 0)
    assert.equal(server.received, 0)
  }))

test('somebody asked about a certificate is asked once, also when many connections open', () =>
  withServer({ certificate: right, messages: { 'VM.get_all': () => ({ value: [] }) } }, async (server) => {
    let asked = 0
    const trust = trustRemembered(join(folder, 'asked'), async () => {
      asked++
      return true
    })
    const xapi = await login(server, trust)
    await Promise.all(Array.from({ length: 20 }, () => xapi.call('VM.get_all', [])))
    assert.ok(server.connections > 1)
    assert.equal(asked, 1)
    await xapi.close()
  }))

test('a decision that took long gets a fresh connection, with the same certificate', () =>
  withServer({ certificate: right }, async (server) => {
    let asked = 0
    const trust: TrustPolicy = {
      async check() {
        asked++
        return 'accepted'
      },
    }
    const connector = pinnedConnector(trust, 0)
    const address = parseAddress(server.url)
    const first = await connector.open(address, { timeoutMs: 5_000 })
    const second = await connector.open(address, { timeoutMs: 5_000 })
    assert.equal(asked, 1)
    assert.equal(connector.fingerprint(address), right.fingerprint)
    connector.close()
    assert.ok(first.destroyed && second.destroyed)
    await assert.rejects(connector.open(address, { timeoutMs: 5_000 }), { reason: 'closed' })
  }))

test('G10: a peer that changes its certificate between two connections gets nothing', async () => {
  const first = await startScripted({ certificate: right, messages: {} })
  const xapi = await login(first, trustListed([right.fingerprint]))
  await first.stop()
  const second = await startScripted({ certificate: other, port: first.port })
  try {
    await assert.rejects(xapi.call('VM.get_all', []), { name: 'XapiTrustError', fingerprint: other.fingerprint })
    assert.equal(second.received, 0)
  } finally {
    await xapi.close()
    await second.stop()
  }
})

test('G10: every connection shows its certificate: no TLS session is resumed, for calls or streams', () => {
  const reused: boolean[] = []
  const watching: ScriptedOptions = {
    certificate: right,
    messages: {
      'VM.start': (_params, request) => {
        reused.push(request.socket.isSessionReused())
        return { raw: (socket) => socket.destroy() }
      },
    },
    bulk: async (request, server) => {
      reused.push(request.socket.isSessionReused())
      server.setTask(request.query.get('task_id') ?? '', { status: 'success' })
      request.socket.end('HTTP/1.1 200 OK\r\n\r\n')
    },
  }
  return withServer(watching, async (server) => {
    const xapi = await login(server, trustListed([right.fingerprint]))
    await assert.rejects(xapi.call('VM.start', []), { reason: 'broken' })
    const stream = await xapi.exportVdi({ vdi: 'OpaqueRef:d' as never, format: 'raw' })
    await stream.finished()
    assert.equal(reused.length, 2)
    assert.ok(reused.every((one) => !one))
    await xapi.close()
  })
})

test('G10: a policy that fails is an error, not an acceptance', () =>
  withServer({ certificate: right }, async (server) => {
    const trust = { check: () => Promise.reject(new Error('the file is odd')) }
    await assert.rejects(login(server, trust), /the file is odd/)
    assert.equal(server.received, 0)
  }))

const redirects: [name: string, vouched: () => Certificate, trusted: () => Certificate[], accepted: boolean][] = [
  ['follows a redirect to a host whose certificate the pool tells', () => other, () => [right], true],
  ['follows a redirect to a host whose certificate the policy accepts', () => right, () => [right, other], true],
  ['refuses a redirect to a host that neither the pool nor the policy knows', () => right, () => [right], false],
]
for (const [name, vouched, trusted, accepted] of redirects) {
  test(`G10: a stream ${name}`, async () => {
    const data = Buffer.from('the disk')
    let cookie: string | undefined
    const second = await startScripted({
      certificate: other,
      host: '127.0.0.2',
      bulk: async (request) => {
        cookie = request.headers.get('cookie')
        first.setTask(request.query.get('task_id') ?? '', { status: 'success' })
        request.socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), data]))
      },
    })
    const first = await startScripted({
      certificate: right,
      messages: {
        'host.get_all_records': () => ({ value: { 'OpaqueRef:h1': { address: '127.0.0.1' }, 'OpaqueRef:h2': { address: '127.0.0.2' } } }),
        'host.get_server_certificate': ([host]) => ({ value: host === 'OpaqueRef:h2' ? vouched().cert : right.cert }),
      },
      bulk: async (request) => {
        request.socket.end(`HTTP/1.1 302 Found\r\nLocation: ${second.url}${request.path}?${request.query}\r\n\r\n`)
      },
    })
    try {
      const xapi = await login(first, trustListed(trusted().map((one) => one.fingerprint)))
      const opening = xapi.exportVdi({ vdi: 'OpaqueRef:d' as never, format: 'raw' })
      if (accepted) {
        const stream = await opening
        const chunks: Buffer[] = []
        for await (const chunk of stream.chunks) chunks.push(chunk)
        await stream.finished()
        assert.deepEqual(Buffer.concat(chunks), data)
        assert.equal(cookie, `session_id=${xapi.session}`)
      } else {
        await assert.rejects(opening, { name: 'XapiTrustError', address: `127.0.0.2:${second.port}` })
        assert.equal(second.received, 0)
      }
      await xapi.close()
      assert.equal(first.tasks.size, 0)
    } finally {
      await first.stop()
      await second.stop()
    }
  })
}

test('a stream does not follow a redirect to an unencrypted place, or in circles', async () => {
  let location = 'http://127.0.0.1/'
  const around: ScriptedOptions = {
    certificate: right,
    messages: { 'host.get_all_records': () => ({ value: {} }) },
    bulk: async (request) => {
      request.socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`)
    },
  }
  await withServer(around, async (server) => {
    const xapi = await login(server, trustListed([right.fingerprint]))
    const open = () => xapi.exportVdi({ vdi: 'OpaqueRef:d' as never, format: 'raw' })
    await assert.rejects(open(), { reason: 'not-xapi' })
    location = `${server.url}/export_raw_vdi`
    await assert.rejects(open(), { reason: 'not-xapi' })
    assert.equal(server.calls.filter((name) => name === 'GET /export_raw_vdi').length, 5)
    await xapi.close()
    assert.equal(server.tasks.size, 0)
  })
})

const masters: [name: string, vouched: () => Certificate | undefined, trusted: () => Certificate[], accepted: boolean][] = [
  ['follows to a master whose certificate the trusted host tells', () => other, () => [right], true],
  ['follows to a master whose certificate the policy accepts, when the host tells nothing', () => undefined, () => [right, other], true],
  ['refuses a master of another certificate than the host tells', () => right, () => [right], false],
  ['refuses a master that neither the host nor the policy knows', () => undefined, () => [right], false],
]
for (const [name, vouched, trusted, accepted] of masters) {
  test(`G10: a login at a host that is not the master ${name}; nothing is sent to any other`, async () => {
    const told = vouched()
    const slave = await startScripted({
      certificate: right,
      messages: {
        'session.login_with_password': () => ({ failure: ['HOST_IS_SLAVE', '127.0.0.2'] }),
        'session.slave_local_login_with_password': () => {
          if (told) slave.sessions.add('OpaqueRef:local')
          return told ? { value: 'OpaqueRef:local' } : { failure: ['INTERNAL_ERROR', 'not now'] }
        },
        'host.get_all_records': () => ({ value: { 'OpaqueRef:h1': { address: '127.0.0.1' }, 'OpaqueRef:h2': { address: '127.0.0.2' } } }),
        'Certificate.get_all_records': () => ({
          value: {
            'OpaqueRef:c1': { host: 'OpaqueRef:h1', type: 'host', fingerprint_sha256: right.fingerprint },
            'OpaqueRef:c2': { host: 'OpaqueRef:h2', type: 'host_internal', fingerprint_sha256: 'AA' },
            'OpaqueRef:c3': { host: 'OpaqueRef:h2', type: 'host', fingerprint_sha256: told?.fingerprint.toLowerCase() },
          },
        }),
        'session.local_logout': () => ({ value: '' }),
      },
    })
    const master = await startScripted({ certificate: other, host: '127.0.0.2', port: slave.port })
    try {
      const opening = login(slave, trustListed(trusted().map((one) => one.fingerprint)))
      if (accepted) {
        const xapi = await opening
        assert.equal(xapi.url, master.url)
        await xapi.close()
      } else {
        await assert.rejects(opening, { name: 'XapiTrustError', address: `127.0.0.2:${slave.port}` })
        assert.equal(master.received, 0)
      }
      // The session made for asking is given back.
      assert.equal(slave.calls.filter((call) => call === 'session.local_logout').length, told ? 1 : 0)
    } finally {
      await slave.stop()
      await master.stop()
    }
  })
}
