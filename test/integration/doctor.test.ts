/** `understudy doctor` against simulated pools: what it finds where something is missing, and that it leaves nothing behind. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { seededNumbers } from '../../src/lab/content/seeded-numbers.ts'
import type { PoolToCheck } from '../../src/replication/doctor/bench.ts'
import type { CheckReport } from '../../src/replication/doctor/check.ts'
import { CHECKS, type DoctorReport, runDoctor } from '../../src/replication/doctor/doctor.ts'
import { poolToCheck } from '../../src/replication/doctor/pool-to-check.ts'
import { SCRATCH_MARK, SCRATCH_PREFIX, scratchOwner } from '../../src/replication/doctor/scratch.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import { explainedTrust } from '../../src/xapi/explained-trust.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type ControlledLabPool, type StartedPool, startLab } from '../support/lab.ts'
import { look, withTwoPools, withXapi } from '../support/replicating.ts'

const bin = join(import.meta.dirname, '../../bin/understudy.js')

function urlOf({ url, user, password }: ControlledLabPool, otherPassword = password): string {
  return url.replace('https://', `https://${user}:${encodeURIComponent(otherPassword)}@`)
}

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The command in a process of its own. Without trust in anything but what is given. */
function start(from: string, to: string, ...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ran> } {
  const { UNDERSTUDY_TRUST: _, ...rest } = process.env
  const env = { ...rest, UNDERSTUDY_FROM: from, UNDERSTUDY_TO: to, UNDERSTUDY_KNOWN_CERTIFICATES: '/nonexistent/known' }
  const child = spawn(process.execPath, [bin, 'doctor', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
    })
  }
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, ...output })) }
}

const trusting = (...pools: readonly ControlledLabPool[]) => pools.flatMap(({ fingerprint }) => ['--trust', fingerprint])

const all = (report: DoctorReport): CheckReport[] => [...report.sides.flatMap(({ checks }) => checks), ...report.together]

function found(report: DoctorReport, id: string, side = 0): CheckReport {
  const check = report.sides[side]?.checks.find((each) => each.id === id)
  assert.ok(check, `${id} is in the report`)
  return check
}

/** Scratch objects, by name. Base copies of the storage's chains are the collector's business. */
async function scratchOn(pool: ControlledLabPool): Promise<string[]> {
  const { VM, VDI } = await look(pool)
  return [...VM.values(), ...[...VDI.values()].filter(({ managed }) => managed)]
    .map((each) => each.name_label)
    .filter((name) => name.startsWith(SCRATCH_PREFIX))
}

async function assertNothingLeft(...pools: readonly StartedPool[]): Promise<void> {
  for (const started of pools) {
    assert.deepEqual(await scratchOn(started), [])
    for (const kind of ['task', 'VBD'] as const) {
      const names = started.pool.db.refs(kind).map((ref) => started.pool.db.get(kind, ref))
      const left = kind === 'VBD' ? names.filter(({ VM }) => VM === started.pool.refs.controlDomain) : names
      assert.deepEqual(left, [], `${kind} left on ${started.name}`)
    }
  }
}

/** Calls of the doctor answered by the test: `undefined` lets them pass. */
type Meddle = (method: string, params: readonly unknown[]) => Promise<unknown> | undefined

function meddled(xapi: Xapi, meddle: Meddle, more: Partial<Xapi> = {}): Xapi {
  return new Proxy(xapi, {
    get(real, key) {
      if (key in more) return more[key as keyof Xapi]
      const value: unknown = Reflect.get(real, key)
      if (key === 'call' || key === 'callAsync') {
        return (method: string, params: readonly unknown[], options: object) => meddle(method, params) ?? real[key](method, params, options)
      }
      return typeof value === 'function' ? value.bind(real) : value
    },
  })
}

/** The doctor in this process, on a source and a target, with some of its checks. */
function examineBoth(from: ControlledLabPool, to: ControlledLabPool, only: readonly string[], sr?: string): Promise<DoctorReport> {
  const trust = explainedTrust([['the test', trustListed([from.fingerprint, to.fingerprint])]])
  return runDoctor({
    pools: [
      poolToCheck('source', from, { trust }, { sr: undefined, vm: undefined }),
      poolToCheck('target', to, { trust }, { sr, vm: undefined }),
    ],
    owner: scratchOwner(randomUUID()),
    signal: new AbortController().signal,
    checks: CHECKS.filter(({ id }) => only.includes(id)),
  })
}

/** The doctor in this process, on one pool. */
async function examine(
  pool: ControlledLabPool,
  change: (xapi: Xapi) => Xapi = (xapi) => xapi,
  more: { readonly signal?: AbortSignal; readonly only?: readonly string[]; readonly sr?: string } = {},
): Promise<DoctorReport> {
  const login = { url: pool.url, user: pool.user, password: pool.password }
  const trust = explainedTrust([['the test', trustListed([pool.fingerprint])]])
  const checked = poolToCheck('both', login, { trust }, { sr: more.sr, vm: undefined })
  const altered: PoolToCheck = { ...checked, connect: async (signal) => change(await checked.connect(signal)) }
  return runDoctor({
    pools: [altered],
    owner: scratchOwner(randomUUID()),
    signal: more.signal ?? new AbortController().signal,
    checks: more.only === undefined ? CHECKS : CHECKS.filter(({ id }) => more.only?.includes(id)),
  })
}

const BASICS = ['reach', 'certificate', 'login', 'storage', 'space', 'disk', 'chunked-import', 'write']
const denied = (method: string) => Promise.reject(new XapiError('RBAC_PERMISSION_DENIED', [method, 'no'], method))

describe('doctor', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  test('on two healthy pools everything is proven, and nothing is left', async () => {
    const sr = target.srs[1]?.uuid as string
    const { code, stdout, stderr } = await start(urlOf(source), urlOf(target), '--sr', sr, '--json', ...trusting(source, target)).ended
    assert.equal(code, 0, stdout + stderr)
    assert.equal(stderr, '')
    const report = JSON.parse(stdout) as DoctorReport
    assert.deepEqual(
      all(report).filter(({ outcome }) => outcome !== 'ok'),
      [],
    )
    assert.equal(report.sides.length, 2)
    for (const side of report.sides)
      assert.deepEqual(
        side.checks.map(({ id }) => id),
        [...CHECKS.map(({ id }) => id), 'nothing-left'],
      )
    assert.equal(report.sides[1]?.storage?.uuid, sr)
    assert.match(
      report.summary,
      /^Everything Understudy relies on works; the source reads at \d+ MiB\/s, the target writes at \d+ MiB\/s\.$/,
    )
    assert.ok((found(report, 'latency').figures?.latencyMs ?? 0) > 0)
    assert.match(found(report, 'certificate').detail, /^by --trust; valid until \d{4}/)
    assert.doesNotMatch(stdout, new RegExp(source.password))
    await assertNothingLeft(source, target)
    assert.deepEqual(source.pool.db.refs('session'), [])
  })

  test('a pool without NBD is usable, and the report says what that costs', async () => {
    const bare = await startLab({ pools: ['bare'], empty: true, nbd: false })
    try {
      const [pool] = bare.pools as [StartedPool]
      const { code, stdout } = await start(urlOf(pool), urlOf(pool), ...trusting(pool)).ended
      assert.equal(code, 0, stdout)
      assert.match(stdout, /! NBD offered +no network has the purpose nbd\n +costs: +deltas .*\n +to mend: give a network/)
      assert.match(stdout, /- NBD reads what was written +not run: needs "NBD offered"/)
      assert.match(stdout, /✓ Reading speed +\d+ MiB\/s by a raw export/)
      assert.match(stdout, /\nReplication works here, with 1 reservation: /)
      await assertNothingLeft(pool)
    } finally {
      await bare.close()
    }
  })

  test('a right that is missing is named, with the role to ask for; what was made goes all the same', async () => {
    const report = await examine(source, (xapi) => meddled(xapi, (method) => (method === 'VM.snapshot' ? denied(method) : undefined)))
    assert.equal(report.ok, false)
    assert.equal(found(report, 'rights').outcome, 'failed')
    assert.match(found(report, 'rights').detail, /^may not call VM\.snapshot$/)
    assert.equal(found(report, 'vm-snapshot').outcome, 'failed')
    assert.match(found(report, 'vm-snapshot').mend ?? '', /pool-admin/)
    assert.match(found(report, 'vm-snapshot').costs ?? '', /no replication/)
    assert.deepEqual([found(report, 'vm-clone').outcome, found(report, 'vm-clone').detail], ['not-run', 'needs "Snapshot of a VM"'])
    assert.equal(found(report, 'nothing-left').outcome, 'ok')
    assert.match(report.summary, /^Do not rely on replication here yet: 2 checks failed/)
    await assertNothingLeft(source)
  })

  test('what can’t be removed is reported as left behind, by name', async () => {
    const report = await examine(source, (xapi) => meddled(xapi, (method) => (method === 'VDI.destroy' ? denied(method) : undefined)), {
      only: BASICS,
    })
    const left = found(report, 'nothing-left')
    assert.equal(left.outcome, 'failed')
    assert.match(left.detail, /disk "understudy doctor [^"]* disk" \([0-9a-f-]{36}\): RBAC_PERMISSION_DENIED/)
    assert.equal((await scratchOn(source)).length, 1)
    // It is this process's: another doctor of the same machine leaves it alone while this one runs.
    const again = await examine(source, undefined, { only: ['reach', 'certificate', 'login', 'earlier'] })
    assert.match(found(again, 'earlier').detail, /left alone/)
    await withXapi(source, async (xapi) => {
      for (const [ref, { name_label: name }] of await xapi.records('VDI')) {
        if (name.startsWith(SCRATCH_PREFIX)) await xapi.call('VDI.destroy', [ref])
      }
    })
  })

  test('a storage without room fails the check of space, and nothing that needs it is tried', async () => {
    const sr = target.srs[0]?.uuid as string
    const resize = (bytes: number) =>
      withXapi(target, async (xapi) => xapi.call('SR.set_physical_size', [await xapi.byUuid('SR', sr), bytes]))
    await resize(100 * 2 ** 20)
    try {
      const report = await examineBoth(source, target, BASICS, sr)
      assert.equal(report.ok, false)
      const space = found(report, 'space', 1)
      assert.equal(space.outcome, 'failed')
      assert.match(space.detail, /100\.0 MiB free of 100\.0 MiB; the checks need 256\.0 MiB/)
      assert.match(space.costs ?? '', /first copy/)
      assert.equal(found(report, 'disk', 1).outcome, 'not-run')
      assert.equal(found(report, 'nothing-left', 1).outcome, 'ok')
      await assertNothingLeft(source, target)
    } finally {
      await resize(2 ** 41)
    }
  })

  test('a storage that fills up in the middle fails what was tried then, with free space as the cure', async () => {
    const full = () => Promise.reject(new XapiError('SR_BACKEND_FAILURE_44', ['', 'There is insufficient space', ''], 'VDI.snapshot'))
    const report = await examine(source, (xapi) => meddled(xapi, (method) => (method === 'VDI.snapshot' ? full() : undefined)), {
      only: [...BASICS, 'cbt', 'snapshot', 'changed-blocks'],
    })
    // The list of rights is not among them: only the snapshot itself meets it.
    assert.equal(found(report, 'snapshot').outcome, 'failed')
    assert.match(found(report, 'snapshot').mend ?? '', /free space/)
    assert.equal(found(report, 'changed-blocks').outcome, 'not-run')
    await assertNothingLeft(source)
  })

  test('a host that refuses the chunked import is tried with VHD streams, all the way', async () => {
    const refusing = (xapi: Xapi) =>
      meddled(xapi, () => undefined, {
        importVdi: async (request) => {
          if (request.chunked) throw new XapiError('INTERNAL_ERROR', ['Cannot handle chunked'], 'PUT /import_raw_vdi')
          return xapi.importVdi(request)
        },
      })
    const report = await examine(source, refusing)
    assert.deepEqual(
      all(report)
        .filter(({ outcome }) => outcome !== 'ok')
        .map(({ id, outcome }) => [id, outcome]),
      [['chunked-import', 'warning']],
    )
    assert.match(found(report, 'chunked-import').costs ?? '', /2 MiB for every changed 64 KiB/)
    assert.match(found(report, 'write-speed').detail, /by a VHD import/)
    assert.equal(report.ok, true)
    await assertNothingLeft(source)
  })

  test('bytes that come back wrong fail the check, however dispensable it is', async () => {
    const corrupting = (xapi: Xapi) =>
      meddled(xapi, () => undefined, {
        exportVdi: async (request) => {
          const stream = await xapi.exportVdi(request)
          const chunks = (async function* () {
            let at = 0
            for await (const chunk of stream.chunks) {
              const place = 9 * 2 ** 20 + 700 - at
              if (request.format === 'raw' && place >= 0 && place < chunk.length) chunk[place] = (chunk[place] as number) ^ 1
              at += chunk.length
              yield chunk
            }
          })()
          return { chunks, finished: () => stream.finished(), close: () => stream.close() }
        },
      })
    const report = await examine(source, corrupting, { only: [...BASICS, 'raw-export', 'write-speed'] })
    const wrong = found(report, 'chunked-import')
    assert.equal(wrong.outcome, 'failed')
    assert.match(wrong.detail, /from byte 9437884 on/)
    assert.match(wrong.mend ?? '', /do not replicate/)
    assert.equal(found(report, 'raw-export').outcome, 'not-run')
    await assertNothingLeft(source)
  })

  test('a VM that starts although its start is blocked fails the check, and is gone afterwards', async () => {
    const report = await examine(
      source,
      (xapi) => meddled(xapi, (method) => (method === 'VM.set_blocked_operations' ? Promise.resolve('') : undefined)),
      { only: [...BASICS, 'vm', 'blocked-start'] },
    )
    assert.equal(found(report, 'blocked-start').outcome, 'failed')
    assert.match(found(report, 'blocked-start').detail, /started the VM/)
    assert.equal(found(report, 'nothing-left').outcome, 'ok')
    await assertNothingLeft(source)
  })

  test('clocks that differ are told for each pool and between them', async () => {
    await target.post('/clock', { offset: -3_600_000 })
    try {
      const report = await examineBoth(source, target, ['reach', 'certificate', 'login', 'clock'])
      assert.equal(found(report, 'clock', 0).outcome, 'ok')
      assert.equal(found(report, 'clock', 1).outcome, 'warning')
      assert.match(report.together[0]?.detail ?? '', /^the target is 3(599|60\d) s behind the source$/)
      assert.equal(report.ok, true)
    } finally {
      await target.post('/clock', { offset: 0 })
    }
  })

  test('a pool that can’t be reached, an unknown certificate and a wrong password are one failed check each; the other side is tried', async () => {
    const nobody = await startLab({ pools: ['gone'], empty: true })
    const gone = nobody.pools[0] as StartedPool
    await nobody.close()
    const unreachable = await examineBoth(gone, target, [...BASICS, 'nbd-offered', 'nbd-reachable', 'nbd-read'])
    assert.equal(found(unreachable, 'reach').outcome, 'failed')
    assert.equal(found(unreachable, 'login').detail, 'needs "Reachable over TLS"')
    assert.equal(found(unreachable, 'nbd-read', 1).outcome, 'ok')

    const refused = await start(urlOf(source), urlOf(source), ...trusting(target)).ended
    assert.equal(refused.code, 1)
    assert.match(refused.stdout, new RegExp(`✗ Certificate accepted .*${source.fingerprint}`))
    assert.equal(refused.stdout.includes(source.password), false)

    const wrong = await start(urlOf(source, 'not the password'), urlOf(source, 'not the password'), ...trusting(source)).ended
    assert.equal(wrong.code, 1)
    assert.match(wrong.stdout, /✗ Login +SESSION_AUTHENTICATION_FAILED/)
    assert.equal(wrong.stdout.includes('not the password'), false)
  })

  /** Resolves when the doctor has made an object of the class on the pool. */
  function made(pool: StartedPool, className: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stop = pool.pool.db.onChange((changed, ref, operation) => {
      if (changed !== className || operation !== 'add') return
      if (!String(pool.pool.db.get(changed, ref).name_label).startsWith(SCRATCH_PREFIX)) return
      stop()
      resolve()
    })
    return promise
  }

  for (const className of ['VDI', 'VM']) {
    test(`stopped by SIGINT after it made a ${className}, it ends with 130 and nothing is left`, async () => {
      const seen = made(source, className)
      const { child, ended } = start(urlOf(source), urlOf(target), '--json', ...trusting(source, target))
      await Promise.race([seen, ended.then(({ stderr }) => assert.fail(`ended early: ${stderr}`))])
      child.kill('SIGINT')
      const { code, stdout } = await ended
      assert.equal(code, 130)
      assert.equal(stdout, '')
      await assertNothingLeft(source, target)
    })
  }

  test('stopped at any call, it leaves nothing behind', async () => {
    const seed = process.env.UNDERSTUDY_TEST_SEED ?? randomUUID()
    const numbers = seededNumbers(seed)
    for (let round = 0; round < 4; round++) {
      const stop = new AbortController()
      const reason = new Error('stopped by the test')
      const at = 20 + numbers(120)
      let calls = 0
      const stopping = (xapi: Xapi) =>
        meddled(xapi, () => {
          if (++calls === at) stop.abort(reason)
          return undefined
        })
      const only = CHECKS.map(({ id }) => id).filter((id) => !id.endsWith('-speed'))
      const outcome = await examine(source, stopping, { signal: stop.signal, only }).catch((error: unknown) => error)
      if (stop.signal.aborted && calls > at) assert.equal(outcome, reason, `seed ${seed}, round ${round}, call ${at}`)
      await assertNothingLeft(source).catch((error: Error) => assert.fail(`seed ${seed}, round ${round}, call ${at}: ${error.message}`))
    }
  })

  test('what a killed doctor left is removed by the next one, and nothing else', async () => {
    const seen = made(source, 'VM')
    const { child, ended } = start(urlOf(source), urlOf(target), ...trusting(source, target))
    await Promise.race([seen, ended.then(({ stderr }) => assert.fail(`ended early: ${stderr}`))])
    child.kill('SIGKILL')
    await ended
    assert.ok((await scratchOn(source)).length >= 3, 'the killed doctor left something')
    const sr = source.srs[0]?.uuid as string
    const others = await withXapi(source, async (xapi) => {
      const record = { SR: await xapi.byUuid('SR', sr), virtual_size: 2 ** 22, type: 'user', sharable: false, read_only: false }
      const alive = { run: randomUUID(), host: `not-${hostname()}`, pid: 1, at: Date.now() }
      return [
        await xapi.call<string>('VDI.create', [{ ...record, name_label: `${SCRATCH_PREFIX}of mine`, other_config: {} }]),
        await xapi.call<string>('VDI.create', [{ ...record, name_label: 'mine', other_config: { [SCRATCH_MARK]: JSON.stringify(alive) } }]),
        await xapi.call<string>('VDI.create', [
          { ...record, name_label: `${SCRATCH_PREFIX}elsewhere`, other_config: { [SCRATCH_MARK]: JSON.stringify(alive) } },
        ]),
      ]
    })
    const report = await examine(source, undefined, { only: ['reach', 'certificate', 'login', 'earlier'] })
    assert.match(found(report, 'earlier').detail, /^\d+ objects, removed now; 1 of a doctor that may be at work now, left alone$/)
    assert.deepEqual((await scratchOn(source)).sort(), [`${SCRATCH_PREFIX}elsewhere`, `${SCRATCH_PREFIX}of mine`])
    await withXapi(source, async (xapi) => {
      for (const ref of others) await xapi.call('VDI.destroy', [ref])
    })
    await assertNothingLeft(source)
  })

  for (const [kind, expected] of [
    ['qcow2', { 'vhd-delta': 'warning' }],
    ['no-cbt', { cbt: 'warning', 'changed-blocks': 'not-run', 'data-destroy': 'not-run' }],
    ['no-snapshots', { grow: 'warning', cbt: 'warning', snapshot: 'failed', 'disk-clone': 'not-run', 'vm-snapshot': 'failed' }],
  ] as const) {
    test(`storage of the kind ${kind}: exactly what it can't do is told`, async () => {
      const { sr } = (await target.post('/srs', { name: kind, kind, size: 2 ** 31 })) as { sr: { uuid: string } }
      const only = CHECKS.map(({ id }) => id).filter((id) => !id.endsWith('-speed'))
      const report = await examine(target, undefined, { sr: sr.uuid, only })
      const outcomes = Object.fromEntries(all(report).map(({ id, outcome }) => [id, outcome]))
      for (const [id, outcome] of Object.entries(expected)) assert.equal(outcomes[id], outcome, `${id}: ${found(report, id).detail}`)
      const wrong = all(report).filter(({ outcome }) => outcome === 'warning' || outcome === 'failed')
      assert.deepEqual(
        wrong.map(({ id }) => id).filter((id) => !(id in expected)),
        [],
      )
      assert.equal(report.ok, !Object.values<string>(expected).includes('failed'))
      assert.doesNotMatch(JSON.stringify(report), /OpaqueRef/)
      assert.equal(outcomes['nothing-left'], 'ok')
      await assertNothingLeft(target)
    })
  }

  test('left-overs of replication are told, and left alone', async () => {
    const uuids = (count: number) => Array.from({ length: count }, () => randomUUID())
    const [disk, snapshot, another] = await withXapi(source, async (xapi) => {
      const SR = await xapi.byUuid('SR', source.srs[0]?.uuid as string)
      const name = `understudy ${uuids(2).join(' ')} (being made)`
      const record = { SR, virtual_size: 2 ** 22, type: 'user', sharable: false, read_only: false, name_label: name, other_config: {} }
      const vm = await xapi.byUuid('VM', (await source.post('/vms', { name: 'replicated', disks: [] })).vm.uuid)
      const take = (targets: string) =>
        xapi.callAsync('VM.snapshot', [vm, `understudy ${randomUUID()} ${targets} ${randomUUID()} (being made)`])
      return [await xapi.call<string>('VDI.create', [record]), await take(randomUUID()), await take(uuids(2).join('+'))]
    })
    const report = await examine(source, undefined, { only: ['reach', 'certificate', 'login', 'left-overs'] })
    const { outcome, detail } = found(report, 'left-overs')
    assert.equal(outcome, 'warning')
    assert.match(detail, /an unfinished disk/)
    assert.equal(detail.match(/an unfinished snapshot/g)?.length, 2, detail)
    await withXapi(source, async (xapi) => {
      for (const ref of [snapshot, another]) await xapi.call('VM.destroy', [ref])
      await xapi.call('VDI.destroy', [disk])
    })
  })

  test('wrong arguments are one line and exit code 2', async () => {
    const { code, stderr } = await start(urlOf(source), urlOf(target), '--sr', 'local').ended
    assert.equal(code, 2)
    assert.match(stderr, /^understudy doctor: --sr takes a uuid, not 'local' \(see 'understudy doctor --help'\)\n$/)
  })
})
