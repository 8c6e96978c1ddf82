/** The control plane with what it is made for: registered pools (simulated ones), and the replication engine. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Job } from '../../src/core/control/job.ts'
import { systemClock } from '../../src/jobs/clock.ts'
import type { ControlPlane, ServerEvent } from '../../src/jobs/control-plane.ts'
import { createControlPlane } from '../../src/jobs/create-control-plane.ts'
import { PoolService } from '../../src/jobs/pools/pool-service.ts'
import { replicationEngine } from '../../src/jobs/replication-engine.ts'
import { openStore, type Store } from '../../src/store/open-store.ts'
import { openSecrets, type Secrets } from '../../src/store/secrets/secrets.ts'
import { type StartedLab, startLab } from '../support/lab.ts'
import { hashesOf, hashOf, type MadeVm, MIB, makeVm } from '../support/replicating.ts'
import { SYSTEM } from '../support/simulated-plane.ts'

let lab: StartedLab
let store: Store
let secrets: Secrets
let pools: PoolService
let plane: ControlPlane
let events: ServerEvent[] = []
const errors: unknown[] = []
const ids: string[] = []

async function startPlane(): Promise<void> {
  pools = new PoolService({ store, secrets, clock: systemClock, onError: (error) => errors.push(error) })
  await pools.start()
  plane = createControlPlane({
    store,
    secrets,
    pools,
    engine: replicationEngine({ pools, lookAgainMs: 50 }),
    onError: (error) => errors.push(error),
    timing: { gatherMs: 20 },
  })
  events = []
  plane.onEvent((event) => events.push(event))
  await plane.start()
}

async function stopPlane(): Promise<void> {
  await plane.close(20_000)
  await pools.close()
}

before(async () => {
  lab = await startLab({ names: ['here', 'there'], empty: true } as never)
  store = await openStore({ memory: true })
  secrets = await openSecrets(store, {})
  await startPlane()
  for (const { url, user, password, fingerprint } of lab.pools) ids.push((await plane.pools.add({ url, user, password, fingerprint })).id)
})

after(async () => {
  await stopPlane()
  await store.close()
  await lab.close()
})

/** Resolves with the first event that is wanted, from now on. */
function event<E extends ServerEvent>(wanted: (event: ServerEvent) => event is E): Promise<E> {
  return new Promise((resolve) => {
    const stop = plane.onEvent((each) => {
      if (!wanted(each)) return
      stop()
      resolve(each)
    })
  })
}

const ended = (run: string) =>
  event((each): each is Extract<ServerEvent, { kind: 'run' }> => each.kind === 'run' && each.run.id === run && each.run.endedAt !== null)

async function seen(vm: MadeVm): Promise<void> {
  while (!(pools.inventoryOf(ids[0] as string)?.vms ?? []).some(({ uuid }) => uuid === vm.uuid))
    await event((each): each is Extract<ServerEvent, { kind: 'inventory' }> => each.kind === 'inventory')
}

async function runNow(job: Job, dryRun = false) {
  const run = await plane.runs.start({ job: job.id, dryRun }, SYSTEM)
  if ((await plane.runs.get(run.id)).endedAt === null) await ended(run.id)
  return plane.runs.get(run.id)
}

test('a job replicates a tagged VM to two pools at once; what was achieved is shown, learnt again when it is lost, and verified', {
  timeout: 110_000,
}, async () => {
  const [here, there] = lab.pools
  assert.ok(here && there)
  const vm = await makeVm(here, [8 * MIB], { tags: ['gold'] })
  const [source, target] = ids as [string, string]
  const { xapiTag } = { xapiTag: 'gold' }
  await here.post('/vm/tags', { vm: vm.uuid, tags: [xapiTag] }).catch(() => undefined)
  await seen(vm)
  const srs = [here.srs[0]?.uuid as string, there.srs[0]?.uuid as string]
  const job = await plane.jobs.create({
    name: 'both',
    enabled: true,
    selection: { include: [{ kind: 'vm', pool: source, vm: vm.uuid }], exclude: [] },
    targets: [
      { pool: source, sr: srs[0] as string },
      { pool: target, sr: srs[1] as string },
    ],
    settings: { verify: 'full', retries: 0 },
    schedules: [
      {
        name: 'daily',
        enabled: true,
        timing: { kind: 'cron', expression: '30 2 * * *', timeZone: 'Europe/Berlin' },
        retention: { last: 2 },
        settings: {},
      },
    ],
  })
  const planned = await runNow(job, true)
  assert.equal(planned.state, 'success', JSON.stringify(planned.vmRuns.map(({ error }) => error)))
  assert.ok((await plane.runs.vmRun(planned.vmRuns[0]?.id as string)).plan)
  assert.deepEqual(await plane.replicas.restorePoints({ pool: target, sr: srs[1] as string }, vm.uuid), [], 'a dry run changes nothing')

  const run = await runNow(job)
  assert.equal(run.state, 'success', JSON.stringify(run.vmRuns.map(({ error }) => error)))
  assert.equal(run.totals.fulls, 2)
  const points = await plane.replicas.restorePoints({ pool: target, sr: srs[1] as string }, vm.uuid)
  assert.equal(points.length, 1)
  assert.equal(points[0]?.schedule, job.schedules[0]?.id)
  const detail = await plane.runs.vmRun(run.vmRuns.find((each) => each.target.pool === target)?.id as string)
  assert.equal(await hashOf(there, detail.report?.disks[0]?.target as string), Object.values(await hashesOf(here, vm))[0])
  assert.ok(detail.log.length > 0 || detail.plan !== null)

  const delta = await runNow(job)
  assert.equal(delta.totals.fulls, 0, 'the second run is a delta')
  const protections = (await plane.replicas.protection({ job: job.id })).items
  assert.deepEqual(
    protections.map(({ state }) => state),
    ['protected', 'protected'],
  )

  const verified = event((each): each is Extract<ServerEvent, { kind: 'verified' }> => each.kind === 'verified')
  const newest = protections.find((each) => each.target?.pool === target)?.newestPoint?.uuid as string
  await plane.replicas.verify({ target: { pool: target, sr: srs[1] as string }, restorePoint: newest, mode: 'full' }, SYSTEM)
  const proof = await verified
  assert.deepEqual([proof.equal, proof.error], [true, null])
  const shown = (await plane.replicas.restorePoints({ pool: target, sr: srs[1] as string }, vm.uuid)).find(({ uuid }) => uuid === newest)
  assert.equal(shown?.verified?.equal, true)

  // The rows are lost, the restore points are not.
  await stopPlane()
  await store.db.deleteFrom('protections').execute()
  await startPlane()
  const relearnt = async () => (await plane.replicas.protection({ job: job.id })).items
  while (!(await relearnt()).every(({ newestPoint }) => newestPoint !== null) || (await relearnt()).length !== 2)
    await event((each): each is Extract<ServerEvent, { kind: 'protection' }> => each.kind === 'protection')
  assert.deepEqual(
    (await relearnt()).map(({ state, replica }) => [state, replica !== null]),
    [
      ['protected', true],
      ['protected', true],
    ],
  )
})

test('a target that is away fails with what to do, and the others of the run do not', { timeout: 110_000 }, async () => {
  const [here, there] = lab.pools
  assert.ok(here && there)
  const vm = await makeVm(here, [4 * MIB], { name: 'second' })
  await seen(vm)
  const [source, target] = ids as [string, string]
  const job = await plane.jobs.create({
    name: 'one away',
    enabled: false,
    selection: { include: [{ kind: 'name', pool: source, pattern: 'sec*' }], exclude: [] },
    targets: [
      { pool: source, sr: here.srs[0]?.uuid as string },
      { pool: target, sr: there.srs[0]?.uuid as string },
    ],
    settings: { retries: 0 },
  })
  await there.stop()
  try {
    const run = await runNow(job)
    assert.equal(run.state, 'partial')
    const failed = run.vmRuns.find(({ state }) => state === 'failed')
    assert.equal(failed?.target.pool, target)
    assert.match(failed?.error?.code ?? '', /^POOL_/)
    assert.notEqual(failed?.error?.hint, '')
  } finally {
    await there.start()
  }
})
