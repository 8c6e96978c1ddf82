/**
 * The whole of a server through its API only, on two simulated pools: add them, make a job disabled, enable it, let its schedule fire, follow the
 * events, see the restore point, break the target, see the alert and its message, repair, see the recovery. server-command-line.test.ts does
 * the same by commands.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RemoteApi } from '../../src/cli/remote/api.ts'
import type { Job } from '../../src/core/control/job.ts'
import type { Alert } from '../../src/core/control/notification.ts'
import type { PoolStatus } from '../../src/core/control/pool-record.ts'
import type { Run } from '../../src/core/control/run-record.ts'
import type { ServerEvent } from '../../src/jobs/control-plane.ts'
import { type EventLog, followEvents } from '../support/event-log.ts'
import type { StartedPool } from '../support/lab.ts'
import { type MadeVm, MIB, makeVm, withTwoPools } from '../support/replicating.ts'
import { type ListeningServer, serverForPools } from '../support/running-server.ts'
import { type SimulatedClock, simulatedClock } from '../support/simulated-clock.ts'
import { type Received, type WebhookReceiver, webhookReceiver } from '../support/webhook-receiver.ts'

const MINUTE = 60_000
const KEY = 'key of the signature'

describe('a server, through its API only', () => {
  let source: StartedPool
  let target: StartedPool
  let server: ListeningServer
  let clock: SimulatedClock
  let api: RemoteApi
  let events: EventLog
  let hook: WebhookReceiver
  let vm: MadeVm
  let job: Job
  const pools: PoolStatus[] = []

  withTwoPools((paris, oslo) => {
    source = paris
    target = oslo
  })
  before(async () => {
    vm = await makeVm(source, [32 * MIB])
    clock = simulatedClock(Date.now())
    server = await serverForPools({ clock })
    api = server.api
    events = await followEvents(api)
    hook = await webhookReceiver()
  })
  after(async () => {
    await events?.close()
    await server?.close()
    await hook?.close()
  })

  const runEnded = (event: ServerEvent): event is Extract<ServerEvent, { kind: 'run' }> =>
    event.kind === 'run' && event.run.endedAt !== null

  /** Moves the clock on to the next tick of the job's schedule, and gives the run that comes of it, ended. */
  async function nextRun(): Promise<Run> {
    const [next] = (await api.jobs.upcoming()).filter((each) => each.job === job.id)
    assert.ok(next?.at)
    const from = events.length
    await clock.moveTo(Date.parse(next.at) + 1)
    return (await events.next(runEnded, { from })).run
  }

  /** Time goes on a little, until the message has come: they are grouped, and sent by the clock. */
  async function message(fits: (received: Received) => boolean): Promise<void> {
    let came = false
    const coming = hook.next(fits).finally(() => {
      came = true
    })
    while (!came) {
      await clock.moveBy(100)
      await Promise.race([coming, sleep(20)])
    }
    await coming
  }

  test('two pools are added by the certificate that was looked at', async () => {
    for (const { name, url, user, password, fingerprint } of [source, target]) {
      const seen = await api.pools.certificate(url)
      assert.equal(seen.fingerprint, fingerprint)
      pools.push(await api.pools.add({ name, url, user, password, fingerprint: seen.fingerprint }))
    }
    const listed = (await api.pools.list()).map(({ name, state }) => `${name} ${state}`)
    assert.deepEqual(listed.sort(), ['oslo connected', 'paris connected'])
    const inventory = await api.pools.inventory(pools[0]?.id ?? '')
    assert.ok(inventory.vms.some(({ uuid }) => uuid === vm.uuid))
    assert.equal((await api.replicas.counts()).unprotected, 1)
  })

  test('a webhook is told of everything, signed', async () => {
    const channel = await api.notifications.add({ kind: 'webhook', name: 'hook', enabled: true, url: hook.url }, KEY)
    assert.equal(channel.hasSecret, true)
    assert.ok(!JSON.stringify(channel).includes(KEY))
    assert.deepEqual((await api.notifications.test(channel.id)).ok, true)
    const { headers, body } = await hook.next(() => true)
    const [, at, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['understudy-signature'])) ?? []
    assert.equal(signature, createHmac('sha256', KEY).update(`${at}.${body}`).digest('hex'))
  })

  test('a job that was created disabled does nothing, however much time goes by', async () => {
    const [from, to] = pools
    assert.ok(from && to)
    job = await api.jobs.create({
      name: 'every ten minutes',
      enabled: false,
      selection: { include: [{ kind: 'pool', pool: from.id }], exclude: [] },
      targets: [{ pool: to.id, sr: target.srs[0]?.uuid ?? '' }],
      settings: { retries: 0, rpoMinutes: 24 * 60 },
      schedules: [{ name: 'often', enabled: true, timing: { kind: 'interval', minutes: 10 }, retention: { last: 3 }, settings: {} }],
    })
    await clock.moveBy(35 * MINUTE)
    assert.deepEqual(await api.jobs.upcoming(), [])
    assert.deepEqual(await api.runs.list({}, 10), [])
    assert.deepEqual(
      (await api.replicas.protection({})).map(({ state }) => state),
      ['paused'],
    )
  })

  test('enabled, it runs when its schedule says so, and the events tell of each step', async () => {
    job = await api.jobs.update(job.id, { enabled: true }, job.version)
    const run = await nextRun()
    assert.deepEqual([run.state, run.trigger.kind, run.scheduleName], ['success', 'schedule', 'often'])
    assert.equal(run.totals.fulls, 1)
    const stages = events.all().flatMap((event) => (event.kind === 'vm-run' && event.vmRun.run === run.id ? [event.vmRun.stage] : []))
    for (const stage of ['snapshot', 'transfer', 'commit']) assert.ok(stages.includes(stage as (typeof stages)[number]), stage)
  })

  test('the restore point is seen on the target, and the VM is protected', async () => {
    const points = await api.replicas.restorePoints(pools[1]?.id ?? '', target.srs[0]?.uuid ?? '', vm.uuid)
    assert.deepEqual(
      points.map(({ complete, job: of }) => [complete, of]),
      [[true, job.id]],
    )
    const [protection] = await api.replicas.protection({ job: job.id })
    assert.equal(protection?.state, 'protected')
    assert.equal(protection?.newestPoint?.uuid, points[0]?.uuid)
  })

  test('a target that breaks is an alert and a message, and the restore point stays', async () => {
    await source.post('/guest/random', { vm: vm.uuid, count: 20, seed: 'whole' })
    await target.post('/faults', { kind: 'cut', match: { connection: 'import', at: 0 }, count: null })
    const from = events.length
    const run = await nextRun()
    assert.equal(run.state, 'failed')
    const detail = await api.runs.get(run.id)
    assert.match(detail.vmRuns[0]?.error?.hint ?? '', /\w/)
    const { alert } = await events.next((event): event is { kind: 'alert'; alert: Alert } => event.kind === 'alert', { from })
    assert.deepEqual([alert.kind, alert.closedAt], ['run-failed', null])
    assert.deepEqual(
      (await api.notifications.alerts({ open: true }, 10)).map(({ kind }) => kind),
      ['run-failed'],
    )
    await message(({ body }) => body.includes('run-failed'))
    const points = await api.replicas.restorePoints(pools[1]?.id ?? '', target.srs[0]?.uuid ?? '', vm.uuid)
    assert.deepEqual(
      points.map(({ complete }) => complete),
      [true],
    )
  })

  test('repaired, the next run succeeds by a delta, the alert closes, and a message says so', async () => {
    await target.delete('/faults')
    const from = events.length
    const before = hook.received.length
    const run = await nextRun()
    assert.deepEqual([run.state, run.totals.fulls], ['success', 0])
    await events.next((event) => event.kind === 'alert' && event.alert.closedAt !== null, { from })
    assert.deepEqual(await api.notifications.alerts({ open: true }, 10), [])
    await message((each) => hook.received.indexOf(each) >= before && /recover|over/i.test(each.body))
    const points = await api.replicas.restorePoints(pools[1]?.id ?? '', target.srs[0]?.uuid ?? '', vm.uuid)
    assert.equal(points.length, 2)
  })
})
