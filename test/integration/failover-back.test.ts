/** Planned failovers, turning protection round, and going back: no byte lost, only changes sent, in both directions, as often as wished. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { readFailoverMark, readHandoverMark } from '../../src/core/failover/marks.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import { failOver, goBack, handOver, hashesNow, turnRound, undo, vmOf } from '../support/failing-over.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  hashesOf,
  look,
  MIB,
  makeVm,
  replicaOf,
  replicate,
  restorePoints,
  withXapi,
} from '../support/replicating.ts'

const GRANULE = 65536

describe('failing over as planned, and back', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
    await target.post('/guest/tools', {})
    await source.post('/guest/tools', {})
  })
  after(() => lab.close())

  interface Written {
    readonly bytes: number
    readonly extents: readonly { readonly offset: number; readonly length: number }[]
  }
  const write = (pool: StartedPool, vm: string, seed: string, count = 20): Promise<Written> =>
    pool.post('/guest/random', { vm, userdevice: '0', count, seed })
  async function protect() {
    const vm = await makeVm(source, [64 * MIB, 16 * MIB], { tools: true })
    const chain: Chain = { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID() }
    await replicate(chain)
    return { vm, chain }
  }
  const back = (chain: Chain, vm: string): Chain => ({
    source: target,
    target: source,
    vm,
    sr: source.srs[0]?.uuid as string,
    job: chain.job,
  })
  const stateOf = async (pool: StartedPool, vm: string) => vmOf(await look(pool), vm)[1].power_state
  const stop = (pool: StartedPool, vm: string) =>
    withXapi(pool, async (xapi) => xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', vm)]))

  test('planned: the replica runs with every byte that the source ever wrote; the source is down and can not be started by accident', async () => {
    const { vm, chain } = await protect()
    await write(source, vm.uuid, 'while it runs')
    const report = await handOver(chain, { checks: [{ kind: 'tools' }] })
    assert.equal(report.failover.ready, true)
    assert.equal(
      report.last?.disks.every(({ mode }) => mode === 'delta'),
      true,
    )
    assert.ok(report.seconds.down <= report.seconds.total)
    const [left, right] = [await look(source), await look(target)]
    assert.deepEqual(await hashesNow(target, right, report.failover.vm.uuid), await hashesNow(source, left, vm.uuid))
    const [ref, record] = vmOf(left, vm.uuid)
    assert.equal(record.power_state, 'Halted')
    assert.equal(readHandoverMark(record.other_config, record.uuid)?.state, 'handed-over')
    await withXapi(source, (xapi) => assert.rejects(xapi.call('VM.start', [ref, false, false]), { code: 'OPERATION_BLOCKED' }))
    await assert.rejects(replicate(chain), { code: 'REPLICA_FAILED_OVER' })
  })

  test('planned: a failing step takes everything back, and the source runs again', async () => {
    const { vm, chain } = await protect()
    await write(source, vm.uuid, 'x')
    // It comes up, but not as asked.
    await assert.rejects(handOver(chain, { checks: [{ kind: 'script', path: '/bin/false' }], timeoutMs: 300 }), { code: 'REPLICA_NOT_UP' })
    assert.equal(await stateOf(source, vm.uuid), 'Running')
    assertProtected(await look(target), chain)
    // The last run fails.
    let snapshots = 0
    const sourceMeddle = async (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
      if (method === 'VM.snapshot' && ++snapshots === 2) throw new Error('no snapshot')
      return go()
    }
    await assert.rejects(handOver(chain, { sourceMeddle }), /no snapshot/)
    const record = vmOf(await look(source), vm.uuid)[1]
    assert.equal(record.power_state, 'Running')
    assert.deepEqual(record.blocked_operations, {})
    assert.equal(record.other_config['understudy:handover'], undefined)
    assertProtected(await look(target), chain)
    await replicate(chain)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('planned: without guest tools nothing is begun', async () => {
    const vm = await makeVm(source, [16 * MIB])
    const chain: Chain = { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID() }
    await replicate(chain)
    await assert.rejects(handOver(chain), { code: 'SHUTDOWN_NOT_POSSIBLE' })
    assert.equal(await stateOf(source, vm.uuid), 'Running')
    assert.equal((await handOver(chain, { shutdown: 'hard' })).failover.vm.name, 'source')
  })

  test('planned: a shutdown that hangs is given up, and the source runs, even when its guest obeys afterwards', async () => {
    const { vm, chain } = await protect()
    let shutdowns = 0
    const hanging = async (method: string, params: readonly unknown[], go: () => Promise<unknown>) => {
      if (method !== 'VM.clean_shutdown') return go()
      if (++shutdowns === 1) throw new XapiError('VM_SHUTDOWN_TIMEOUT', [String(params[0]), '0.5'], 'VM.clean_shutdown')
      // The guest goes down when it was given up already.
      setTimeout(() => void source.pool.invoke('VM.hard_shutdown', params[0]), 500)
      throw new XapiError('VM_SHUTDOWN_TIMEOUT', [String(params[0]), '0.5'], 'VM.clean_shutdown')
    }
    for (const _ of ['in time', 'late']) {
      await assert.rejects(handOver(chain, { sourceMeddle: hanging, shutdownMs: 500 }), { code: 'SHUTDOWN_FAILED' })
      const record = vmOf(await look(source), vm.uuid)[1]
      assert.equal(record.power_state, 'Running')
      assert.deepEqual(record.blocked_operations, {})
      assert.equal(record.other_config['understudy:handover'], undefined)
      assertProtected(await look(target), chain)
    }
    assert.equal(shutdowns, 2)
    await handOver(chain)
  })

  test('home again, an original has the HA priority, the description and the automatic start that it had, and nothing of a replica', async () => {
    const { vm, chain } = await protect()
    await withXapi(source, async (xapi) => {
      const ref = await xapi.byUuid('VM', vm.uuid)
      await xapi.call('VM.set_ha_restart_priority', [ref, 'restart'])
      await xapi.call('VM.set_name_description', [ref, 'the ledger'])
      await xapi.call('VM.set_order', [ref, 7])
      await xapi.call('VM.add_to_other_config', [ref, 'auto_poweron', 'true'])
    })
    await replicate(chain)
    await handOver(chain)
    await turnRound(chain)
    const meanwhile = vmOf(await look(source), vm.uuid)[1]
    assert.equal(meanwhile.ha_restart_priority, '')
    assert.equal(meanwhile.other_config.auto_poweron, undefined)
    const { warnings } = (await goBack(chain)).planned as NonNullable<Awaited<ReturnType<typeof goBack>>['planned']>
    assert.ok(!warnings.some(({ code }) => code === 'ha-priority-refused'))
    const record = vmOf(await look(source), vm.uuid)[1]
    assert.equal(record.ha_restart_priority, 'restart')
    assert.equal(record.name_description, 'the ledger')
    assert.equal(record.order, 7)
    assert.equal(record.other_config.auto_poweron, 'true')
    assert.deepEqual(
      Object.keys(record.other_config).filter((key) => key.startsWith('understudy:')),
      [],
    )
    // A record of changes stays while a tracked snapshot of the way back, of the same second, is older or may be: the next run takes it.
    await replicate(chain)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('there and back, twice: the original is updated in place, only changes travel, restore points hold the right bytes, and protection is as before', async () => {
    const { vm, chain } = await protect()
    for (const turn of ['first', 'second']) {
      await write(source, vm.uuid, `${turn} at home`)
      const there = await handOver(chain)
      const away = there.failover.vm.uuid
      const { bytes } = await write(target, away, `${turn} away`, 60)
      const report = await goBack(chain)
      assert.equal(report.turned?.plan.kind, 'in-place', report.turned?.plan.reason.text)
      assert.equal(report.turned?.run.totals.changedBytes, bytes)
      assert.ok(report.turned?.run.totals.bytesSent <= 1.05 * bytes, `${report.turned?.run.totals.bytesSent} sent for ${bytes}`)
      // The same VM as ever, with every byte, running; what ran away is its replica again, in place.
      assert.equal(report.planned?.failover.vm.uuid, vm.uuid)
      assert.equal(report.unprotected, undefined)
      assert.equal(report.protectedAgain?.plan.kind, 'in-place', report.protectedAgain?.plan.reason.text)
      assert.equal(report.protectedAgain?.run.totals.bytesSent, 0)
      assert.equal(await stateOf(source, vm.uuid), 'Running')
      const [left, right] = [await look(source), await look(target)]
      assert.deepEqual(await hashesNow(source, left, vm.uuid), await hashesNow(target, right, away))
      assertProtected(right, chain)
      assert.equal(replicaOf(right, chain)?.uuid, away)
      const record = vmOf(left, vm.uuid)[1]
      assert.deepEqual(record.blocked_operations, {})
      assert.equal(record.VIFs.length, 1)
      const written = await write(source, vm.uuid, `${turn} home again`, 10)
      const next = await replicate(chain)
      assert.equal(next.totals.changedBytes, written.bytes)
      const point = restorePoints(await look(target), chain).find(({ uuid }) => uuid === next.restorePoint.uuid)
      assert.deepEqual(await hashesNow(target, await look(target), point?.uuid as string), await hashesOf(source, vm))
    }
  })

  test('after writes on both sides: the original is left as it is, a new VM beside it receives both sides’ changes and nothing else', async () => {
    const { vm, chain } = await protect()
    const lost = await write(source, vm.uuid, 'never replicated', 40)
    await stop(source, vm.uuid)
    const original = await hashesNow(source, await look(source), vm.uuid)
    const { vm: away } = await failOver(chain)
    const kept = await write(target, away.uuid, 'away', 50)
    const report = await turnRound(chain)
    assert.equal(report.plan.kind, 'beside')
    assert.equal(report.plan.reason.code, 'original-written')
    const granules = new Set([...lost.extents, ...kept.extents].map(({ offset }) => offset / GRANULE))
    assert.equal(report.run.totals.changedBytes, granules.size * GRANULE)
    const ratio = report.run.totals.bytesSent / (granules.size * GRANULE)
    assert.ok(ratio <= 1.05, `${ratio} of what changed on both sides was sent`)
    // Nothing of the original was overwritten; what was made holds what runs.
    const left = await look(source)
    assert.deepEqual(await hashesNow(source, left, vm.uuid), original)
    assert.ok('start' in vmOf(left, vm.uuid)[1].blocked_operations)
    const chainBack = back(chain, away.uuid)
    assertProtected(left, chainBack)
    const made = replicaOf(left, chainBack)?.uuid as string
    assert.notEqual(made, vm.uuid)
    assert.deepEqual(await hashesNow(source, left, made), await hashesNow(target, await look(target), away.uuid))
    assert.ok(![...left.VM.values()].some(({ name_label: name }) => name.includes(' origin ')))
    // From here on it is a chain like any other, and the way home.
    const more = await write(target, away.uuid, 'more', 10)
    const next = await replicate(chainBack)
    assert.equal(next.totals.changedBytes, more.bytes)
    const home = await goBack(chain)
    assert.equal(home.planned?.failover.vm.uuid, made)
    assert.equal(home.protectedAgain?.plan.kind, 'in-place', home.protectedAgain?.plan.reason.text)
    assert.deepEqual(await hashesNow(source, await look(source), made), await hashesNow(target, await look(target), away.uuid))
    assertProtected(await look(target), { ...chain, vm: made })
  })

  test('an unplanned failover with nothing lost goes back in place; a running original stays, and a new VM is made beside it', async () => {
    const one = await protect()
    await stop(source, one.vm.uuid)
    const { vm: away } = await failOver(one.chain)
    const written = await write(target, away.uuid, 'away', 30)
    const report = await turnRound(one.chain)
    assert.equal(report.plan.kind, 'in-place', report.plan.reason.text)
    assert.equal(report.run.totals.changedBytes, written.bytes)
    assert.equal(replicaOf(await look(source), back(one.chain, away.uuid))?.uuid, one.vm.uuid)
    // Of no use as a source any more, and not to be undone: it says why.
    await assert.rejects(replicate(one.chain), { code: /SOURCE_IS_REPLICA|REPLICA_FAILED_OVER/ })
    await assert.rejects(undo(one.chain), { code: 'TURNED_ROUND' })

    const two = await protect()
    const { vm: other } = await failOver(two.chain)
    const beside = await turnRound(two.chain)
    assert.equal(beside.plan.reason.code, 'original-runs')
    assert.equal(await stateOf(source, two.vm.uuid), 'Running')
    assert.equal(beside.run.totals.changedBytes, 0)
    const made = replicaOf(await look(source), back(two.chain, other.uuid))?.uuid as string
    assert.notEqual(made, two.vm.uuid)
    assert.deepEqual(await hashesNow(source, await look(source), made), await hashesNow(target, await look(target), other.uuid))
  })

  test('G2: an original whose change tracking is broken is no base: both sides are compared, and only what differs is sent', async () => {
    const { vm, chain } = await protect()
    await stop(source, vm.uuid)
    await withXapi(source, async (xapi) => xapi.call('VDI.disable_cbt', [await xapi.byUuid('VDI', vm.disks[0]?.vdi as string)]))
    const { vm: away } = await failOver(chain)
    const { bytes } = await write(target, away.uuid, 'away', 30)
    const report = await turnRound(chain)
    assert.equal(report.plan.reason.code, 'original-not-provable')
    assert.equal(report.run.disks[0]?.reason.code, 'compared-with-original')
    assert.ok(report.run.totals.bytesSent <= 1.05 * bytes, `${report.run.totals.bytesSent} sent for ${bytes}`)
    const made = replicaOf(await look(source), back(chain, away.uuid))?.uuid as string
    assert.deepEqual(await hashesNow(source, await look(source), made), await hashesNow(target, await look(target), away.uuid))
  })

  test('a failover to a clone can be turned round as well', async () => {
    const { vm, chain } = await protect()
    await stop(source, vm.uuid)
    const { vm: away } = await failOver(chain, { clone: true })
    const { bytes } = await write(target, away.uuid, 'away', 30)
    const report = await turnRound(chain)
    assert.equal(report.plan.kind, 'in-place', report.plan.reason.text)
    assert.equal(report.run.totals.changedBytes, bytes)
    const record = vmOf(await look(target), away.uuid)[1]
    assert.equal(readFailoverMark(record.other_config, record.uuid)?.state, 'turned')
  })
})
