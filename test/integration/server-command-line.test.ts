/**
 * The whole of a server by commands, each in a process of its own, on two simulated pools: what an administrator types, from the one-time link of
 * a new server to the repair of a target that broke.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Job } from '../../src/core/control/job.ts'
import { type CommandOptions, understudy } from '../support/command-line.ts'
import type { StartedPool } from '../support/lab.ts'
import { type MadeVm, MIB, makeVm, withTwoPools } from '../support/replicating.ts'
import { type ListeningServer, serverForPools } from '../support/running-server.ts'

const PASSWORD = 'a long password of the administrator'

describe('a server, by commands', () => {
  let source: StartedPool
  let target: StartedPool
  let server: ListeningServer
  let vm: MadeVm
  let folder: string
  let env: Record<string, string>

  withTwoPools((paris, oslo) => {
    source = paris
    target = oslo
  })
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'commands-'))
    vm = await makeVm(source, [32 * MIB])
    server = await serverForPools({ users: 'none' })
    env = {
      UNDERSTUDY_CONFIG: join(folder, 'config', 'servers.json'),
      UNDERSTUDY_KNOWN_CERTIFICATES: join(folder, 'known'),
      UNDERSTUDY_DATA: server.folder,
      UNDERSTUDY_TRUST: server.fingerprint,
    }
    for (const pool of [source, target]) writeFileSync(join(folder, pool.name), `${pool.password}\n`)
    writeFileSync(join(folder, 'password'), `${PASSWORD}\n`)
  })
  after(async () => {
    await server?.close()
    if (folder) rmSync(folder, { recursive: true })
  })

  /** Runs a command that has to end with this code. */
  async function run(code: number, args: readonly string[], options: CommandOptions = {}) {
    const result = await understudy(args, { ...options, env: { ...env, ...options.env } })
    assert.equal(result.status, code, `understudy ${args.join(' ')}\n${result.stdout}${result.stderr}`)
    assert.ok(code === 0 || result.stderr.split('\n').length <= 20, result.stderr)
    for (const secret of [PASSWORD, source.password, target.password]) {
      assert.ok(!`${result.stdout}${result.stderr}`.includes(secret), 'G9: no password is printed')
    }
    return result
  }
  const json = async <T>(args: readonly string[], code = 0) => JSON.parse((await run(code, [...args, '--json'])).stdout) as T

  test('the one-time link of a new server makes its first administrator, once', async () => {
    const { link } = await json<{ link: string }>(['server', 'reset-admin'])
    writeFileSync(join(folder, 'link'), link)
    const setup = ['setup', server.url, '--user', 'ada', '--password-file', join(folder, 'password'), '--link-file', join(folder, 'link')]
    assert.match((await run(0, [...setup, '--name', 'here'])).stdout, /^Logged in to here \(.*\) as ada, administrator\./)
    assert.equal(statSync(env.UNDERSTUDY_CONFIG ?? '').mode & 0o777, 0o600)
    assert.ok(!readFileSync(env.UNDERSTUDY_CONFIG ?? '', 'utf8').includes(PASSWORD))
    assert.match((await run(1, setup)).stderr, /^understudy setup: .*link.*\n$/)
  })

  test('pools are added by fingerprint, and shown with what is in them', async () => {
    for (const { name, url, user, fingerprint } of [source, target]) {
      const add = ['pool', 'add', url, '--user', user, '--password-file', join(folder, name), '--name', name]
      // Without a terminal nobody can compare: the fingerprint is told, and what to pass.
      assert.match((await run(1, add)).stderr, new RegExp(`${fingerprint}[\\s\\S]*--fingerprint ${fingerprint}`))
      assert.match((await run(0, [...add, '--fingerprint', fingerprint])).stdout, new RegExp(`^Pool ${name} was added`))
    }
    const { stdout } = await run(0, ['pool', 'list'])
    assert.match(stdout, /^NAME +STATE +HOSTS/)
    assert.match(stdout, /^paris +connected/m)
    assert.match((await run(0, ['pool', 'vms', 'PARIS'])).stdout, new RegExp(vm.uuid))
    assert.match((await run(0, ['pool', 'test', 'oslo'])).stdout, /^✓ /)
    assert.match((await run(1, ['pool', 'show', 'pariss'])).stderr, /no pool is called 'pariss' \(there is: .*paris/)
  })

  test('R14: a job is made disabled, runs by hand whole, for one VM and for one schedule, and is enabled', async () => {
    assert.match((await run(0, ['job', 'preview', '--all-of', 'paris'])).stdout, /^VM +POOL/)
    const create = [
      'job',
      'create',
      'nightly',
      '--vm',
      vm.uuid,
      '--to',
      `oslo/${target.srs[0]?.name}`,
      '--cron',
      '0 2 * * *',
      '--time-zone',
      'UTC',
    ]
    const made = await json<Job>([...create, '--keep', 'last=2,daily=7', '--schedule-name', 'at two', '--retries', '0', '--disabled'])
    assert.deepEqual([made.enabled, made.schedules[0]?.retention, made.settings.retries], [false, { last: 2, daily: 7 }, 0])
    assert.match((await run(0, ['job', 'list'])).stdout, /^nightly +no /m)

    const dry = await run(0, ['job', 'run', 'nightly', '--dry-run', '--wait'])
    assert.match(dry.stdout, /dry run/)
    const whole = await run(0, ['job', 'run', 'nightly', '--watch'])
    assert.match(whole.stderr, /transferring/)
    assert.match(whole.stdout, /^State +success$/m)
    const { name } = await json<{ name: string }>(['pool', 'show', 'paris'])
    assert.equal(name, 'paris')
    await run(0, ['job', 'run', 'nightly', '--vm', vm.uuid, '--wait'])
    const third = await json<{ state: string; scheduleName: string }>(['run', 'start', 'nightly', '--schedule', 'at two', '--wait'])
    assert.deepEqual([third.state, third.scheduleName], ['success', 'at two'])
    assert.match((await run(1, ['job', 'run', 'nightly', '--vm', 'nobody'])).stderr, /no VM of job nightly is called 'nobody'/)

    assert.match((await run(0, ['job', 'enable', 'nightly'])).stdout, /^Job nightly is enabled\.$/m)
    const [listed] = await json<{ enabled: boolean; nextAt: string }[]>(['job', 'list'])
    assert.ok(listed?.enabled && Date.parse(listed.nextAt) > Date.now())
  })

  test('runs, restore points and their proof are shown', async () => {
    const runs = await json<{ id: string; state: string }[]>(['run', 'list', '--state', 'success', '--limit', '10'])
    assert.ok(runs.length >= 3)
    const { stdout } = await run(0, ['run', 'show', 'last'])
    assert.match(stdout, /^Job +nightly, schedule at two$/m)
    const detail = await json<{ vmRuns: { id: string }[] }>(['run', 'show', runs[0]?.id ?? ''])
    const vmRun = await run(0, ['run', 'vm', detail.vmRuns[0]?.id ?? ''])
    assert.match(vmRun.stdout, /^Restore point +[0-9a-f-]{36}$/m)
    assert.match((await run(0, ['replica', 'list'])).stdout, /protected/)
    const points = await json<{ complete: boolean }[]>(['replica', 'points', vm.uuid])
    assert.ok(points.length >= 2 && points.every(({ complete }) => complete))
    assert.match((await run(0, ['replica', 'verify', vm.uuid, '--mode', 'full', '--wait'])).stdout, /^Equal/)
  })

  test('a target that breaks is exit code 3 and an alert; repaired, everything is well again', async () => {
    await target.post('/faults', { kind: 'cut', match: { connection: 'import', at: 0 }, count: null })
    await source.post('/guest/random', { vm: vm.uuid, count: 20, seed: 'commands' })
    const failed = await run(3, ['job', 'run', 'nightly', '--wait'])
    assert.match(failed.stdout, /^State +failed$/m)
    assert.match((await run(0, ['notification', 'alerts'])).stdout, /run-failed/)
    assert.match((await run(1, ['status'])).stdout, /^Alerts +1$/m)
    await target.delete('/faults')
    await run(0, ['job', 'run', 'nightly', '--wait'])
    assert.match((await run(0, ['notification', 'alerts'])).stdout, /^Nothing is wrong\.$/m)
    await run(0, ['status'])
  })

  test('jobs are edited, cloned, exported and imported with their ids', async () => {
    await run(0, ['job', 'edit', 'nightly', '--name', 'every night', '--verify', 'full', '--rpo', '2d'])
    await run(0, ['schedule', 'add', 'every night', '--every', '1d', '--name', 'daily', '--disabled'])
    const file = join(folder, 'jobs.json')
    await run(0, ['job', 'export', '--output', file])
    const before = await json<Job>(['job', 'show', 'every night'])
    assert.deepEqual([before.settings.verify, before.settings.rpoMinutes, before.schedules.length], ['full', 2880, 2])
    await run(0, ['job', 'edit', 'every night', '--usual', 'verify'])
    assert.match((await run(1, ['job', 'import', file])).stderr, /JOB_EXISTS|exists|already/)
    await run(0, ['job', 'import', file, '--replace'])
    const after = await json<Job>(['job', 'show', before.id])
    assert.deepEqual({ ...after, version: 0, updatedAt: '' }, { ...before, version: 0, updatedAt: '' })
    const copy = await json<Job>(['job', 'clone', 'every night', 'another'])
    assert.ok(!copy.enabled && copy.id !== before.id && copy.schedules.every(({ id }) => before.schedules.every((each) => each.id !== id)))
    await run(1, ['job', 'remove', 'another'])
    await run(0, ['job', 'remove', 'another', '--yes'])
  })

  test('a token does what its role allows, and nothing after it was revoked or logged out', async () => {
    const file = join(folder, 'token')
    await run(0, ['token', 'create', 'monitoring', '--role', 'viewer', '--output', file])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const viewer = {
      UNDERSTUDY_CONFIG: join(folder, 'none'),
      UNDERSTUDY_SERVER: server.url,
      UNDERSTUDY_TOKEN: readFileSync(file, 'utf8').trim(),
    }
    await run(0, ['job', 'list'], { env: viewer })
    assert.match((await run(1, ['job', 'run', 'every night'], { env: viewer })).stderr, /operator|role|allow/)
    await run(0, ['token', 'revoke', 'monitoring'])
    assert.match((await run(1, ['job', 'list'], { env: viewer })).stderr, /understudy login/)
    assert.match((await run(0, ['audit', 'list', '--action', 'job.create'])).stdout, /ada/)
    await run(0, ['logout'])
    assert.match((await run(1, ['job', 'list'])).stderr, /understudy login/)
    await run(0, ['login', server.url, '--user', 'ada', '--password-file', '-'], { input: `${PASSWORD}\n` })
    await run(0, ['job', 'list'])
  })
})
