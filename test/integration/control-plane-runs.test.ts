/** Schedules, runs and their records, on simulated pools, engine and clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../../src/core/failure.ts'
import { insertAudit } from '../../src/store/audit/insert-audit.ts'
import { listAudit } from '../../src/store/audit/list-audit.ts'
import {
  DAY,
  HOUR,
  jobSpec,
  MINUTE,
  NOON,
  type PlaneSettings,
  type SimulatedPlane,
  SYSTEM,
  scheduleSpec,
  simulatedPlane,
  vmUuid,
} from '../support/simulated-plane.ts'

function planeTest(name: string, settings: PlaneSettings, body: (server: SimulatedPlane) => Promise<void>): void {
  test(name, async () => {
    const server = await simulatedPlane(settings)
    try {
      await body(server)
      assert.deepEqual(server.errors, [])
    } finally {
      await server.close()
    }
  })
}

const coded = (code: string) => (error: unknown) => error instanceof Failure && error.code === code
const states = async ({ plane }: SimulatedPlane) => (await plane.runs.list({ limit: 500 })).items.map(({ state }) => state)

planeTest('a job is made disabled and does nothing; enabled, its schedule fires, and what came of it is stored', {}, async (server) => {
  const { plane, clock } = server
  const job = await plane.jobs.create({ ...jobSpec({ enabled: false }), schedules: [scheduleSpec()] })
  await clock.moveBy(HOUR)
  assert.deepEqual(await states(server), [])
  await plane.jobs.update(job.id, { enabled: true }, job.version)
  await clock.moveTo(Date.parse((await plane.jobs.upcoming())[0]?.at as string) + MINUTE)
  const { items } = await plane.runs.list({})
  assert.equal(items.length, 1)
  const run = await plane.runs.get(items[0]?.id as string)
  assert.equal(run.state, 'success')
  assert.equal(run.trigger.kind, 'schedule')
  assert.equal(run.schedule, job.schedules[0]?.id)
  assert.deepEqual(run.totals, { vms: 3, succeeded: 3, failed: 0, changedBytes: 3072, bytesRead: 3072, bytesSent: 3300, fulls: 0 })
  assert.deepEqual(run.vmRuns.map(({ state, vm, attempt }) => [state, vm.name, attempt]).sort(), [
    ['success', 'vm-0', 1],
    ['success', 'vm-1', 1],
    ['success', 'vm-2', 1],
  ])
  const detail = await plane.runs.vmRun(run.vmRuns[0]?.id as string)
  assert.equal(detail.report?.status, 'success')
  assert.ok(detail.restorePoint !== null && detail.startedAt !== null && detail.endedAt !== null)
})

planeTest('every tick makes one run, over a simulated week', { vms: 1, keepEvents: false }, async (server) => {
  const { plane, clock, engine } = server
  await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 60 } })] })
  await clock.moveBy(7 * DAY)
  assert.equal(engine.begun, 7 * 24)
  assert.deepEqual(new Set(await states(server)), new Set(['success']))
})

planeTest('what runs moved is told hour by hour and for each target, after a restart as before', { keepEvents: false }, async (server) => {
  const { clock } = server
  const spec = jobSpec()
  await server.plane.jobs.create({ ...spec, schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 60 } })] })
  await clock.moveBy(2 * DAY)
  const before = await server.plane.runs.figures()
  const sum = (key: 'runs' | 'bytesSent' | 'changedBytes' | 'failed') => before.hours.reduce((all, hour) => all + hour[key], 0)
  assert.deepEqual([sum('runs'), sum('bytesSent'), sum('changedBytes'), sum('failed')], [48, 48 * 3300, 48 * 3072, 0])
  assert.deepEqual(before.targets, [{ ...spec.targets[0], bytesSent: 48 * 3300 }])
  await server.restart()
  assert.deepEqual(await server.plane.runs.figures(), before)
})

planeTest('a run by hand: whole job, some VMs, one schedule; what is not chosen or not there is refused', {}, async (server) => {
  const { plane, clock, engine } = server
  const job = await plane.jobs.create({ ...jobSpec({ enabled: false }), schedules: [scheduleSpec(), scheduleSpec({ name: 'daily' })] })
  const run = await plane.runs.start({ job: job.id, vms: [vmUuid(1)], schedule: job.schedules[1]?.id as string }, SYSTEM)
  assert.deepEqual(run.trigger, { kind: 'hand', by: 'tester' })
  assert.equal(run.scheduleName, 'daily')
  await clock.moveBy(MINUTE)
  assert.equal((await plane.runs.get(run.id)).state, 'success')
  assert.equal(engine.begun, 1)
  await assert.rejects(plane.runs.start({ job: job.id, vms: [vmUuid(77)] }, SYSTEM), coded('VM_NOT_CHOSEN'))
  await assert.rejects(plane.runs.start({ job: 'none' }, SYSTEM), coded('JOB_NOT_FOUND'))
  await assert.rejects(plane.runs.start({ job: job.id, schedule: 'none' }, SYSTEM), coded('SCHEDULE_NOT_FOUND'))
  await assert.rejects(plane.runs.get('none'), coded('RUN_NOT_FOUND'))
  assert.equal((await plane.runs.list({})).items.length, 1)
})

planeTest(
  'a VM that is still under way when its tick comes is skipped with a reason, and the others run',
  { takes: (request) => (request.vm === vmUuid(0) ? 25 * MINUTE : MINUTE) },
  async (server) => {
    const { plane, clock, engine } = server
    await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
    await clock.moveBy(36 * MINUTE)
    const runs = await Promise.all((await plane.runs.list({})).items.map(({ id }) => plane.runs.get(id)))
    const [last, middle] = runs
    assert.ok(runs.length >= 3)
    assert.ok(middle !== undefined && last !== undefined)
    const skipped = middle.vmRuns.find(({ vm }) => vm.uuid === vmUuid(0))
    assert.equal(skipped?.state, 'skipped')
    assert.equal(skipped?.warnings[0]?.code, 'still-under-way')
    assert.equal(middle.state, 'success')
    assert.ok(engine.most >= 2)
  },
)

planeTest(
  'when all VMs are still under way the tick is recorded as skipped, with its reason',
  { vms: 1, takes: () => 25 * MINUTE },
  async (server) => {
    const { plane, clock } = server
    await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
    await clock.moveBy(25 * MINUTE)
    const { items } = await plane.runs.list({ state: ['skipped'] })
    assert.ok(items.length >= 1)
    assert.equal(items[0]?.reason?.code, 'still-under-way')
  },
)

planeTest('R1: ticks that were missed while the server was down run once at the start', { vms: 1 }, async (server) => {
  const { clock } = server
  await server.plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
  await clock.moveBy(30 * MINUTE)
  const before = (await states(server)).length
  await server.restart({ after: 5 * HOUR })
  await clock.moveBy(MINUTE)
  const { items } = await server.plane.runs.list({})
  // A tick of its own may come in that minute: ticks are spread by the job's id.
  const since = items.slice(0, items.length - before).map(({ trigger }) => trigger)
  const caughtUp = since.filter(({ kind }) => kind === 'caught-up')
  assert.equal(caughtUp.length, 1, JSON.stringify(since))
  assert.ok(caughtUp[0]?.kind === 'caught-up' && caughtUp[0].missed > 25, JSON.stringify(since))
  assert.ok(since.length <= 2, JSON.stringify(since))
})

planeTest(
  'a server that is killed in the middle marks its runs interrupted, and makes the run again once',
  { vms: 4, takes: () => 5 * MINUTE },
  async (server) => {
    const { clock } = server
    await server.plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 1440 } })] })
    while (server.engine.underWay === 0) await clock.moveBy(MINUTE)
    for (let nth = 0; nth < 3; nth++) {
      await server.restart({ kill: true, after: MINUTE })
      await clock.moveBy(MINUTE)
    }
    const { items } = await server.plane.runs.list({})
    assert.deepEqual(
      items.map(({ state, trigger }) => `${state} ${trigger.kind}`),
      ['interrupted caught-up', 'interrupted schedule'],
    )
    for (const { id } of items) {
      const { vmRuns } = await server.plane.runs.get(id)
      assert.ok(vmRuns.every(({ state, endedAt }) => state === 'interrupted' && endedAt !== null))
    }
  },
)

planeTest(
  'a server that is stopped lets what runs end within its time, and takes up what waits at the next start',
  { vms: 6, takes: () => 500 },
  async (server) => {
    const { clock } = server
    const job = await server.plane.jobs.create({ ...jobSpec({ settings: { vmsAtOnce: 2 } }), schedules: [scheduleSpec()] })
    await clock.moveTo(Date.parse((await server.plane.jobs.upcoming())[0]?.at as string))
    assert.equal(server.engine.underWay, 2)
    await server.restart()
    const { items } = await server.plane.runs.list({ job: job.id })
    const interrupted = items.find(({ state }) => state === 'interrupted')
    assert.ok(interrupted, items.map(({ state }) => state).join())
    const { vmRuns } = await server.plane.runs.get(interrupted.id)
    assert.deepEqual(vmRuns.map(({ state }) => state).sort(), [
      'interrupted',
      'interrupted',
      'interrupted',
      'interrupted',
      'success',
      'success',
    ])
    await clock.moveBy(MINUTE)
    const again = (await server.plane.runs.list({ job: job.id })).items[0]
    assert.equal(again?.trigger.kind, 'caught-up')
    assert.equal(again?.state, 'success')
  },
)

const refused = { kind: 'failed', passing: false, error: new Failure('NO_SPACE', 'full') } as const
const broken = { kind: 'failed', passing: true, error: new Failure('POOL_BROKEN', 'the connection broke') } as const

test('what may pass is tried again after a pause, within the same run; what does not is not', async () => {
  let attempts = 0
  const server = await simulatedPlane({
    vms: 2,
    outcome: ({ vm }) => (vm === vmUuid(0) ? refused : attempts++ < 2 ? broken : undefined),
  })
  const { plane, clock, engine } = server
  const job = await plane.jobs.create({ ...jobSpec({ enabled: false }), schedules: [scheduleSpec()] })
  const { id } = await plane.runs.start({ job: job.id }, SYSTEM)
  await clock.moveBy(30_000)
  const paused = (await plane.runs.get(id)).vmRuns.find(({ vm }) => vm.uuid === vmUuid(1))
  assert.equal(paused?.state, 'waiting')
  assert.match(paused?.waitingFor ?? '', /^attempt 2 at /)
  await clock.moveBy(10 * MINUTE)
  const run = await plane.runs.get(id)
  assert.equal(run.state, 'partial')
  assert.deepEqual(run.vmRuns.map(({ state, attempt, error }) => [state, attempt, error?.code ?? null]).sort(), [
    ['failed', 1, 'NO_SPACE'],
    ['success', 3, null],
  ])
  assert.equal(engine.begun, 4)
  const { log } = await plane.runs.vmRun(run.vmRuns.find(({ state }) => state === 'success')?.id as string)
  assert.equal(log.filter(({ level }) => level === 'error').length, 2, 'what failed on the way is in the log')
  await server.close()
})

planeTest('retries have an end', { vms: 1, outcome: () => broken }, async (server) => {
  const { plane, clock, engine } = server
  const job = await plane.jobs.create(jobSpec({ enabled: false, settings: { retries: 4 } }))
  const { id } = await plane.runs.start({ job: job.id }, SYSTEM)
  await clock.moveBy(DAY)
  assert.equal(engine.begun, 5)
  const run = await plane.runs.get(id)
  assert.equal(run.state, 'failed')
  assert.equal(run.vmRuns[0]?.error?.code, 'POOL_BROKEN')
  assert.ok((run.vmRuns[0]?.error?.hint ?? '') !== '')
})

planeTest('a VM run that takes longer than its job allows is ended, and says so', { vms: 1, takes: () => 3 * HOUR }, async (server) => {
  const { plane, clock } = server
  const job = await plane.jobs.create(jobSpec({ enabled: false, settings: { timeoutMinutes: 60 } }))
  const { id } = await plane.runs.start({ job: job.id }, SYSTEM)
  await clock.moveBy(61 * MINUTE)
  const run = await plane.runs.get(id)
  assert.equal(run.state, 'failed')
  assert.equal(run.vmRuns[0]?.error?.code, 'RUN_TIMED_OUT')
})

planeTest('a run and a VM run can be cancelled, whether they wait or are under way', { vms: 4, takes: () => HOUR }, async (server) => {
  const { plane, clock, engine } = server
  const job = await plane.jobs.create(jobSpec({ enabled: false }))
  const { id } = await plane.runs.start({ job: job.id }, SYSTEM)
  await clock.moveBy(MINUTE)
  const { vmRuns } = await plane.runs.get(id)
  const [running, waiting] = [vmRuns.find(({ state }) => state === 'running'), vmRuns.find(({ state }) => state === 'waiting')]
  assert.equal(waiting?.waitingFor, 'the limit of VMs at once of its job')
  await plane.runs.cancelVm(waiting?.id as string, SYSTEM)
  await plane.runs.cancelVm(running?.id as string, SYSTEM)
  await clock.moveBy(MINUTE)
  const now = await plane.runs.get(id)
  assert.equal(now.state, 'running')
  assert.equal(now.vmRuns.filter(({ state }) => state === 'cancelled').length, 2)
  assert.equal(engine.underWay, 2, 'the next one has begun in the meantime')
  await plane.runs.cancel(id, SYSTEM)
  await clock.moveBy(MINUTE)
  assert.equal((await plane.runs.get(id)).state, 'cancelled')
  assert.equal(engine.underWay, 0)
  assert.equal((await plane.runs.cancel(id, SYSTEM)).state, 'cancelled', 'once more changes nothing')
})

planeTest(
  'maintenance: nothing begins inside, what runs goes on, and at its end one run catches up',
  { vms: 1, takes: () => 15 * MINUTE },
  async (server) => {
    const { plane, clock, engine } = server
    await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 60 } })] })
    const first = Date.parse((await plane.jobs.upcoming())[0]?.at as string)
    await clock.moveTo(first + MINUTE)
    assert.equal(engine.underWay, 1)
    const [from, until] = [new Date(clock.now()).toISOString(), new Date(clock.now() + 5 * HOUR).toISOString()]
    await plane.settings.change({ maintenance: [{ id: 'w', name: 'move', job: null, pool: null, from, until }] })
    await clock.moveBy(5 * HOUR - MINUTE)
    assert.equal(engine.begun, 1)
    assert.deepEqual(await states(server), ['success'])
    await assert.rejects(plane.runs.start({ job: (await plane.jobs.list())[0]?.id as string }, SYSTEM), coded('IN_MAINTENANCE'))
    await clock.moveBy(2 * MINUTE)
    assert.equal(engine.begun, 2)
    const trigger = (await plane.runs.list({})).items[0]?.trigger
    assert.ok(trigger?.kind === 'caught-up' && trigger.missed >= 3)
  },
)

planeTest('maintenance of a pool holds up VM runs that use it, until its end', { vms: 1 }, async (server) => {
  const { plane, clock, engine } = server
  const job = await plane.jobs.create(jobSpec({ enabled: false }))
  const [from, until] = [new Date(clock.now()).toISOString(), new Date(clock.now() + HOUR).toISOString()]
  await plane.settings.change({ maintenance: [{ id: 'w', name: 'move', job: null, pool: 'target', from, until }] })
  const { id } = await plane.runs.start({ job: job.id }, SYSTEM)
  await clock.moveBy(59 * MINUTE)
  assert.equal(engine.begun, 0)
  assert.match((await plane.runs.get(id)).vmRuns[0]?.waitingFor ?? '', /maintenance/)
  await clock.moveBy(2 * MINUTE)
  assert.equal((await plane.runs.get(id)).state, 'success')
})

planeTest('a clock that is set back or ahead: no tick runs twice, and none is lost', { vms: 1, keepEvents: false }, async (server) => {
  const { plane, clock, engine } = server
  await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec()] })
  await clock.moveBy(HOUR)
  const hour = engine.begun
  await clock.set(clock.now() - 5 * MINUTE)
  await clock.moveBy(5 * MINUTE)
  assert.equal(engine.begun, hour, 'set back by half an interval')
  await clock.set(clock.now() + 3 * HOUR)
  assert.equal(engine.begun, hour + 1, 'set ahead: one run for all that passed')
  await clock.set(NOON - 30 * DAY)
  await clock.moveBy(HOUR)
  assert.ok(engine.begun >= hour + 6, `set back by a month: it goes on (${engine.begun - hour})`)
})

planeTest(
  'a job by tag waits for its pool to be seen; then the missed tick runs',
  { vms: 3, timing: { firstSightMs: MINUTE } },
  async (server) => {
    const { clock, pools, engine } = server
    await server.plane.jobs.create({
      ...jobSpec({ selection: { include: [{ kind: 'tag', pool: 'late', tag: 'x' }], exclude: [] } }),
      schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 600 } })],
    })
    pools.set('late', { state: 'away' })
    await clock.moveTo(Date.parse((await server.plane.jobs.upcoming())[0]?.at as string) + 30 * MINUTE)
    assert.deepEqual(await states(server), [], 'nothing is known of what it chooses')
    const { settableVm } = await import('../support/settable-pools.ts')
    pools.set('late', { vms: [settableVm('vm', { tags: ['x'] })] })
    await clock.moveBy(2 * MINUTE)
    assert.deepEqual(await states(server), ['success'])
    assert.equal(engine.begun, 1)
  },
)

planeTest(
  'a dry run is recorded, and changes nothing of what is said of protection',
  { vms: 1, outcome: () => ({ kind: 'planned', plan: { warnings: [] } as never }) },
  async (server) => {
    const { plane, clock } = server
    const job = await plane.jobs.create(jobSpec())
    const { id } = await plane.runs.start({ job: job.id, dryRun: true }, SYSTEM)
    await clock.moveBy(MINUTE)
    const run = await plane.runs.get(id)
    assert.ok(run.dryRun && run.state === 'success')
    assert.equal((await plane.replicas.protection({ job: job.id })).items[0]?.newestPoint, null)
  },
)

planeTest('runs go by age, and only those', { vms: 1, keepEvents: false }, async (server) => {
  const { plane, clock } = server
  await plane.settings.change({ keepRunsDays: 2 })
  await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 360 } })] })
  await clock.moveBy(6 * DAY)
  const { items } = await plane.runs.list({})
  assert.ok(items.length === 8 || items.length === 9, `${items.length}`)
  const oldest = Date.parse(items.at(-1)?.queuedAt as string)
  assert.ok(clock.now() - oldest < 2 * DAY + 2 * HOUR)
})

planeTest(
  'plans, reports and logs of old successes, and the old of the audit log, go by ages of their own; the runs stay',
  { vms: 1, keepEvents: false },
  async (server) => {
    const { plane, clock, store } = server
    await plane.settings.change({ keepDetailsDays: 1, keepAuditDays: 2 })
    const entry = { actor: SYSTEM, address: '', action: 'job.run', object: { kind: 'job', id: 'job' }, outcome: 'done', details: {} }
    for (const days of [0, 3]) await insertAudit(store.db, { ...entry, at: new Date(clock.now() + days * DAY).toISOString() })
    await plane.jobs.create({ ...jobSpec(), schedules: [scheduleSpec({ timing: { kind: 'interval', minutes: 360 } })] })
    await clock.moveBy(4 * DAY)
    const { items } = await plane.runs.vmRuns({ limit: 500 })
    assert.ok(items.length >= 15, `${items.length} are kept`)
    const ages: number[] = []
    for (const { id, queuedAt } of items) {
      const detail = await plane.runs.vmRun(id)
      assert.equal(detail.state, 'success')
      const age = clock.now() - Date.parse(queuedAt)
      if (detail.report !== null) ages.push(age)
      else assert.deepEqual([detail.plan, detail.log, age > DAY], [null, [], true])
    }
    assert.ok(ages.length >= 4 && Math.max(...ages) < DAY + 2 * HOUR, `${ages}`)
    const { items: entries } = await listAudit(store.db, {})
    assert.equal(entries.length, 1)
  },
)
