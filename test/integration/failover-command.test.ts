/** `clone`, `failover …`, `failback` and `plan run` as an administrator types them: usage, what is wrong with what was typed, `--json`, exit codes. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Command } from '../../src/cli/command.ts'
import { failOver, undoBoth, vmOf } from '../support/failing-over.ts'
import { runCommand } from '../support/failover-kills.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { assertProtected, type Chain, chainBetween, look, MIB, makeVm, replicaOf, replicate, withXapi } from '../support/replicating.ts'

describe('commands that clone, fail over and go back', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  let chain: Chain
  let point: string
  let named: string[]
  const folder = mkdtempSync(join(tmpdir(), 'failover-command-'))
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
    for (const pool of [source, target]) await pool.post('/guest/tools', {})
    const vm = await makeVm(source, [8 * MIB], { tools: true })
    chain = chainBetween(source, target, vm)
    point = (await replicate(chain)).restorePoint.uuid
    named = ['--sr', chain.sr, '--vm', chain.vm]
  })
  after(async () => {
    await lab.close()
    rmSync(folder, { recursive: true })
  })

  const run = (...args: readonly string[]) => runCommand(args, { source, target }).ended
  const COMMANDS = [
    ['clone'],
    ...['test', 'now', 'planned', 'reprotect', 'undo', 'fence', 'status', 'cleanup'].map((name) => ['failover', name]),
    ['failback'],
    ['plan', 'run'],
  ]
  const load = async (name: string): Promise<Command> => ((await import(`../../src/cli/${name}.ts`)) as { command: Command }).command
  const isUsageError = (error: Error) => error.name === 'UsageError'
  const plan = (text: string) => {
    const file = join(folder, `${randomUUID()}.json`)
    writeFileSync(file, text)
    return file
  }
  /** Several at once: most of their time is that of a process to start. */
  async function each<T>(cases: readonly T[], check: (one: T) => Promise<void>): Promise<void> {
    const left = [...cases]
    const worker = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await check(next)
    }
    await Promise.all([worker(), worker(), worker(), worker()])
  }

  test('each says how it is used, and refuses an option that it does not have', async () => {
    for (const [name, ...rest] of COMMANDS) {
      const command = await load(name as string)
      const usage = (await command.usageOf?.(rest)) ?? command.usage
      assert.match(usage, new RegExp(`Usage: understudy ${[name, ...rest].join(' ')}`))
      assert.match(usage, /--json/)
      await assert.rejects(command.run([...rest, '--no-such-option']), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })
    }
    const help = await run('failover', 'fence', '--help')
    assert.deepEqual([help.code, help.stderr], [0, ''])
    assert.match(help.stdout, /^\n?Usage: understudy failover fence/)
  })

  test('what is missing or malformed is wrong usage, and named: exit code 2, nothing on standard output', async () => {
    const to = ['--to', 'https://root:x@127.0.0.1:1']
    const cases: readonly [readonly string[], RegExp][] = [
      [['clone', '--sr', 'x', '--vm', chain.vm], /--sr takes a uuid, not 'x'/],
      [['clone', '--vm', chain.vm], /--sr is missing/],
      [['clone', ...named, '--mac', 'mine'], /--mac is one of/],
      [['clone', ...named, '--network', 'isolated'], /--network isolated is for tests/],
      [['clone', ...named, '--restore-point', point], /--vm and --job do not go with it/],
      [['failover'], /which failover\?/],
      [['failover', 'over'], /there is no 'failover over'/],
      [['failover', 'test', '--sr', chain.sr], /--vm or --restore-point is missing/],
      [['failover', 'test', ...named, '--ready', 'ping'], /--ready takes/],
      [['failover', 'test', ...named, '--ready-timeout', 'soon'], /--ready-timeout takes seconds/],
      [['failover', 'test', ...named, '--network', 'a=b=c'], /--network/],
      [['failover', 'now', ...named, '--from', 'nonsense'], /--from/],
      [['failover', 'planned', ...named, '--shutdown-timeout', '0'], /--shutdown-timeout takes seconds/],
      [['failover', 'planned', ...named, '--from', 'https://root:x@127.0.0.1:1', '--retention', '0'], /--retention is a number/],
      [['failover', 'undo'], /--vm or --failed-over is missing/],
      [['failover', 'reprotect', '--vm', '7'], /--vm takes a uuid/],
      [['failback'], /--vm or --failed-over is missing|--vm is missing/],
      [['plan', 'run'], /understudy plan run FILE/],
      [['plan', 'run', 'site.json'], /one of --test, --planned and --now/],
      [['plan', 'run', 'site.json', '--test', '--now'], /one of --test, --planned and --now/],
      [
        [
          'plan',
          'run',
          plan(`{"name": "x", "groups": [{"vms": [{"vm": "${randomUUID()}", "sr": "${randomUUID()}"}]}]}`),
          '--test',
          '--at-once',
          '0',
        ],
        /--at-once/,
      ],
    ]
    for (const [[name, ...rest], said] of cases) {
      // Without anything more, nothing says which subcommand it is.
      const args = rest.length === 0 || rest[0] === 'over' ? rest : [...rest, ...to]
      await assert.rejects(
        (await load(name as string)).run(args),
        (error: Error) => isUsageError(error) && said.test(error.message),
        rest.join(' '),
      )
    }
    const { code, stdout, stderr } = await run('clone', '--vm', chain.vm)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^understudy clone: --sr is missing[^\n]*\n$/)
  })

  test('what is not there, a wrong password, a plan that is none: exit code 1, one line on standard error, its code as JSON', () => {
    const nobody = randomUUID()
    const wrongPassword = target.url.replace('://', '://root:wrong@')
    const bad = (text: string) => ['plan', 'run', plan(text), '--test'] as const
    return each<[readonly string[], string]>(
      [
        [['clone', '--sr', chain.sr, '--vm', nobody], 'RESTORE_POINT_NOT_FOUND'],
        [['clone', '--sr', nobody, '--vm', chain.vm], 'SR_NOT_FOUND|RESTORE_POINT_NOT_FOUND'],
        [['clone', '--restore-point', nobody], 'RESTORE_POINT_NOT_FOUND'],
        [['clone', ...named, '--job', nobody], 'RESTORE_POINT_NOT_FOUND'],
        [['clone', ...named, '--network', nobody], 'NETWORK_NOT_FOUND'],
        [['clone', ...named, '--to', wrongPassword], 'SESSION_AUTHENTICATION_FAILED'],
        [['failover', 'test', '--restore-point', nobody], 'RESTORE_POINT_NOT_FOUND'],
        [['failover', 'test', ...named, '--network', `${nobody}=${nobody}`], 'NETWORK_NOT_FOUND'],
        [['failover', 'now', '--sr', chain.sr, '--vm', nobody, '--yes'], 'RESTORE_POINT_NOT_FOUND'],
        [['failover', 'now', ...named], 'SOURCE_RUNS'],
        [['failover', 'now', ...named, '--yes'], 'SOURCE_RUNS'],
        [['failover', 'now', ...named, '--even-if-source-runs'], 'NOT_CONFIRMED'],
        [['failover', 'planned', ...named], 'NOT_CONFIRMED'],
        [['failover', 'planned', '--sr', chain.sr, '--vm', nobody, '--yes'], 'RESTORE_POINT_NOT_FOUND'],
        [['failover', 'undo', '--vm', chain.vm, '--yes'], 'NOT_FAILED_OVER'],
        [['failover', 'reprotect', '--vm', chain.vm, '--yes'], 'NOT_FAILED_OVER'],
        [['failback', '--vm', chain.vm, '--yes'], 'NOT_FAILED_OVER'],
        [['failover', 'status', '--to', wrongPassword], 'SESSION_AUTHENTICATION_FAILED'],
        [['plan', 'run', join(folder, 'not-there.json'), '--test'], 'RECOVERY_PLAN_INVALID'],
        [bad('{'), 'RECOVERY_PLAN_INVALID'],
        [bad('{"name": "x", "groups": [{"vms": [{"vm": "7", "sr": "8"}]}]}'), 'RECOVERY_PLAN_INVALID'],
        [bad('{"name": "x", "groups": [], "speed": 9}'), 'RECOVERY_PLAN_INVALID'],
      ],
      async ([args, code]) => {
        const ended = await run(...args, '--json')
        assert.equal(ended.code, 1, `${args.join(' ')}: ${ended.stderr}`)
        assert.match(ended.stderr, /^understudy [^\n]+\n$/, 'one line')
        const { status, error } = JSON.parse(ended.stdout) as { status: string; error: { code: string; message: string; hint: string } }
        assert.equal(status, 'failed')
        assert.match(error.code, new RegExp(`^(${code})$`), args.join(' '))
        assert.ok(!`${ended.stdout}${ended.stderr}`.includes(target.password) && !ended.stderr.includes(':wrong@'))
      },
    )
  })

  test('a dry run of each says what would happen and changes nothing', async () => {
    const before = await look(target)
    await each<[readonly string[], RegExp]>(
      [
        [['clone', ...named, '--dry-run'], /of restore point/],
        [['failover', 'test', ...named, '--dry-run'], /isolated network/],
        [['failover', 'now', ...named, '--even-if-source-runs', '--dry-run'], /What is lost:[\s\S]*goes on running beside/],
        [['failover', 'now', ...named, '--even-if-source-runs', '--dry-run', '--json'], /"code":"source-still-runs"/],
        [['failover', 'cleanup', '--dry-run'], /There is nothing/],
        [['failover', 'fence'], /No VM of this pool has failed over/],
        [['failover', 'status'], /Nothing has failed over/],
      ],
      async ([args, said]) => {
        const { code, stdout, stderr } = await run(...args)
        assert.equal(code, 0, stderr)
        assert.match(stdout, said)
      },
    )
    assert.deepEqual(new Set((await look(target)).VM.keys()), new Set(before.VM.keys()))
  })

  test('clone, test and clean-up: what they made is told as JSON, and nothing else is on standard output', async () => {
    const made = await run('clone', ...named, '--name', 'to work on', '--json')
    assert.equal(made.code, 0, made.stderr)
    const { kind, vm } = JSON.parse(made.stdout) as { kind: string; vm: { uuid: string; name: string } }
    assert.deepEqual([kind, vm.name], ['clone', 'to work on'])
    assert.equal(vmOf(await look(target), vm.uuid)[1].name_label, 'to work on')
    const tested = await run('failover', 'test', ...named, '--keep', '--json')
    assert.equal(tested.code, 0, tested.stderr)
    const report = JSON.parse(tested.stdout) as { kind: string; outcome: string; vm: { uuid: string } }
    assert.deepEqual([report.kind, report.outcome], ['test', 'ready'])
    const down = await run('failover', 'test', ...named, '--ready', 'script:/bin/false', '--ready-timeout', '0.3', '--json')
    assert.equal(down.code, 1)
    assert.equal((JSON.parse(down.stdout) as { outcome: string }).outcome, 'not-ready')
    const status = JSON.parse((await run('failover', 'status', '--json')).stdout) as { tests: { uuid: string }[] }
    assert.deepEqual(
      status.tests.map(({ uuid }) => uuid),
      [report.vm.uuid],
    )
    const removed = await run('failover', 'cleanup', '--json')
    assert.equal((JSON.parse(removed.stdout) as { vms: string[] }).vms.length, 1)
    assert.ok(![...(await look(target)).VM.values()].some(({ uuid }) => uuid === report.vm.uuid))
  })

  test('a source that runs stops a failover; one that is down is blocked; one that was started since is named by status and fence', async () => {
    await assert.rejects(
      withXapi(source, async (xapi) => xapi.call('VM.start', [await xapi.byUuid('VM', chain.vm), false, false])),
      { code: 'VM_BAD_POWER_STATE' },
    )
    const beside = await run('failover', 'now', ...named, '--clone', '--yes', '--json')
    assert.equal(beside.code, 1, 'a clone with the MACs of a source that runs')
    const apart = await run('failover', 'now', ...named, '--clone', '--network', 'none', '--yes', '--json')
    assert.equal(apart.code, 0, apart.stderr)
    assert.equal((await run('failover', 'undo', '--vm', chain.vm, '--yes')).code, 0)
    await withXapi(source, async (xapi) => xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', chain.vm)]))
    const now = await run('failover', 'now', ...named, '--yes', '--json')
    assert.equal(now.code, 0, now.stderr)
    const blocked = vmOf(await look(source), chain.vm)[1].blocked_operations
    assert.match(blocked.start ?? '', /^Failed over by Understudy/)
    const again = await run('failover', 'now', ...named, '--clone', '--network', 'none', '--yes', '--json')
    assert.equal((JSON.parse(again.stdout) as { error: { code: string } }).error.code, 'ALREADY_FAILED_OVER')
    // Somebody takes the block away.
    await withXapi(source, async (xapi) => xapi.call('VM.set_blocked_operations', [await xapi.byUuid('VM', chain.vm), {}]))
    const original = ['--original', source.url.replace('://', `://${source.user}:${encodeURIComponent(source.password)}@`)]
    assert.match((await run('failover', 'status', ...original)).stdout, /nothing keeps it from being started: understudy failover fence/)
    const looked = await run('failover', 'fence', '--dry-run')
    assert.equal(looked.code, 1)
    await withXapi(source, async (xapi) => xapi.callAsync('VM.start', [await xapi.byUuid('VM', chain.vm), false, false]))
    const running = await run('failover', 'fence')
    assert.equal(running.code, 1)
    assert.match(running.stdout, /RUNS: two VMs with one identity/)
    await withXapi(source, async (xapi) => xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', chain.vm)]))
    const fenced = await run('failover', 'fence', '--json')
    assert.equal(fenced.code, 0, fenced.stderr)
    assert.deepEqual(
      (JSON.parse(fenced.stdout) as { originals: { state: string }[] }).originals.map(({ state }) => state),
      ['blocked'],
    )
    // Undone, the block goes with it.
    assert.equal((await run('failover', 'undo', '--vm', chain.vm, '--yes')).code, 0)
    assert.deepEqual(vmOf(await look(source), chain.vm)[1].blocked_operations, {})
    assertProtected(await look(target), chain)
  })

  test('with the source pool silent a failover goes on, and says that nobody could look', async () => {
    await source.stop()
    try {
      const now = await run('failover', 'now', ...named, '--yes')
      assert.equal(now.code, 0, now.stderr)
      assert.match(now.stderr, /the source pool does not answer/)
    } finally {
      await source.start()
    }
    await undoBoth(chain)
  })

  test('a replica that somebody started is told by status, refused by now, and kept with --as-it-runs', async () => {
    const replica = replicaOf(await look(target), chain)?.uuid as string
    await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', replica)
      await xapi.call('VM.set_blocked_operations', [ref, {}])
      await xapi.callAsync('VM.start', [ref, false, false])
    })
    assert.match((await run('failover', 'status')).stdout, /a replica that somebody started/)
    const refused = await run('failover', 'now', ...named, '--yes', '--json')
    assert.equal((JSON.parse(refused.stdout) as { error: { code: string } }).error.code, 'REPLICA_IN_USE')
    const kept = await run('failover', 'now', ...named, '--as-it-runs', '--yes')
    assert.equal(kept.code, 0, kept.stderr)
    assert.match((await run('failover', 'status')).stdout, /failed over \(unplanned/)
    await undoBoth(chain)
    await withXapi(source, async (xapi) => {
      const ref = await xapi.byUuid('VM', chain.vm)
      if ((await xapi.call('VM.get_power_state', [ref])) === 'Halted') await xapi.callAsync('VM.start', [ref, false, false])
    })
  })

  test('two people at once: one fails over, the other is told, and one VM runs', async () => {
    await withXapi(source, async (xapi) => xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', chain.vm)]))
    const both = await Promise.all([
      run('failover', 'now', ...named, '--yes', '--json'),
      run('failover', 'now', ...named, '--yes', '--json'),
    ])
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1], both.map(({ stderr }) => stderr).join())
    const told = both.find(({ code }) => code === 1)
    assert.match(
      (JSON.parse(told?.stdout ?? '') as { error: { code: string } }).error.code,
      /^(ALREADY_FAILED_OVER|RUN_UNDER_WAY|PLAN_CHANGED)$/,
    )
    const undone = await Promise.all([
      run('failover', 'undo', '--vm', chain.vm, '--yes', '--json'),
      run('failover', 'undo', '--vm', chain.vm, '--yes', '--json'),
    ])
    assert.ok(
      undone.some(({ code }) => code === 0),
      undone.map(({ stderr }) => stderr).join(),
    )
    assertProtected(await look(target), chain)
    await assert.doesNotReject(failOver(chain))
  })
})
