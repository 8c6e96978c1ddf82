/** `cr-seed` and `understudy seed` as an administrator types them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { goOn, modes } from '../support/adopting.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { type Chain, MIB, makeVm } from '../support/replicating.ts'
import { seedByHand } from '../support/seeding.ts'

const bin = join(import.meta.dirname, '..', '..', 'bin')
let lab: StartedLab
let source: StartedPool
let target: StartedPool
let folder: string
before(async () => {
  lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
  ;[source, target] = lab.pools as [StartedPool, StartedPool]
  folder = mkdtempSync(join(tmpdir(), 'seed-'))
})
after(async () => {
  await lab.close()
  rmSync(folder, { recursive: true, force: true })
})

async function run(program: string, ...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, XDG_CONFIG_HOME: folder, UNDERSTUDY_TRUST: [source.fingerprint, target.fingerprint].join(',') }
  const child = spawn(process.execPath, [join(bin, program), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...texts }
}

/** A password in a URL is percent-encoded. */
function urlOf(pool: StartedPool): string {
  const url = new URL(pool.url)
  return `https://${encodeURIComponent(pool.user)}:${encodeURIComponent(pool.password)}@${url.host}`
}
const chainOf = (vm: string): Required<Chain> => {
  return { source, target, vm, sr: target.srs[0]?.uuid as string, job: randomUUID(), schedule: randomUUID() }
}

test('cr-seed takes the six arguments of xo-cr-seed, and the next run is a delta', async () => {
  const usage = await run('cr-seed.js')
  assert.equal(usage.code, 0)
  assert.match(
    usage.stderr,
    /^Usage: cr-seed <source XAPI URL> <source snapshot UUID> <target XAPI URL> <target VM UUID> <backup job id> <backup schedule id>$/m,
  )
  const vm = await makeVm(source, [16 * MIB])
  const chain = chainOf(vm.uuid)
  const seed = await seedByHand(chain, vm)
  const args = [urlOf(source), seed.snapshot, urlOf(target), seed.vm, chain.job, chain.schedule]
  const wrong = await run('cr-seed.js', ...args.slice(0, 5))
  assert.deepEqual([wrong.code, wrong.stdout], [2, ''])
  assert.match(wrong.stderr, /six arguments/)
  const unknown = await run('cr-seed.js', args[0] as string, randomUUID(), ...args.slice(2))
  assert.deepEqual([unknown.code, unknown.stdout], [1, ''])
  assert.match(unknown.stderr, /^understudy cr-seed: the source pool has no snapshot [^\n]+\(name the snapshot[^\n]+\)\n$/)
  const linked = await run('understudy.js', 'cr-seed', ...args, '--json')
  assert.equal(linked.code, 0, linked.stderr)
  const report = JSON.parse(linked.stdout) as { status: string; replica: string }
  assert.deepEqual([report.status, report.replica], ['linked', seed.vm])
  for (const { stdout, stderr } of [wrong, unknown, linked]) assert.ok(!`${stdout}${stderr}`.includes(source.password))
  await source.post('/guest/random', { vm: vm.uuid, count: 5 })
  assert.deepEqual(modes(await goOn(chain, vm)), ['delta'])
  const again = await run('cr-seed.js', ...args)
  assert.equal(again.code, 1)
})

test('a seed command without an action names all of them, also those that need no server', async () => {
  const { code, stdout, stderr } = await run('understudy.js', 'seed')
  assert.deepEqual([code, stdout], [2, ''])
  for (const action of ['server-export', 'link', 'export', 'import']) assert.match(stderr, new RegExp(`[ ,]${action}\\b`))
  const other = await run('understudy.js', 'seed', 'exprot', '--json')
  assert.equal(other.code, 2)
  assert.match((JSON.parse(other.stdout) as { error: { message: string } }).error.message, /unknown action 'exprot'.* export, import$/)
})

test('seed export and seed import carry a first copy; the next run is a delta', async () => {
  const vm = await makeVm(source, [16 * MIB, 8 * MIB])
  const chain = chainOf(vm.uuid)
  const dir = join(folder, 'usb stick')
  const exported = await run('understudy.js', 'seed', 'export', '--from', urlOf(source), '--vm', vm.uuid, '--dir', dir)
  assert.equal(exported.code, 0, exported.stderr)
  assert.match(exported.stdout, /^Exported "source" as of /)
  const to = ['--to', urlOf(target), '--sr', chain.sr, '--job', chain.job, '--schedule', chain.schedule]
  const imported = await run('understudy.js', 'seed', 'import', '--from', urlOf(source), ...to, '--dir', dir, '--json')
  assert.equal(imported.code, 0, imported.stderr)
  assert.equal((JSON.parse(imported.stdout) as { status: string }).status, 'linked')
  await source.post('/guest/random', { vm: vm.uuid, count: 5 })
  assert.deepEqual(modes(await goOn(chain, vm)), ['delta', 'delta'])
  const nothing = await run('understudy.js', 'seed', 'import', '--from', urlOf(source), ...to, '--dir', join(folder, 'empty'))
  assert.equal(nothing.code, 1)
  assert.match(nothing.stderr, /there is no seed in/)
  assert.equal((await run('understudy.js', 'seed', 'export', '--from', urlOf(source), '--dir', dir)).code, 2)
})
