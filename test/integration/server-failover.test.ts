/** Failing over through the API of a server, on two simulated pools: tests, clones, unplanned and planned failovers, undoing, going back. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { RemoteApi } from '../../src/cli/remote/api.ts'
import type { ServerRefusal } from '../../src/cli/remote/http-client.ts'
import type { Job } from '../../src/core/control/job.ts'
import { followEvents } from '../support/event-log.ts'
import { hashesNow } from '../support/failing-over.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  begin,
  carryOut,
  chainOf,
  ended,
  makeJob,
  refusedAs,
  runOnce,
  succeeded,
  waitFor,
  withRecoveringServer,
} from '../support/recovering.ts'
import { hashesOf, look, type MadeVm, MIB, makeVm, replicaOf, withXapi } from '../support/replicating.ts'
import { scheduleSpec } from '../support/simulated-plane.ts'

describe('failing over through the API', () => {
  let source: StartedPool
  let target: StartedPool
  let api: RemoteApi
  let from: string
  let to: string
  withRecoveringServer((all) => {
    ;({ source, target, api, from, to } = all)
  })

  const sr = () => target.srs[0]?.uuid as string
  const write = (pool: StartedPool, vm: string, seed: string, count = 20) =>
    pool.post('/guest/random', { vm, userdevice: '0', count, seed })

  async function protect(name: string) {
    const vm = await makeVm(source, [32 * MIB], { name, tools: true })
    const job = await makeJob(api, from, [vm.uuid], { pool: to, sr: sr() }, {}, `job of ${name}`)
    const run = await runOnce(api, job.id)
    assert.equal(run.state, 'success')
    return { vm, job, of: { target: { pool: to, sr: sr() }, vm: vm.uuid } }
  }
  const protectionOf = async (job: Job) => (await api.replicas.protection({ job: job.id }))[0]
  /** Before any run of the job has told of it. */
  const knowsPoint = (job: Job, vm: string, point: string) =>
    waitFor(`the server knows restore point ${point} of VM ${vm}`, async () => {
      const [found, ...others] = await api.replicas.protection({ job: job.id })
      const known = others.length === 0 && found?.vm.uuid === vm && found.state !== 'failed-over' && found.newestPoint?.uuid === point
      return known ? true : undefined
    })
  const statusOf = async (vm: MadeVm) => (await api.failover.status({ vm: vm.uuid }))[0]

  test('a test failover tells what it will do, comes up, proves it, tells its recovery time, and leaves nothing', async () => {
    const { vm, job, of } = await protect('tested')
    const events = await followEvents(api)
    const preview = await api.failover.preview({ kind: 'test-failover', ...of })
    assert.equal(preview.confirm, null)
    assert.ok(preview.happens.some(({ code }) => code === 'removed'))
    assert.equal(
      preview.interfaces.every(({ to: place }) => place === null || place.uuid === null),
      true,
    )
    const { result, timeline, report, id } = await carryOut(api, { kind: 'test-failover', ...of })
    assert.equal(result.outcome, 'ready')
    assert.ok(result.rtoSeconds > 0)
    assert.deepEqual(
      result.evidence.map(({ check, ok }) => [check, ok]),
      [['tools', true]],
    )
    assert.equal(result.removed, true)
    assert.equal((report as { kind?: string }).kind, 'test')
    assert.ok(timeline.some(({ step }) => step === 'start'))
    assert.ok(![...(await look(target)).VM.values()].some(({ name_label: label }) => label.includes('test failover')))
    const [point] = await api.replicas.restorePoints(to, sr(), vm.uuid)
    assert.equal(point?.tested?.outcome, 'ready')
    const told = await events.next((event) => event.kind === 'activity' && event.activity.id === id && event.activity.state === 'done', {
      from: 0,
    })
    assert.ok(told)
    await events.close()
    const [listed] = await api.activities.list({ vm: vm.uuid, kind: ['test-failover'] }, 10)
    assert.equal(listed?.id, id)
    const markdown = await api.activities.report(id)
    assert.match(markdown, /# Test failover of "tested"[\s\S]*rto seconds[\s\S]*\| tools \| yes/)
    assert.equal((await runOnce(api, job.id)).state, 'success', 'the chain goes on')
  })

  test('a test that is kept is there in the status until it is cleaned up', async () => {
    const { vm, of } = await protect('kept')
    const { result } = await carryOut(api, { kind: 'test-failover', ...of, keep: true })
    assert.equal(result.removed, false)
    const status = await statusOf(vm)
    assert.deepEqual(
      status?.tests.map(({ uuid, keep, powerState }) => [uuid, keep, powerState]),
      [[result.vm?.uuid, true, 'Running']],
    )
    assert.ok(status?.possible.includes('clean-up'))
    const cleaned = await carryOut(api, { kind: 'clean-up', pool: to, vm: vm.uuid })
    assert.equal(cleaned.result.vms.length, 1)
    assert.deepEqual((await statusOf(vm))?.tests, [])
  })

  test('G8: cleaning up a whole pool removes what a broken-off clone left, and nothing of somebody else', async () => {
    const { vm, of } = await protect('half cloned')
    const made = await carryOut(api, { kind: 'clone', ...of })
    const left = `understudy work ${randomUUID()} (being made)`
    const foreign = `understudy work ${randomUUID()} (being made)`
    await withXapi(target, async (xapi) => {
      const point = await xapi.byUuid('VM', made.result.point.uuid)
      await xapi.call('VM.clone', [point, left])
      const mine = await xapi.call<string>('VM.clone', [point, foreign])
      await xapi.call('VM.set_other_config', [mine, {}])
    })
    const named = async () => [...(await look(target)).VM.values()].map(({ name_label: name }) => name)
    await carryOut(api, { kind: 'clean-up', pool: to, vm: vm.uuid })
    assert.ok((await named()).includes(left), 'nobody asked for the whole pool')
    const { result } = await carryOut(api, { kind: 'clean-up', pool: to })
    assert.ok(result.vms.includes(left))
    const names = await named()
    assert.deepEqual([names.includes(left), names.includes(foreign), names.includes(made.result.vm.name)], [false, true, true])
  })

  test('a clone to work on is a VM of its own', async () => {
    const { vm, of } = await protect('cloned')
    const { result } = await carryOut(api, { kind: 'clone', ...of, name: 'mine' })
    const seen = await look(target)
    assert.deepEqual(await hashesNow(target, seen, result.vm.uuid), await hashesOf(source, vm))
    assert.equal(result.vm.name, 'mine')
    const without = await ended(api, { id: (await api.failover.start({ kind: 'clone', ...of }, randomUUID())).id })
    assert.equal(without.state, 'done')
    // Its restore points keep no memory.
    await assert.rejects(api.failover.preview({ kind: 'clone', ...of, memory: true }))
  })

  test('an unplanned failover takes the name typed; the job stops, and says so; undone it goes on', async () => {
    const { vm, job, of } = await protect('unplanned')
    const holds = await hashesOf(source, vm)
    await write(source, vm.uuid, 'never replicated')
    const request = { kind: 'failover', ...of, evenIfSourceRuns: true, ready: { checks: ['tools'], timeoutSeconds: 60 } } as const
    await assert.rejects(api.failover.preview({ ...request, evenIfSourceRuns: false }), refusedAs('SOURCE_RUNS'))
    const preview = await api.failover.preview(request)
    assert.equal(preview.confirm, 'unplanned')
    assert.deepEqual(
      preview.lost.map(({ code }) => code),
      ['since-restore-point'],
    )
    assert.ok(preview.costs.some(({ code }) => code === 'runs-refused'))
    await assert.rejects(api.failover.start(request, randomUUID()), refusedAs('CONFIRMATION_NEEDED'))
    await assert.rejects(api.failover.start({ ...request, confirm: 'another' }, randomUUID()), refusedAs('CONFIRMATION_NEEDED'))
    await assert.rejects(api.failover.start({ ...request, confirm: 'unplanned', agreed: 'x' }, randomUUID()), refusedAs('PLAN_CHANGED'))
    const { result } = await carryOut(api, request)
    assert.equal(result.ready, true)
    assert.ok(result.lossSeconds > 0)
    assert.deepEqual(await hashesNow(target, await look(target), result.vm.uuid), holds)
    const protection = await waitFor('it shows as failed over', async () => {
      const found = await protectionOf(job)
      return found?.state === 'failed-over' ? found : undefined
    })
    assert.equal(protection.state, 'failed-over')
    const skipped = await runOnce(api, job.id)
    assert.deepEqual([skipped.state, skipped.reason?.code], ['skipped', 'failed-over'])
    assert.deepEqual((await statusOf(vm))?.failedOver[0]?.state, 'active')
    const undone = await carryOut(api, { kind: 'undo-failover', ...of })
    assert.equal(undone.result.vm.uuid, result.vm.uuid)
    await waitFor('it is a replica again', async () => ((await protectionOf(job))?.state === 'failed-over' ? undefined : true))
    assert.equal((await runOnce(api, job.id)).state, 'success')
  })

  test('a lost pool comes back: its original is told of, and kept from being started until the failover is undone', async () => {
    const { vm, of } = await protect('left behind')
    const openAlerts = async () =>
      (await api.notifications.alerts({ open: true }, 100)).filter(
        ({ kind, vm: about }) => kind === 'original-not-fenced' && about === vm.uuid,
      )
    await api.pools.change(from, { enabled: false })
    try {
      const taken = await carryOut(api, { kind: 'failover', ...of })
      assert.ok(taken.result.lossSeconds >= 0)
      assert.equal((await statusOf(vm))?.source, null)
    } finally {
      await api.pools.change(from, { enabled: true })
    }
    const doubled = await waitFor('two that run are told of', async () => (await openAlerts())[0])
    assert.match(doubled.subject, /left behind runs on pool paris/)
    const untouched = await carryOut(api, { kind: 'fence', pool: from, vm: vm.uuid })
    assert.deepEqual([untouched.result.blocked, untouched.result.running], [[], ['left behind']])
    await withXapi(source, async (xapi) => {
      await xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', vm.uuid)])
    })
    const alert = await waitFor('one that can be started is told of', async () =>
      (await openAlerts()).find(({ subject }) => subject.includes('can be started')),
    )
    assert.equal(alert.hint, 'keep it from being started: understudy replica fence paris')
    assert.equal((await openAlerts()).length, 1, 'the graver one is over')
    const status = await statusOf(vm)
    assert.deepEqual(status?.source, { powerState: 'Halted', handedOver: null, startBlocked: false })
    assert.ok(status?.possible.includes('fence'))
    const preview = await api.failover.preview({ kind: 'fence', pool: from, vm: vm.uuid })
    assert.deepEqual([preview.happens.map(({ code }) => code), preview.confirm], [['start-blocked'], null])

    const fenced = await carryOut(api, { kind: 'fence', pool: from, vm: vm.uuid })
    assert.deepEqual(fenced.result.blocked, ['left behind'])
    const start = () =>
      withXapi(source, async (xapi) => {
        await xapi.call('VM.start', [await xapi.byUuid('VM', vm.uuid), false, false])
      })
    await assert.rejects(start(), { code: 'OPERATION_BLOCKED' })
    await waitFor('nothing is told of it any more', async () => ((await openAlerts()).length === 0 ? true : undefined))
    const again = await carryOut(api, { kind: 'fence', pool: from, vm: vm.uuid })
    assert.deepEqual([again.result.blocked, again.result.wereBlocked], [[], ['left behind']])
    assert.equal((await statusOf(vm))?.possible.includes('fence'), false)

    assert.equal((await carryOut(api, { kind: 'undo-failover', ...of })).result.sourceFreed, true)
    await start()
  })

  test('of two who press at once the second is told who was first; the same request sent twice happens once', async () => {
    const { of } = await protect('pressed')
    const confirmed = { kind: 'planned-failover', ...of, confirm: 'pressed' } as const
    const both = await Promise.allSettled([api.failover.start(confirmed, randomUUID()), api.failover.start(confirmed, randomUUID())])
    const lost = both.find((each) => each.status === 'rejected')
    const won = both.find((each) => each.status === 'fulfilled')
    assert.ok(won && lost)
    assert.equal((lost.reason as ServerRefusal).code, 'VM_BUSY')
    assert.match((lost.reason as Error).message, /admin.* began a planned failover/)
    succeeded(await ended(api, won.value))
    const key = randomUUID()
    const clone = { kind: 'clone', ...of } as const
    assert.equal((await api.failover.start(clone, key)).id, (await api.failover.start(clone, key)).id, 'the same key, the same activity')
  })

  test('planned: not a byte is lost; back by delta; protected as before; again and again', async () => {
    const { vm, job, of } = await protect('there and back')
    for (let round = 1; round <= 2; round++) {
      await write(source, vm.uuid, `round ${round}`)
      const preview = await api.failover.preview({ kind: 'planned-failover', ...of })
      assert.equal(preview.lossSeconds, 0)
      assert.ok(preview.happens.some(({ code }) => code === 'source-stopped'))
      const planned = await carryOut(api, { kind: 'planned-failover', ...of, ready: { checks: ['tools'], timeoutSeconds: 60 } })
      assert.equal(planned.result.ready, true)
      const chain = chainOf(source, target, vm, job.id)
      const there = await look(target)
      assert.deepEqual(await hashesNow(target, there, planned.result.vm.uuid), await hashesOf(source, vm))
      assert.equal((await statusOf(vm))?.source?.handedOver, 'handed-over')
      await write(target, planned.result.vm.uuid, `over there ${round}`)

      const turned = await carryOut(api, { kind: 'reprotect', ...of })
      assert.equal(turned.result.how, 'in-place')
      const jobThen = await api.jobs.get(job.id)
      assert.deepEqual(
        jobThen.turned.map(({ original, pool, vm: now }) => [original.vm, pool, now]),
        [[vm.uuid, to, planned.result.vm.uuid]],
      )
      // A run that begins at once finds it turned as well.
      if (round === 2) await knowsPoint(job, planned.result.vm.uuid, turned.result.restorePoint.uuid)
      await write(target, planned.result.vm.uuid, `more over there ${round}`)
      const back = await runOnce(api, job.id)
      assert.equal(back.state, 'success', back.vmRuns[0]?.error?.message)
      assert.equal(back.totals.fulls, 0)
      assert.deepEqual(
        back.vmRuns.map(({ sourcePool, vm: { uuid }, target: { pool } }) => [sourcePool, uuid, pool]),
        [[to, planned.result.vm.uuid, from]],
      )
      await write(target, planned.result.vm.uuid, `last over there ${round}`)
      const holds = await hashesNow(target, await look(target), planned.result.vm.uuid)
      const failback = await carryOut(api, { kind: 'failback', ...of })
      assert.equal(failback.result.protectedAgain, true, failback.result.unprotected ?? '')
      assert.equal(failback.result.vm.uuid, vm.uuid)
      assert.deepEqual(await hashesOf(source, vm), holds)
      assert.ok(
        failback.result.bytesSent <= failback.result.changedBytes * 1.05 + 64 * 1024,
        `${failback.result.bytesSent} of ${failback.result.changedBytes}`,
      )
      assert.deepEqual((await api.jobs.get(job.id)).turned, [])
      await write(source, vm.uuid, `home again ${round}`)
      assert.deepEqual(
        (await api.replicas.protection({ vm: vm.uuid })).map((each) => [each.job, each.state === 'failed-over']),
        [[job.id, false]],
        'the server knows that it is home',
      )
      const newest = (await api.replicas.restorePoints(to, sr(), vm.uuid))[0]?.uuid as string
      if (round === 2) await knowsPoint(job, vm.uuid, newest)
      const run = await runOnce(api, job.id)
      assert.deepEqual([run.state, run.totals.fulls], ['success', 0], run.vmRuns[0]?.error?.message)
      assert.ok(replicaOf(await look(target), chain))
    }
  })

  test('a replica, or its newest restore point, that somebody removed is missed before the next run, which makes it good', async () => {
    const { vm, job, of } = await protect('removed')
    await write(source, vm.uuid, 'for a second point')
    assert.equal((await runOnce(api, job.id)).state, 'success')
    const points = await api.replicas.restorePoints(to, sr(), vm.uuid)
    assert.equal(points.length, 2)
    await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', points[0]?.uuid as string)
      await xapi.call('VM.destroy', [ref])
    })
    await knowsPoint(job, vm.uuid, points[1]?.uuid as string)
    await api.jobs.addSchedule(job.id, scheduleSpec({ timing: { kind: 'interval', minutes: 60 } }))
    const replica = (await protectionOf(job))?.replica as string
    await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', replica)
      await xapi.call('VM.set_blocked_operations', [ref, {}])
      for (const snapshot of await xapi.call<string[]>('VM.get_snapshots', [ref])) await xapi.call('VM.destroy', [snapshot])
      await xapi.call('VM.destroy', [ref])
    })
    const missed = await waitFor('it is missed', async () => {
      const found = await protectionOf(job)
      return found?.newestPoint === null ? found : undefined
    })
    assert.deepEqual([missed.state, missed.replica], ['missed', null])
    assert.match(missed.reason, /gone from the target: the next run sends everything/)
    const opened = await waitFor('an alert tells of it', async () =>
      (await api.notifications.alerts({ open: true }, 100)).find(({ vm: about, kind }) => about === vm.uuid && kind === 'rpo-missed'),
    )
    assert.match(opened.subject, /removed/)
    const run = await runOnce(api, job.id)
    assert.deepEqual([run.state, run.totals.fulls], ['success', 1])
    await knowsPoint(job, vm.uuid, (await api.replicas.restorePoints(of.target.pool, sr(), vm.uuid))[0]?.uuid as string)
    assert.equal((await protectionOf(job))?.state, 'protected')
  })

  test('a planned failover whose replica does not come up is taken back, and says why', async () => {
    const { vm, of } = await protect('stubborn')
    const started = await begin(api, { kind: 'planned-failover', ...of, ready: { checks: ['tcp:127.0.0.1:1'], timeoutSeconds: 1 } })
    const failed = await ended(api, started)
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'REPLICA_NOT_UP'])
    assert.ok(failed.timeline.some(({ step }) => step === 'roll-back'))
    const seen = await look(source)
    assert.equal([...seen.VM.values()].find(({ uuid }) => uuid === vm.uuid)?.power_state, 'Running')
  })

  test('a program on the manager is nothing that operators name', async () => {
    const { of } = await protect('scripted')
    const ready = { checks: ['script:/bin/true'], timeoutSeconds: 60 }
    const { result } = await carryOut(api, { kind: 'test-failover', ...of, ready })
    assert.equal(result.outcome, 'ready')
  })

  test('what is cancelled takes back what it made', async () => {
    const { vm, of } = await protect('cancelled')
    const started = await begin(api, { kind: 'test-failover', ...of, ready: { checks: ['tcp:127.0.0.1:1'], timeoutSeconds: 600 } })
    await waitFor('it waits for the VM', async () => ((await api.activities.get(started.id)).stage?.name === 'ready' ? true : undefined))
    await api.activities.cancel(started.id)
    assert.equal((await ended(api, started)).state, 'cancelled')
    assert.deepEqual((await statusOf(vm))?.tests, [])
  })
})
