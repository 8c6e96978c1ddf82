/** The watch over RPOs, alerts, and what is told of them by mail and webhook; on simulated pools, engine and clock. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../src/core/failure.ts'
import { type MailReceiver, mailReceiver, type WebhookReceiver, webhookReceiver } from '../support/receivers.ts'
import { settableSr, settableVm } from '../support/settable-pools.ts'
import {
  DAY,
  HOUR,
  jobSpec,
  MINUTE,
  type PlaneSettings,
  type SimulatedPlane,
  SR,
  scheduleSpec,
  simulatedPlane,
  vmUuid,
} from '../support/simulated-plane.ts'

let hook: WebhookReceiver
let mail: MailReceiver
before(async () => {
  hook = await webhookReceiver()
  mail = await mailReceiver()
})
after(async () => {
  await hook.close()
  await mail.close()
})

function planeTest(name: string, settings: PlaneSettings, body: (server: SimulatedPlane) => Promise<void>): void {
  test(name, async () => {
    hook.posts.length = 0
    mail.mails.length = 0
    hook.answer(204)
    const server = await simulatedPlane(settings)
    try {
      await body(server)
      assert.deepEqual(server.errors, [])
    } finally {
      await server.close()
    }
  })
}

/** What is sent goes over real sockets, in real time. */
async function until(what: () => boolean): Promise<void> {
  for (let nth = 0; !what(); nth++) {
    assert.ok(nth < 3000, 'it did not come')
    await sleep(10)
  }
}

const SECRET = 'a key of the test'
const addHook = (server: SimulatedPlane) =>
  server.plane.notifications.addChannel({ kind: 'webhook', name: 'hook', enabled: true, url: hook.url }, SECRET)
const addMail = (server: SimulatedPlane) =>
  server.plane.notifications.addChannel({
    kind: 'email',
    name: 'mail',
    enabled: true,
    host: '127.0.0.1',
    port: mail.port,
    tls: 'none',
    from: 'understudy@example.com',
    to: ['ops@example.com'],
  })
const bodies = () =>
  hook.posts.map(
    ({ body }) =>
      JSON.parse(body) as {
        opened: { subject: string; kind: string }[]
        recovered: { subject: string }[]
        reports: object[]
        id: string
        test: boolean
      },
  )
const state = async ({ plane }: SimulatedPlane, nth = 0) => (await plane.replicas.protection({ vm: vmUuid(nth) })).items[0]?.state

const reports = () => bodies().flatMap((body) => body.reports).length

let failing = false
const outcome = () =>
  failing ? ({ kind: 'failed', passing: false, error: new Failure('TARGET_SR_FULL', 'the target storage is full') } as const) : undefined

planeTest(
  'a VM goes from pending to protected, at risk, missed, and back, each at its instant; what no job chooses is unprotected',
  { vms: 2, outcome, takes: () => 1000 },
  async (server) => {
    const { plane, clock } = server
    failing = false
    assert.equal(await state(server), 'unprotected')
    const selection = { include: [{ kind: 'vm', pool: 'source', vm: vmUuid(0) } as const], exclude: [] }
    const job = await plane.jobs.create({
      ...jobSpec({ selection, settings: { rpoMinutes: 60 } }),
      schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 30 } })],
    })
    await clock.moveBy(0)
    assert.equal(await state(server), 'pending')
    assert.equal(await state(server, 1), 'unprotected')
    const first = Date.parse((await plane.jobs.upcoming())[0]?.at as string)
    await clock.moveTo(first + MINUTE)
    assert.equal(await state(server), 'protected')
    failing = true
    await clock.moveTo(first + 31 * MINUTE)
    assert.equal(await state(server), 'at-risk', 'a failed run')
    await clock.moveTo(first + 60 * MINUTE)
    assert.equal(await state(server), 'at-risk', 'exactly as old as asked')
    await clock.moveBy(MINUTE)
    assert.equal(await state(server), 'missed')
    const { items } = await plane.notifications.alerts({ open: true })
    assert.deepEqual(items.map(({ kind }) => kind).sort(), ['rpo-missed', 'run-failed'])
    failing = false
    await clock.moveBy(30 * MINUTE)
    assert.equal(await state(server), 'protected')
    assert.deepEqual((await plane.notifications.alerts({ open: true })).items, [])
    await plane.jobs.update(job.id, { enabled: false })
    await clock.moveBy(0)
    assert.equal(await state(server), 'paused')
    assert.deepEqual(await plane.replicas.counts(), {
      protected: 0,
      'at-risk': 0,
      missed: 0,
      pending: 0,
      paused: 1,
      'failed-over': 0,
      unprotected: 1,
    })
    const { replicasLeft } = await plane.jobs.remove(job.id)
    assert.equal(replicasLeft.length, 1)
    await clock.moveBy(0)
    assert.equal(await state(server), 'unprotected')
  },
)

planeTest('an RPO that is missed while the server is down is told at its start', { vms: 1, outcome, takes: () => 1000 }, async (server) => {
  failing = false
  const { clock } = server
  await server.plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
  await clock.moveBy(HOUR)
  failing = true
  await server.restart({ kill: true, after: DAY })
  assert.equal(await state(server), 'missed')
  assert.ok((await server.plane.notifications.alerts({ open: true })).items.some(({ kind }) => kind === 'rpo-missed'))
})

planeTest(
  'failures of several VMs come in one message, signed; recovery is told too; an alert is told once',
  { vms: 5, outcome, takes: () => 1000 },
  async (server) => {
    const { plane, clock } = server
    failing = true
    await addHook(server)
    const job = await plane.jobs.create({ ...jobSpec({ settings: { vmsAtOnce: 5, rpoMinutes: 6000 } }), schedules: [scheduleSpec()] })
    const first = Date.parse((await plane.jobs.upcoming())[0]?.at as string)
    await clock.moveTo(first + MINUTE)
    await until(() => hook.posts.length === 1)
    const [post] = hook.posts
    assert.equal(bodies()[0]?.opened.length, 5)
    assert.ok(bodies()[0]?.opened.every(({ kind }) => kind === 'run-failed'))
    const signed = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(`${post?.headers['understudy-signature']}`)
    assert.ok(signed)
    assert.equal(signed[2], createHmac('sha256', SECRET).update(`${signed[1]}.${post?.body}`).digest('hex'))
    assert.equal(post?.headers['understudy-delivery'], bodies()[0]?.id)
    await clock.moveTo(first + 25 * MINUTE)
    assert.equal(hook.posts.length, 1, 'failing on is no news')
    failing = false
    await clock.moveTo(first + 31 * MINUTE)
    await until(() => hook.posts.length === 2)
    assert.equal(bodies()[1]?.recovered.length, 5)
    assert.ok((await plane.jobs.get(job.id)).enabled)
  },
)

planeTest(
  'mail: subject, text with what to do, and no more than one line of subject whatever a VM is called',
  { vms: 1, outcome, takes: () => 1000 },
  async (server) => {
    const { plane, clock, pools } = server
    failing = true
    pools.set('source', { vms: [settableVm(vmUuid(0), { name: 'evil\r\nBcc: all@example.com' })] })
    await addMail(server)
    await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
    await clock.moveBy(12 * MINUTE)
    await until(() => mail.mails.length === 1)
    const [received] = mail.mails
    assert.deepEqual(received?.to, ['ops@example.com'])
    const [head = '', ...parts] = (received?.data ?? '').split('\n\n')
    // Quoted-printable: long lines are broken by =.
    const text = parts.join('\n\n').replaceAll('=\n', '')
    assert.ok(!/^Bcc:/m.test(head), head)
    assert.match(head, /^Subject: \[Understudy\] /m)
    assert.match(text, /the target storage is full/)
    assert.match(text, /What to do/)
  },
)

planeTest('a job with notifications switched off opens its alerts in silence', { vms: 1, outcome, takes: () => 1000 }, async (server) => {
  const { plane, clock } = server
  failing = true
  await addHook(server)
  await plane.jobs.create({ ...jobSpec({ settings: { notify: false } }), schedules: [scheduleSpec()] })
  await clock.moveBy(HOUR)
  assert.ok((await plane.notifications.alerts({ open: true })).items.length > 0)
  assert.equal((await server.store.db.selectFrom('outbox').selectAll().execute()).length, 0)
})

planeTest(
  'what can not be delivered is tried again with growing pauses, over a restart too, and in the end given up',
  { vms: 1, outcome, takes: () => 1000 },
  async (server) => {
    const { clock } = server
    failing = true
    hook.answer(500)
    await addHook(server)
    await server.plane.jobs.create({ ...jobSpec({ settings: { rpoMinutes: 60_000 } }), schedules: [scheduleSpec()] })
    await clock.moveBy(12 * MINUTE)
    await until(() => hook.posts.length >= 1)
    const sent = async (count: number) => {
      for (let nth = 0; hook.posts.length < count; nth++) {
        assert.ok(nth < 400, `${hook.posts.length} of ${count}`)
        await clock.moveBy(5 * MINUTE)
        await sleep(2)
      }
    }
    await sent(3)
    await server.restart({ kill: true })
    await sent(10)
    await clock.moveBy(2 * DAY)
    assert.equal(hook.posts.length, 10, 'it has an end')
    assert.equal(new Set(bodies().map(({ id }) => id)).size, 1, 'the same delivery each time')
    const [channel] = await server.plane.notifications.channels()
    assert.match(channel?.lastError ?? '', /answered 500/)
  },
)

planeTest(
  'the test button sends at once and says what the other side said; redirects are not followed; secrets are not given back',
  {},
  async (server) => {
    const { plane } = server
    const channel = await addHook(server)
    assert.equal(channel.hasSecret, true)
    assert.ok(!JSON.stringify(await plane.notifications.channels()).includes(SECRET))
    assert.ok(!JSON.stringify(await server.store.db.selectFrom('channels').selectAll().execute()).includes(SECRET))
    assert.deepEqual(await plane.notifications.test(channel.id), { ok: true, text: 'answered 204' })
    assert.equal(bodies()[0]?.test, true)
    hook.answer(302, { location: hook.url })
    const redirected = await plane.notifications.test(channel.id)
    assert.equal(redirected.ok, false)
    assert.match(redirected.text, /redirects are not followed/)
    assert.equal(hook.posts.length, 2)
    const mails = await addMail(server)
    assert.equal((await plane.notifications.test(mails.id)).ok, true)
    mail.refuse(true)
    const refused = await plane.notifications.test(mails.id)
    mail.refuse(false)
    assert.equal(refused.ok, false)
    assert.match(refused.text, /nobody of that name/)
    for (const url of ['file:///etc/passwd', 'ftp://example.com', 'http://user:secret@example.com', 'nonsense'])
      await assert.rejects(plane.notifications.changeChannel(channel.id, { url }), (error: Failure) => error.code === 'CHANNEL_INVALID')
    await plane.notifications.removeChannel(channel.id)
    await assert.rejects(plane.notifications.test(channel.id), (error: Failure) => error.code === 'CHANNEL_NOT_FOUND')
  },
)

planeTest('a pool that is away for a moment is no alert, one that stays away is, and its return is told', { vms: 1 }, async (server) => {
  const { plane, clock, pools } = server
  const open = async () => (await plane.notifications.alerts({ open: true })).items.map(({ kind }) => kind)
  pools.set('target', { state: 'away' })
  await clock.moveBy(4 * MINUTE)
  pools.set('target', { state: 'connected' })
  await clock.moveBy(10 * MINUTE)
  assert.deepEqual(await open(), [])
  pools.set('target', { state: 'away' })
  await clock.moveBy(2 * MINUTE)
  pools.set('target', { state: 'connecting' })
  pools.set('target', { state: 'away' })
  await clock.moveBy(4 * MINUTE)
  assert.deepEqual(await open(), ['pool-away'])
  pools.set('target', { state: 'refused' })
  await clock.moveBy(0)
  assert.deepEqual(await open(), ['pool-refused'])
  pools.set('target', { state: 'connected' })
  await clock.moveBy(0)
  assert.deepEqual(await open(), [])
})

planeTest('target storage that runs full is told of, and not at every change', { vms: 1 }, async (server) => {
  const { plane, clock, pools } = server
  await plane.jobs.create(jobSpec())
  const used = async (share: number) => {
    pools.set('target', { srs: [settableSr(SR, { size: 1000, used: share * 1000 }), settableSr('unused', { size: 1000, used: 999 })] })
    await clock.moveBy(MINUTE)
    return (await plane.notifications.alerts({})).items.map(({ closedAt }) => (closedAt === null ? 'open' : 'closed'))
  }
  assert.deepEqual(await used(0.94), [])
  assert.deepEqual(await used(0.96), ['open'])
  assert.deepEqual(await used(0.97), ['open'])
  assert.deepEqual(await used(0.94), ['open'], 'it does not come and go')
  assert.deepEqual(await used(0.9), ['closed'])
})

planeTest('a replica that runs has failed over', { vms: 1 }, async (server) => {
  const { plane, clock, pools } = server
  await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
  await clock.moveBy(12 * MINUTE)
  const [{ replica } = { replica: null }] = (await plane.replicas.protection({ vm: vmUuid(0) })).items
  assert.ok(replica)
  pools.set('target', { vms: [settableVm(replica, { powerState: 'Running', replicaOf: { job: 'x', vm: vmUuid(0) } })] })
  await clock.moveBy(MINUTE)
  assert.equal(await state(server), 'failed-over')
})

planeTest(
  'the daily report comes once a day at its local time, and after a restart for a time that was slept over',
  { vms: 2, takes: () => 1000 },
  async (server) => {
    const { clock } = server
    await addHook(server)
    await server.plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 60 } })] })
    await server.plane.settings.change({ dailyReportAt: '07:30' })
    const tick = async (ms: number) => {
      await clock.moveBy(ms)
      await sleep(30)
    }
    for (let nth = 0; nth < 48; nth++) await tick(HOUR)
    await until(() => reports() === 2)
    await server.restart({ after: 3 * DAY })
    await until(() => reports() === 3)
    for (let nth = 0; nth < 3; nth++) await tick(HOUR)
    assert.equal(reports(), 3)
  },
)
