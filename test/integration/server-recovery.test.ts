/** Recovery plans, seeds and health checks through the API of a server, on two simulated pools. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { RemoteApi } from '../../src/cli/remote/api.ts'
import type { RecoveryPlanSpec } from '../../src/core/control/recovery-plan-record.ts'
import { hashesNow } from '../support/failing-over.ts'
import type { StartedPool } from '../support/lab.ts'
import { ended, makeJob, refusedAs, runOnce, seenVm, succeeded, waitFor, withRecoveringServer } from '../support/recovering.ts'
import { hashesOf, look, type MadeVm, MIB, makeVm, withXapi } from '../support/replicating.ts'
import type { ListeningServer } from '../support/running-server.ts'

describe('recovery plans, seeds and health checks through the API', () => {
  let source: StartedPool
  let target: StartedPool
  let server: ListeningServer
  let api: RemoteApi
  let from: string
  let to: string
  withRecoveringServer((all) => {
    ;({ source, target, server, api, from, to } = all)
  })

  const place = () => ({ pool: to, sr: target.srs[0]?.uuid as string })
  const write = (pool: StartedPool, vm: string, seed: string) => pool.post('/guest/random', { vm, userdevice: '0', count: 20, seed })

  function planOf(name: string, groups: readonly (readonly MadeVm[])[], change: Partial<RecoveryPlanSpec> = {}): RecoveryPlanSpec {
    return {
      name,
      description: '',
      onFailure: 'stop',
      ready: ['tools'],
      readyTimeoutSeconds: 60,
      scriptTimeoutSeconds: 60,
      networks: {},
      groups: groups.map((vms, nth) => ({
        name: `group ${nth + 1}`,
        delaySeconds: 0,
        before: null,
        after: null,
        vms: vms.map(({ uuid }) => ({ vm: uuid, target: place(), job: null })),
      })),
      ...change,
    }
  }

  test('a plan of several VMs is checked, tested, run unplanned, and reported', async () => {
    const vms = await Promise.all(['a', 'b', 'c'].map((name) => makeVm(source, [16 * MIB], { name, tools: true })))
    const [a, b, c] = vms as [MadeVm, MadeVm, MadeVm]
    const job = await makeJob(
      api,
      from,
      vms.map(({ uuid }) => uuid),
      place(),
      {},
      'three',
    )
    const spec = planOf('site', [[a], [b, c]])
    assert.deepEqual(
      (await api.plans.check(spec)).problems.map(({ code }) => code),
      Array(3).fill('RESTORE_POINT_NOT_FOUND'),
    )
    assert.equal((await runOnce(api, job.id)).state, 'success')
    const checked = await api.plans.check(spec)
    assert.deepEqual([checked.ok, checked.vms.map(({ name }) => name).sort()], [true, ['a', 'b', 'c']])
    await assert.rejects(api.plans.create(planOf('twice', [[a], [a]])), refusedAs('RECOVERY_PLAN_INVALID'))
    const plan = await api.plans.create(spec)
    const changed = await api.plans.update(plan.id, { onFailure: 'continue' }, plan.version)
    assert.deepEqual([changed.version, changed.onFailure], [2, 'continue'])
    await assert.rejects(api.plans.update(plan.id, { name: 'late' }, plan.version), refusedAs('RECOVERY_PLAN_CHANGED'))

    const tested = succeeded<'plan'>(await ended(api, await api.plans.start(plan.id, { mode: 'test' }, randomUUID())))
    assert.deepEqual([tested.result.ok, tested.result.up, tested.result.removed], [true, 3, true])
    assert.deepEqual(
      (await api.failover.status({ pool: to })).flatMap(({ tests }) => tests),
      [],
    )
    const markdown = await api.activities.report(tested.id)
    assert.match(markdown, /Test of recovery plan "site"/)
    assert.match(markdown, /\*\*passed\*\*, 3 of 3 VMs up/)

    const holds = await Promise.all(vms.map((vm) => hashesOf(source, vm)))
    await assert.rejects(api.plans.start(plan.id, { mode: 'unplanned' }, randomUUID()), refusedAs('CONFIRMATION_NEEDED'))
    const beside = await api.plans.preview(plan.id, { mode: 'unplanned' })
    assert.deepEqual([...new Set(beside.problems.map(({ code }) => code))], ['SOURCE_RUNS'])
    const all = { mode: 'unplanned', evenIfSourceRuns: true, confirm: 'site' } as const
    const preview = await api.plans.preview(plan.id, all)
    assert.deepEqual([preview.ok, preview.confirm, preview.lost.length], [true, 'site', 3])
    const run = succeeded<'plan'>(await ended(api, await api.plans.start(plan.id, all, randomUUID())))
    assert.deepEqual([run.result.ok, run.result.up], [true, 3], JSON.stringify(run.result))
    const seen = await look(target)
    for (const [nth, vm] of vms.entries()) {
      const runs = run.result.vms.find((each) => each.vm === vm.uuid)?.runs as string
      assert.deepEqual(await hashesNow(target, seen, runs), holds[nth])
    }
    const listed = await api.activities.list({ plan: plan.id }, 10)
    assert.deepEqual(
      listed.map(({ id }) => id),
      [run.id, tested.id],
    )
    assert.equal((await api.activities.list({ vm: b.uuid, kind: ['plan'] }, 10)).length, 2, 'a plan is found by each of its VMs')
    const again = succeeded<'plan'>(await ended(api, await api.plans.start(plan.id, all, randomUUID())))
    assert.deepEqual([again.result.ok, again.result.up], [true, 3], 'what failed over already counts')
    await api.plans.remove(plan.id)
    await assert.rejects(api.plans.get(plan.id), refusedAs('RECOVERY_PLAN_NOT_FOUND'))
  })

  test('a plan run as planned loses nothing; a program that fails stops it, and those behind are skipped', async () => {
    const vms = await Promise.all(['d', 'e'].map((name) => makeVm(source, [16 * MIB], { name, tools: true })))
    const [d, e] = vms as [MadeVm, MadeVm]
    const job = await makeJob(
      api,
      from,
      vms.map(({ uuid }) => uuid),
      place(),
      {},
      'two',
    )
    await runOnce(api, job.id)
    await write(source, d.uuid, 'after the run')
    const spec = planOf('two', [[d], [e]])
    const groups = spec.groups.map((group, nth) => (nth === 1 ? { ...group, before: '/bin/false' } : group))
    const plan = await api.plans.create({ ...spec, groups })
    const { id } = await api.plans.start(plan.id, { mode: 'planned', confirm: 'two' }, randomUUID())
    const { result } = succeeded<'plan'>(await ended(api, { id }))
    assert.deepEqual([result.ok, result.up, result.skipped], [false, 1, 1])
    const runs = result.vms.find(({ vm }) => vm === d.uuid)?.runs as string
    assert.deepEqual(await hashesNow(target, await look(target), runs), await hashesOf(source, d))
  })

  test('a health check after each run proves the replica; one that fails raises an alert, the next that passes closes it', async () => {
    const vm = await makeVm(source, [16 * MIB], { name: 'healthy', tools: true })
    const every = { kind: 'runs', count: 1 } as const
    const job = await makeJob(
      api,
      from,
      [vm.uuid],
      place(),
      { healthCheck: { every, ready: ['tools'], readyTimeoutSeconds: 60 } },
      'checked',
    )
    const healthAfter = async (before: string | null) => {
      await runOnce(api, job.id)
      return waitFor('the health check', async () => {
        const found = (await api.replicas.protection({ job: job.id }))[0]?.lastHealthCheck
        return found && found.activity !== before ? found : undefined
      })
    }
    const first = await healthAfter(null)
    assert.equal(first.ok, true, first.text)
    assert.ok((first.rtoSeconds ?? 0) > 0)
    const activity = await api.activities.get(first.activity)
    assert.deepEqual([activity.cause.kind, activity.by.kind], ['health-check', 'system'])
    await waitFor('it is in the restore point', async () =>
      (await api.replicas.restorePoints(to, place().sr, vm.uuid)).some(({ tested }) => tested?.outcome === 'ready') ? true : undefined,
    )
    const settings = { ...job.settings, healthCheck: { every, ready: ['tcp:127.0.0.1:1'], readyTimeoutSeconds: 1 } }
    await api.jobs.update(job.id, { settings }, job.version)
    await write(source, vm.uuid, 'more')
    const second = await healthAfter(first.activity)
    assert.equal(second.ok, false)
    const alerts = () => api.notifications.alerts({ open: true }, 10)
    await waitFor('an alert is open', async () => ((await alerts()).some(({ kind }) => kind === 'health-check-failed') ? true : undefined))
    await api.jobs.update(job.id, { settings: job.settings }, job.version + 1)
    await write(source, vm.uuid, 'still more')
    assert.equal((await healthAfter(second.activity)).ok, true)
    await waitFor('the alert is closed', async () =>
      (await alerts()).every(({ kind }) => kind !== 'health-check-failed') ? true : undefined,
    )
  })

  test('a seed is exported to the server, imported, and the next run of its job is a delta', async () => {
    const vm = await makeVm(source, [32 * MIB], { name: 'seeded' })
    const job = await makeJob(api, from, [vm.uuid], place(), {}, 'for a seed')
    assert.equal((await api.seeds.state({ job: job.id, vm: vm.uuid, ...place() })).state, 'none')
    await assert.rejects(api.seeds.export({ pool: from, vm: vm.uuid, folder: '../out' }, randomUUID()), refusedAs('INPUT_INVALID'))
    const exported = succeeded<'seed-export'>(
      await ended(api, await api.seeds.export({ pool: from, vm: vm.uuid, folder: 'erp' }, randomUUID())),
    )
    assert.ok(exported.result.bytesStored > 0)
    const [folder] = (await api.seeds.folders()).filter(({ name }) => name === 'erp')
    assert.deepEqual([folder?.state, folder?.vm?.uuid, folder?.snapshot?.uuid], ['complete', vm.uuid, exported.result.snapshot])
    const again = succeeded<'seed-export'>(
      await ended(api, await api.seeds.export({ pool: from, vm: vm.uuid, folder: 'erp' }, randomUUID())),
    )
    assert.equal(again.result.bytesRead, 0, 'what is there is gone on with')
    await write(source, vm.uuid, 'since the seed')
    const imported = succeeded<'seed-import'>(
      await ended(api, await api.seeds.import({ folder: 'erp', job: job.id, target: place() }, randomUUID())),
    )
    assert.equal(imported.result.status, 'linked')
    assert.equal((await api.seeds.state({ job: job.id, vm: vm.uuid, ...place() })).state, 'fresh')
    const run = await runOnce(api, job.id)
    assert.deepEqual([run.state, run.totals.fulls], ['success', 0])
    assert.equal((await api.seeds.state({ job: job.id, vm: vm.uuid, ...place() })).state, 'used')
    await api.seeds.removeFolder('erp')
    assert.ok((await api.seeds.folders()).every(({ name }) => name !== 'erp'))
  })

  test('a copy made by hand is checked, linked, and the next run is a delta', async () => {
    const vm = await makeVm(target, [16 * MIB], { name: 'copied', start: false })
    await seenVm(api, to, vm.uuid)
    // Within one pool a copy of a snapshot is as good as one that was carried.
    const taken = succeeded<'seed-snapshot'>(await ended(api, await api.seeds.takeSnapshot({ pool: to, vm: vm.uuid }, randomUUID())))
    const [snapshot] = await api.seeds.snapshots(to, vm.uuid)
    assert.deepEqual([snapshot?.uuid, snapshot?.usable, snapshot?.disks[0]?.tracked], [taken.result.snapshot, true, true])
    const copy = await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', taken.result.snapshot)
      const made = (await xapi.callAsync('VM.copy', [ref, 'by hand', await xapi.byUuid('SR', place().sr)])) as typeof ref
      await xapi.call('VM.set_is_a_template', [made, false])
      return xapi.call<string>('VM.get_uuid', [made])
    })
    const job = await makeJob(api, to, [vm.uuid], place(), {}, 'by hand')
    const request = { pool: to, snapshot: taken.result.snapshot, job: job.id, targetPool: to, copy }
    const checked = await api.seeds.check(request)
    assert.equal(checked.kind, 'link', checked.text)
    const linked = succeeded<'seed-link'>(await ended(api, await api.seeds.link(request, randomUUID())))
    assert.equal(linked.result.status, 'linked')
    assert.ok(linked.result.bytesCompared > 0)
    assert.equal((await api.seeds.check(request)).kind, 'linked')
    const run = await runOnce(api, job.id)
    assert.deepEqual([run.state, run.totals.fulls], ['success', 0], run.vmRuns[0]?.error?.message)
  })

  test('nothing outside the folder for seeds is touched: links and names that lead out are refused, foreign files stay', async () => {
    const seeds = join(server.folder, 'seeds')
    mkdirSync(join(server.folder, 'elsewhere'), { recursive: true })
    symlinkSync(join(server.folder, 'elsewhere'), join(seeds, 'link'))
    await assert.rejects(api.seeds.removeFolder('link'), refusedAs('SEED_FOLDER_NOT_FOUND'))
    const vm = await makeVm(source, [16 * MIB], { name: 'out' })
    await seenVm(api, from, vm.uuid)
    await assert.rejects(api.seeds.export({ pool: from, vm: vm.uuid, folder: 'link' }, randomUUID()), refusedAs('SEED_FOLDER_NOT_FOUND'))
    for (const name of ['..', '%2e%2e', '..%2Felsewhere']) await assert.rejects(api.seeds.removeFolder(name))
    mkdirSync(join(seeds, 'foreign'))
    writeFileSync(join(seeds, 'foreign', 'letter.txt'), 'dear')
    await assert.rejects(api.seeds.removeFolder('foreign'), refusedAs('SEED_FOLDER_DAMAGED'))
    assert.equal((await api.seeds.folders()).find(({ name }) => name === 'foreign')?.state, 'damaged')
  })
})
