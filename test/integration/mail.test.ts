/** Mail against an SMTP server that we did not write: over TLS from the start, by STARTTLS, in clear text, with and without a password. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { ChannelSpec } from '../../src/core/control/notification.ts'
import { newCertificate } from '../../src/lab/certificate.ts'
import { simulatedPlane } from '../support/simulated-plane.ts'

const PASSWORD = 'mail-password-5772156'
const usual = getCACertificates('default')
let trusted: Awaited<ReturnType<typeof newCertificate>>
before(async () => {
  trusted = await newCertificate('mail.test')
  setDefaultCACertificates([...usual, trusted.cert])
})
after(() => setDefaultCACertificates(usual))

interface Received {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | undefined
  readonly secure: boolean
  readonly text: string
}

async function mailServer(t: TestContext, options: SMTPServerOptions) {
  const received: Received[] = []
  const server = new SMTPServer({
    key: trusted.key,
    cert: trusted.cert,
    authOptional: true,
    disableReverseLookup: true,
    onAuth({ username, password }, _session, done) {
      if (username === 'ada' && password === PASSWORD) done(null, { user: username })
      else done(new Error(`no such user or password`))
    },
    onData(stream, { envelope, user, secure }, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = envelope
        const to = rcptTo.map(({ address }) => address)
        received.push({
          from: mailFrom ? mailFrom.address : '',
          to,
          user: user as string | undefined,
          secure,
          text: `${Buffer.concat(pieces)}`,
        })
        done(null, 'queued as 17')
      })
    },
    ...options,
  })
  // What clients do to it is seen at their side.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { received, port: (server.server.address() as AddressInfo).port }
}

type Email = Extract<ChannelSpec, { kind: 'email' }>

/** What the test button of a channel says. */
async function tried(t: TestContext, spec: Pick<Email, 'port' | 'tls'> & { readonly user?: string }, secret?: string) {
  const { plane, store, close } = await simulatedPlane()
  t.after(close)
  const channel = {
    kind: 'email',
    name: 'team',
    enabled: true,
    host: '127.0.0.1',
    from: 'understudy@example.org',
    to: ['a@example.org', 'b@example.org'],
  } as const
  const { id } = await plane.notifications.addChannel({ ...channel, ...spec }, secret)
  assert.ok(!JSON.stringify(await store.db.selectFrom('channels').selectAll().execute()).includes(PASSWORD), 'G9')
  const answer = await plane.notifications.test(id)
  assert.ok(!answer.text.includes(PASSWORD), 'G9')
  return answer
}

for (const [tls, options] of [
  ['implicit', { secure: true }],
  ['starttls', { secure: false }],
] as const) {
  test(`mail goes over TLS (${tls}) with user and password, to everybody, and the server's answer is told`, async (t) => {
    const { received, port } = await mailServer(t, { ...options, authOptional: false })
    const { ok, text } = await tried(t, { port, tls, user: 'ada' }, PASSWORD)
    assert.ok(ok, text)
    assert.match(text, /queued as 17/)
    const [mail] = received
    assert.equal(received.length, 1)
    assert.deepEqual(
      [mail?.from, mail?.to, mail?.user, mail?.secure],
      ['understudy@example.org', ['a@example.org', 'b@example.org'], 'ada', true],
    )
    assert.match(mail?.text ?? '', /^Subject: .*[Uu]nderstudy/m)
    assert.match(mail?.text ?? '', /^Auto-Submitted: auto-generated/m)
  })

  test(`a mail server (${tls}) whose certificate nobody vouches for gets nothing`, async (t) => {
    const stranger = await newCertificate('mail.test')
    const { received, port } = await mailServer(t, { ...options, key: stranger.key, cert: stranger.cert })
    const { ok, text } = await tried(t, { port, tls, user: 'ada' }, PASSWORD)
    assert.equal(ok, false)
    assert.match(text, /certificate/)
    assert.deepEqual(received, [])
  })
}

test('a password that the mail server refuses is told as such', async (t) => {
  const { received, port } = await mailServer(t, { secure: true, authOptional: false })
  const { ok, text } = await tried(t, { port, tls: 'implicit', user: 'ada' }, `${PASSWORD} wrong`)
  assert.equal(ok, false)
  assert.match(text, /no such user or password/)
  assert.deepEqual(received, [])
})

test('where STARTTLS is asked for and not offered, neither password nor mail is sent', async (t) => {
  let asked = false
  const { received, port } = await mailServer(t, {
    secure: false,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth(_auth, _session, done) {
      asked = true
      done(new Error('never'))
    },
  })
  const { ok, text } = await tried(t, { port, tls: 'starttls', user: 'ada' }, PASSWORD)
  assert.equal(ok, false, text)
  assert.equal(asked, false)
  assert.deepEqual(received, [])
})

test('in clear text, where that is asked for, and without a password', async (t) => {
  const { received, port } = await mailServer(t, { secure: false, disabledCommands: ['STARTTLS', 'AUTH'] })
  const { ok, text } = await tried(t, { port, tls: 'none' })
  assert.ok(ok, text)
  assert.deepEqual(
    received.map(({ secure, user }) => [secure, user]),
    [[false, undefined]],
  )
})
