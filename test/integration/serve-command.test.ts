/** `understudy serve` as an administrator starts and stops it: with its own certificate and somebody's, alone and with runs under way. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Run } from '../../src/core/control/run-record.ts'
import { type CommandResult, UNDERSTUDY } from '../support/command-line.ts'
import { startLab } from '../support/lab.ts'
import { onTerminal } from '../support/on-terminal.ts'
import { needs } from '../support/programs.ts'
import { MIB, makeVm } from '../support/replicating.ts'
import { commandLineIn, type ServeProcess, startServe } from '../support/serve-process.ts'

const PASSWORD = 'a long password of the administrator'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'serve-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Ends with the test, whatever comes of it. */
async function serving(t: TestContext, ...given: Parameters<typeof startServe>): Promise<ServeProcess> {
  const server = await startServe(...given)
  t.after(() => (server.child.exitCode === null ? server.stop('SIGKILL') : undefined))
  return server
}

const asJson = <T>({ status, stdout, stderr }: CommandResult, code = 0): T => {
  assert.equal(status, code, `${stdout}${stderr}`)
  return JSON.parse(stdout) as T
}

/** The first administrator, by the link that the server printed: its file says where the server is. */
async function setUp(folder: string, server: ServeProcess) {
  const command = commandLineIn(folder)
  writeFileSync(join(folder, 'link'), `${server.firstStart}\n`)
  writeFileSync(join(folder, 'password'), `${PASSWORD}\n`)
  const args = ['setup', '--link-file', join(folder, 'link'), '--user', 'ada', '--password-file', join(folder, 'password'), '--json']
  const done = asJson<{ url: string }>(await command([...args, '--trust', server.fingerprint ?? '']))
  assert.equal(done.url, server.url)
  return command
}

test('the server is one process with the flags of a server; its link says where it is, and the certificate that was accepted is remembered', async (t) => {
  const folder = folderFor(t)
  const server = await serving(t, join(folder, 'data'))
  if (existsSync('/proc/self/cmdline')) {
    const flags = readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8').split('\0')
    assert.ok(flags.includes('--max-semi-space-size=8'), flags.join(' '))
  }
  const command = await setUp(folder, server)
  assert.deepEqual(asJson(await command(['job', 'list', '--json'])), [])
  // Another certificate at the address is not the one that was accepted.
  const known = readFileSync(join(folder, 'servers.json'), 'utf8')
  writeFileSync(join(folder, 'servers.json'), known.replaceAll(server.fingerprint ?? '', 'AB:'.repeat(31).concat('AB')), { mode: 0o600 })
  const refused = asJson<{ status: string; error: { code: string; hint: string } }>(await command(['job', 'list', '--json']), 1)
  assert.equal(refused.status, 'failed')
  assert.equal(refused.error.code, 'CERTIFICATE_UNKNOWN')
  writeFileSync(join(folder, 'servers.json'), known, { mode: 0o600 })
  const unknown = asJson<{ error: { code: string; hint: string } }>(await command(['job', 'show', 'no such job', '--json']), 1)
  assert.equal(unknown.error.code, 'NAME_UNKNOWN')
  assert.ok(unknown.error.hint.length > 0)
  assert.equal(asJson<{ error: { code: string } }>(await command(['job', 'lst', '--json']), 2).error.code, 'USAGE')
  assert.equal(await server.stop(), 0)
})

test(
  'G9: on a terminal the link and passwords are asked for and never shown, not even when they are typed at once',
  needs('python3'),
  async (t) => {
    const folder = folderFor(t)
    const server = await serving(t, join(folder, 'data'))
    const env = {
      UNDERSTUDY_CONFIG: join(folder, 'servers.json'),
      UNDERSTUDY_KNOWN_CERTIFICATES: join(folder, 'known'),
      UNDERSTUDY_TRUST: '',
    }
    const link = server.firstStart ?? ''
    const set = await onTerminal([process.execPath, UNDERSTUDY, 'setup'], {
      env,
      steps: [
        ['one-time link: ', `${link}\r`],
        ['[y/N] ', 'yes\r'],
        ['user: ', 'ada\r'],
        ['new password of ada: ', `${PASSWORD}\r`],
      ],
    })
    assert.equal(set.status, 0, set.shown)
    assert.ok(set.shown.includes(server.fingerprint ?? ''), 'the fingerprint is shown to be compared')
    assert.match(set.shown, /Logged in to .* as ada, administrator/)
    const logged = await onTerminal([process.execPath, UNDERSTUDY, 'login', '--user', 'ada'], {
      env,
      steps: [['password of ada: ', `${PASSWORD}\r`]],
    })
    assert.equal(logged.status, 0, logged.shown)
    const left = await onTerminal([process.execPath, UNDERSTUDY, 'login', '--user', 'ada'], { env, steps: [['password of ada: ', '\x03']] })
    assert.equal(left.status, 130)
    for (const { shown } of [set, logged, left]) assert.ok(!shown.includes(PASSWORD) && !shown.includes(new URL(link).hash), shown)
  },
)

/** A root, an authority below it, and certificates of that for 127.0.0.1. */
function authority(folder: string) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const newKey = (name: string) => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`)
  const sign = (name: string, by: string, extensions: string, ...dates: string[]) => {
    newKey(name)
    writeFileSync(join(folder, `${name}.ext`), extensions)
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
    const ca = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial']
    openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-extfile', `${name}.ext`, '-out', `${name}.pem`, ...dates)
  }
  newKey('root')
  openssl('req', '-x509', '-new', '-key', 'root.key', '-subj', '/CN=root', '-days', '30', '-out', 'root.pem')
  sign('middle', 'root', 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n', '-days', '30')
  const leaf = 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n'
  sign('leaf', 'middle', leaf, '-days', '30')
  // `-days` takes what is over, too.
  sign('expired', 'middle', leaf, '-days', '-1')
  const file = (name: string) => join(folder, name)
  const chain = (name: string) => {
    writeFileSync(file(`${name}.chain.pem`), readFileSync(file(`${name}.pem`), 'utf8') + readFileSync(file('middle.pem'), 'utf8'))
    return file(`${name}.chain.pem`)
  }
  return { file, chain, root: readFileSync(file('root.pem'), 'utf8') }
}

const healthOf = (url: string, ca: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    get(`${url}/healthz`, { ca, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    }).on('error', reject)
  })

test(
  'an own certificate is served with its chain; one with another key is refused, an expired one is served and said to be',
  needs('openssl'),
  async (t) => {
    const folder = folderFor(t)
    const { file, chain, root } = authority(folder)
    const own = await serving(t, join(folder, 'data'), ['--tls-cert', chain('leaf'), '--tls-key', file('leaf.key')])
    // Whoever trusts the root alone needs the authority in between from the server.
    assert.equal(await healthOf(own.url, root), 200)
    assert.doesNotMatch(own.printed(), /WARNING/)
    assert.equal(await own.stop(), 0)
    await assert.rejects(
      startServe(join(folder, 'data'), ['--tls-cert', chain('leaf'), '--tls-key', file('middle.key')]),
      /serve ended with 1: understudy serve: the key is not that of the certificate \(/,
    )
    await assert.rejects(startServe(join(folder, 'data'), ['--tls-cert', file('none.pem'), '--tls-key', file('leaf.key')]), /none\.pem/)
    const late = await serving(t, join(folder, 'data'), ['--tls-cert', chain('expired'), '--tls-key', file('expired.key')])
    assert.match(late.printed(), /WARNING: the certificate expired on 20/)
    await assert.rejects(healthOf(late.url, root), { code: 'CERT_HAS_EXPIRED' })
    assert.equal(await late.stop(), 0)
  },
)

test('a server that is asked to stop begins nothing more, says that it is not ready, lets runs end, and is looked at meanwhile', async (t) => {
  const folder = folderFor(t)
  const lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
  t.after(() => lab.close())
  const [source, target] = lab.pools
  assert.ok(source && target)
  const vm = await makeVm(source, [64 * MIB])
  const server = await serving(t, join(folder, 'data'), ['--grace', '120'])
  const command = await setUp(folder, server)
  for (const pool of [source, target]) {
    writeFileSync(join(folder, pool.name), `${pool.password}\n`)
    const add = ['pool', 'add', pool.url, '--user', pool.user, '--password-file', join(folder, pool.name), '--name', pool.name]
    assert.equal((await command([...add, '--fingerprint', pool.fingerprint])).status, 0)
  }
  const job = ['job', 'create', 'slow', '--vm', vm.uuid, '--to', target.srs[0]?.uuid ?? '', '--limit', '8MiB/s', '--disabled', '--json']
  asJson(await command(job))
  const run = asJson<Run>(await command(['job', 'run', 'slow', '--json']), 0)
  const shown = async () => asJson<Run>(await command(['run', 'show', run.id, '--json']))
  while ((await shown()).state !== 'running') await delay(100)
  server.child.kill('SIGTERM')
  const token = (JSON.parse(readFileSync(join(folder, 'servers.json'), 'utf8')) as { servers: Record<string, { token: string }> }).servers[
    '127.0.0.1'
  ]?.token
  const ask = (path: string) =>
    new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      get(`${server.url}${path}`, { rejectUnauthorized: false, agent: false, headers }, (answer) => {
        let text = ''
        answer.on('data', (piece) => {
          text += piece
        })
        answer.on('end', () => resolve({ status: answer.statusCode, text }))
      }).on('error', reject)
    })
  while ((await ask('/readyz')).status !== 503) await delay(20)
  assert.equal((await ask('/healthz')).status, 200)
  assert.equal((JSON.parse((await ask(`/api/v1/runs/${run.id}`)).text) as Run).state, 'running')
  const again = asJson<{ error: { code: string } }>(await command(['job', 'run', 'slow', '--json']), 1)
  assert.equal(again.error.code, 'SERVER_CLOSING')
  const ended = await new Promise((resolve) => {
    if (server.child.exitCode !== null) resolve(server.child.exitCode)
    server.child.once('exit', resolve)
  })
  assert.equal(ended, 0)
  const next = await serving(t, join(folder, 'data'), ['--port', new URL(server.url).port])
  assert.equal((await shown()).state, 'success')
  assert.equal(await next.stop(), 0)
})
