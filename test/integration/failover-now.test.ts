/** Unplanned failovers: what starts, what it holds, what is told before, how it is taken back; stopped at any call. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { readCommonMark, readFailoverMark } from '../../src/core/failover/marks.ts'
import { takeOverAsItRuns } from '../../src/replication/failover/as-it-runs.ts'
import { prepareTakeOver } from '../../src/replication/failover/take-over.ts'
import { failOver, hashesNow, newestOf, optionsFor, undo, vmOf, wishesToTakeOver } from '../support/failing-over.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  hashesOf,
  look,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  replicaOf,
  replicate,
  restorePoints,
  withXapi,
} from '../support/replicating.ts'

/** What a lock's holder that was killed costs the next one. */
const QUICK = { beatMs: 100, patienceMs: 500 }

describe('unplanned failover', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
    await target.post('/guest/tools', {})
  })
  after(() => lab.close())

  const write = (vm: MadeVm, seed: string, count = 20) => source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count, seed })
  async function protect(more: object = {}) {
    const vm = await makeVm(source, [32 * MIB, 16 * MIB], more)
    const chain: Chain = { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID() }
    const states = [await hashesOf(source, vm)]
    const points = [(await replicate(chain)).restorePoint.uuid]
    await write(vm, 'second')
    states.push(await hashesOf(source, vm))
    points.push((await replicate(chain)).restorePoint.uuid)
    return { vm, chain, states, points }
  }
  const replicaRef = (xapi: Parameters<typeof optionsFor>[0], uuid: string) => xapi.byUuid('VM', uuid)

  test('with the source pool gone the replica starts with the bytes of its newest restore point; what is lost is told before', async () => {
    const { vm, chain, states } = await protect({ other_config: { auto_poweron: 'true' } })
    await write(vm, 'never replicated')
    await source.stop()
    try {
      const plan = await withXapi(target, async (xapi) => (await prepareTakeOver(optionsFor(xapi), wishesToTakeOver(chain))).plan)
      assert.deepEqual(
        plan.lost.map(({ code }) => code),
        ['since-restore-point'],
      )
      assert.deepEqual(
        plan.costs.map(({ code }) => code),
        ['runs-refused'],
      )
      assert.deepEqual(
        plan.disks.map(({ how }) => how),
        ['as-is', 'as-is'],
      )
      assertProtected(await look(target), chain)
      const report = await failOver(chain)
      assert.equal(report.ready, true)
      assert.equal(report.vm.uuid, plan.replica?.uuid)
      const seen = await look(target)
      assert.deepEqual(await hashesNow(target, seen, report.vm.uuid), states[1])
      const [, record] = vmOf(seen, report.vm.uuid)
      assert.equal(record.power_state, 'Running')
      assert.deepEqual(record.blocked_operations, {})
      assert.ok(!record.tags.includes('Understudy replica'))
      assert.equal(record.other_config.auto_poweron, 'true')
      const mark = readFailoverMark(record.other_config, record.uuid)
      assert.equal(mark?.state, 'active')
      // What a failback builds on: a snapshot whose disks are known to hold what the source held.
      const base = [...seen.VM.values()].find(({ uuid }) => uuid === mark?.base)
      assert.ok(base)
      for (const ref of base.VBDs) {
        const vdi = seen.VDI.get(seen.VBD.get(ref)?.VDI as never)
        if (vdi === undefined) continue
        const point = restorePoints(seen, chain).find(({ uuid }) => uuid === mark?.point)
        const held = Object.values(point?.disks ?? {}).map((disk) => [...seen.VDI.values()].find(({ uuid }) => uuid === disk))
        assert.ok(held.some((disk) => disk?.other_config['xo:copy_of'] === readCommonMark(vdi.other_config, vdi.uuid)?.of))
      }
    } finally {
      await source.start()
    }
    // The source is back: a run would overwrite what is worked with.
    await assert.rejects(replicate(chain), { code: 'REPLICA_FAILED_OVER' })
    await assert.rejects(failOver(chain), { code: 'ALREADY_FAILED_OVER' })
    // Shut down and even blocked again, it still is what failed over.
    await withXapi(target, async (xapi) => {
      const ref = await replicaRef(xapi, replicaOf(await look(target), chain)?.uuid as string)
      await xapi.call('VM.hard_shutdown', [ref])
    })
    await assert.rejects(replicate(chain), { code: 'REPLICA_FAILED_OVER' })
  })

  test('undone, the replica is protected again, what it wrote is given up, and the next run is a delta', async () => {
    const { vm, chain } = await protect()
    const { vm: failed } = await failOver(chain)
    await target.post('/guest/random', { vm: failed.uuid, count: 10, seed: 'given up' })
    await undo(chain)
    assertProtected(await look(target), chain)
    await write(vm, 'after')
    const report = await replicate(chain)
    const written = report.plan.disks.find(({ userdevice }) => userdevice === '0')
    assert.equal(written?.mode === 'delta' && written.choice.landing.kind, 'clone')
    const point = restorePoints(await look(target), chain).find(({ uuid }) => uuid === report.restorePoint.uuid)
    assert.deepEqual(await hashesNow(target, await look(target), point?.uuid as string), await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('an older restore point in place: disks are replaced by clones, restore points stay, and the plan says what is given up', async () => {
    const { chain, states, points } = await protect()
    const changes = { wanted: { kind: 'uuid', uuid: points[0] as string, sr: undefined } } as const
    const plan = await withXapi(target, async (xapi) => (await prepareTakeOver(optionsFor(xapi), wishesToTakeOver(chain, changes))).plan)
    assert.deepEqual(
      plan.lost.map(({ code }) => code),
      ['since-restore-point', 'older-point-chosen'],
    )
    const report = await failOver(chain, changes)
    const seen = await look(target)
    assert.deepEqual(await hashesNow(target, seen, report.vm.uuid), states[0])
    assert.deepEqual(new Set(restorePoints(seen, chain).map(({ uuid }) => uuid)), new Set(points))
    for (const [nth, point] of points.entries()) assert.deepEqual(await hashesNow(target, seen, point), states[nth])
  })

  test('G2: a replica that somebody wrote to is not started as it is: its disks are replaced, and the plan says so', async () => {
    const { chain, states } = await protect()
    const uuid = replicaOf(await look(target), chain)?.uuid as string
    await withXapi(target, async (xapi) => {
      const ref = await replicaRef(xapi, uuid)
      await xapi.call('VM.set_blocked_operations', [ref, {}])
      await xapi.call('VM.start', [ref, false, false])
      await target.post('/guest/random', { vm: uuid, count: 3, seed: 'by hand' })
      // As long as it runs it is told apart: as it is, or not at all.
      await assert.rejects(failOver(chain), { code: 'REPLICA_IN_USE', message: /started it by other means/ })
      await xapi.call('VM.hard_shutdown', [ref])
    })
    const plan = await withXapi(target, async (xapi) => (await prepareTakeOver(optionsFor(xapi), wishesToTakeOver(chain))).plan)
    assert.ok(plan.lost.some(({ code }) => code === 'writes-discarded'))
    assert.ok(plan.warnings.some(({ code }) => code === 'was-started'))
    const report = await failOver(chain)
    assert.deepEqual(await hashesNow(target, await look(target), report.vm.uuid), states[1])
  })

  test('a replica that was started by other means can be noted as the failover: runs are refused for that reason', async () => {
    const { chain } = await protect()
    const uuid = replicaOf(await look(target), chain)?.uuid as string
    await withXapi(target, async (xapi) => {
      await assert.rejects(takeOverAsItRuns(optionsFor(xapi), newestOf(chain)), { code: 'REPLICA_NOT_RUNNING' })
      const ref = await replicaRef(xapi, uuid)
      await xapi.call('VM.set_blocked_operations', [ref, {}])
      await xapi.call('VM.start', [ref, false, false])
      await takeOverAsItRuns(optionsFor(xapi), newestOf(chain))
    })
    await assert.rejects(replicate(chain), { code: 'REPLICA_FAILED_OVER' })
  })

  test('to a clone of any restore point: the replica stays one, and runs go on by delta', async () => {
    const { vm, chain, states, points } = await protect()
    const wanted = { kind: 'uuid', uuid: points[0] as string, sr: undefined } as const
    const report = await failOver(chain, { clone: true, wanted, name: 'took over' })
    const seen = await look(target)
    assert.deepEqual(await hashesNow(target, seen, report.vm.uuid), states[0])
    assert.equal(readFailoverMark(vmOf(seen, report.vm.uuid)[1].other_config, report.vm.uuid)?.clone, true)
    assertProtected(seen, chain)
    await write(vm, 'later')
    const next = await replicate(chain)
    assert.ok(next.plan.disks.every((disk) => disk.mode === 'delta' && disk.choice.landing.kind === 'in-place'))
    await undo(chain)
    assert.ok(![...(await look(target)).VM.values()].some(({ uuid }) => uuid === report.vm.uuid))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('G4: a VM that can not be started is a replica again', async () => {
    const { chain } = await protect()
    const refuse: Meddle = async (method, _, go) => {
      if (method !== 'VM.start') return go()
      const { XapiError } = await import('../../src/xapi/errors.ts')
      throw new XapiError('HOST_NOT_ENOUGH_FREE_MEMORY', ['1', '0'], method)
    }
    await assert.rejects(failOver(chain, { meddle: refuse }), { code: 'VM_NOT_STARTED', message: /memory/ })
    assertProtected(await look(target), chain)
    assert.ok((await replicate(chain)).disks.every(({ mode }) => mode === 'delta'))
  })

  test('two people press at once: one fails over, the other is told', async () => {
    const { chain, states } = await protect()
    const results = await Promise.allSettled([failOver(chain), failOver(chain)])
    const codes = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: string }).code] : []))
    assert.equal(codes.length, 1)
    assert.ok(['RUN_UNDER_WAY', 'ALREADY_FAILED_OVER'].includes(codes[0] as string), codes.join())
    const seen = await look(target)
    assert.deepEqual(await hashesNow(target, seen, replicaOf(seen, chain)?.uuid as string), states[1])
  })

  test('G3: killed at any call, the same command goes on from there, or undo takes it back', async (t) => {
    const changing: number[] = []
    {
      const { chain, points } = await protect()
      let nth = 0
      const noting: Meddle = async (method, _, go) => {
        nth++
        if (!/\.get_/.test(method)) changing.push(nth)
        return go()
      }
      const wanted = { kind: 'uuid', uuid: points[0] as string, sr: undefined } as const
      await failOver(chain, { meddle: noting, wanted })
    }
    const { vm, chain, states, points } = await protect()
    const killedIn = new Set<string>()
    // Some of them, others every day: the machine is shared.
    const every = Math.ceil(changing.length / 9)
    const offset = Math.floor(Date.now() / 86_400_000) % every
    const chosen = changing.filter((_, nth) => nth % every === offset)
    t.diagnostic(`every ${every}th of ${changing.length} changing calls from the ${offset}th on`)
    for (const [turn, at] of chosen.entries()) {
      let seen = 0
      const dead = new Error('killed')
      // By turns the call itself is lost, or only its answer; nothing gets through after it.
      const killer: Meddle = async (method, _, go) => {
        seen++
        if (seen === at) killedIn.add(method)
        if (seen > at || (seen === at && turn % 2 === 0)) throw dead
        const value = await go()
        if (seen >= at) throw dead
        return value
      }
      const older = turn % 3 !== 0
      const wanted = older ? ({ kind: 'uuid', uuid: points[0] as string, sr: undefined } as const) : newestOf(chain)
      const expected = states[older ? 0 : 1]
      await failOver(chain, { meddle: killer, wanted, lockTiming: QUICK }).catch(() => undefined)
      const failed = await failOver(chain, { wanted, lockTiming: QUICK }).catch((error: { code?: string }) => {
        assert.equal(error.code, 'ALREADY_FAILED_OVER', `call ${at}: ${String(error)}`)
      })
      const now = await look(target)
      const uuid = replicaOf(now, chain)?.uuid as string
      assert.equal(failed?.vm.uuid ?? uuid, uuid)
      assert.equal(vmOf(now, uuid)[1].power_state, 'Running', `call ${at}`)
      assert.deepEqual(await hashesNow(target, now, uuid), expected, `call ${at}`)
      await undo(chain)
      assertProtected(await look(target), chain)
    }
    assert.ok(killedIn.size > 3, [...killedIn].join())
    await replicate(chain)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })
})
