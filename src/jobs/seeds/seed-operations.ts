/** First copies made outside the network path, as the API has them made, carried over and linked. */
import type { Activity, ActivityCause, ActivityKind, ActivitySubject } from '../../core/control/activity.ts'
import type { Actor } from '../../core/control/audit.ts'
import type { Job } from '../../core/control/job.ts'
import type { SeedCheckResult, SeedExportRequest, SeedImportRequest, SeedLinkRequest } from '../../core/control/seed-record.ts'
import { Failure } from '../../core/failure.ts'
import { explainError } from '../../replication/explain.ts'
import { viewPool } from '../../replication/pool-view.ts'
import { exportSeed, lookAtSeed, takeSeedSnapshot } from '../../replication/seeding/export-seed.ts'
import { importSeed } from '../../replication/seeding/import-seed.ts'
import { inspectSeedSnapshot } from '../../replication/seeding/inspect-seed.ts'
import { checkSeed, linkSeed, type SeedReport } from '../../replication/seeding/link-seed.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import type { ActivityService } from '../activities/activity-service.ts'
import type { SeedOperations } from '../control-plane.ts'
import { sourcePoolOf } from '../failover/find-chain.ts'
import { type FailoverParts, plainReport, vmClaim } from '../failover/parts.ts'
import { settingsOf } from '../failover/run-settings.ts'
import { listSeeds, removeSeed, seedPath } from './seed-folders.ts'
import { seedSnapshots, seedState } from './seed-state.ts'

const LOOK_MS = 60_000

export interface SeedService extends SeedOperations {
  beginAgain(kind: ActivityKind, request: Readonly<Record<string, unknown>>, by: Actor, cause: ActivityCause): Promise<Activity>
}

export interface SeedParts {
  readonly folder: string | undefined
  readonly failover: FailoverParts
  readonly activities: ActivityService
}

const folderClaim = (name: string) => `seed ${name}`
const HAND: ActivityCause = { kind: 'hand' }

export function seedOperations({ folder: root, failover, activities }: SeedParts): SeedService {
  const { pools, book, budget } = failover
  const looking = async <T>(look: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await look(AbortSignal.timeout(LOOK_MS))
    } catch (error) {
      throw explainError(error)
    }
  }
  const nameOf = (pool: string, vm: string) => pools.inventoryOf(pool)?.vms.find(({ uuid }) => uuid === vm)?.name ?? vm
  const subject = (fields: Partial<ActivitySubject>): ActivitySubject => ({
    job: null,
    jobName: null,
    sourcePool: null,
    vm: null,
    target: null,
    plan: null,
    seed: null,
    ...fields,
  })
  const scheduleOf = (job: Job, schedule: string | undefined): string => {
    if (schedule === undefined) return job.schedules[0]?.id ?? job.id
    if (job.schedules.some(({ id }) => id === schedule)) return schedule
    throw new Failure('SCHEDULE_NOT_FOUND', `job "${job.name}" has no schedule ${schedule}`)
  }
  /** Of which VM a snapshot is. */
  const sourceOf = (pool: string, snapshot: string) =>
    looking((signal) =>
      pools.withPool(pool, signal, async (xapi) => {
        const { facts } = inspectSeedSnapshot(await viewPool(xapi, signal), snapshot)
        if (facts.source === undefined)
          throw new Failure('SEED_SNAPSHOT_UNUSABLE', `the VM that snapshot "${facts.name}" was taken of is gone`)
        return facts.source
      }),
    )
  const both = <T>(from: string, to: string, signal: AbortSignal, use: (source: Xapi, target: Xapi) => Promise<T>): Promise<T> =>
    pools.withPool(from, signal, (source) =>
      from === to ? use(source, source) : pools.withPool(to, signal, (target) => use(source, target)),
    )

  async function takeSnapshot(
    { pool, vm }: { readonly pool: string; readonly vm: string },
    by: Actor,
    cause: ActivityCause,
  ): Promise<Activity> {
    return activities.begin({
      kind: 'seed-snapshot',
      subject: subject({ sourcePool: pool, vm: { uuid: vm, name: nameOf(pool, vm) } }),
      by,
      cause,
      vms: [vm],
      request: { pool, vm },
      claims: [`snapshot ${vm}`],
      work: (context) =>
        pools.withPool(pool, context.signal, async (source) => {
          const { signal } = context
          context.step('snapshot', 'turning change tracking on and taking the snapshot')
          const onLog = (message: string) => context.log('info', message)
          const { facts, warnings } = await takeSeedSnapshot({ source, signal, now: Date.now, onLog }, await viewPool(source, signal), vm)
          return {
            result: { kind: 'seed-snapshot', snapshot: facts.uuid, name: facts.name, warnings },
            report: plainReport({ snapshot: facts, warnings }),
          }
        }),
    })
  }

  async function exportTo(request: SeedExportRequest, by: Actor, cause: ActivityCause): Promise<Activity> {
    const { pool, vm, snapshot, folder: name } = request
    if ((vm === undefined) === (snapshot === undefined))
      throw new Failure('INPUT_INVALID', 'name a VM, of which a snapshot is taken, or a snapshot: one of both')
    const path = await seedPath(root, name)
    const of = vm === undefined ? await sourceOf(pool, snapshot as string) : { uuid: vm, name: nameOf(pool, vm) }
    return activities.begin({
      kind: 'seed-export',
      subject: subject({ sourcePool: pool, vm: of, seed: name }),
      by,
      cause,
      vms: [of.uuid],
      request,
      claims: [folderClaim(name)],
      work: (context) =>
        pools.withPool(pool, context.signal, async (source) => {
          context.step('export', `exporting to ${name}`)
          const seed = await exportSeed({
            source,
            of: vm === undefined ? { kind: 'snapshot', uuid: snapshot as string } : { kind: 'vm', uuid: vm },
            folder: path,
            signal: context.signal,
            budget,
            now: Date.now,
            onProgress: (disk, done, expected) => context.bytes(disk, 'export', done, expected),
            onLog: (message) => context.log('info', message),
          })
          const sum = (part: 'bytesRead' | 'bytesStored') => seed.disks.reduce((total, disk) => total + disk[part], 0)
          const { snapshot: taken, warnings } = seed
          return {
            result: {
              kind: 'seed-export',
              folder: name,
              snapshot: taken.uuid,
              bytesRead: sum('bytesRead'),
              bytesStored: sum('bytesStored'),
              warnings,
            },
            report: plainReport({ ...seed, folder: name }),
          }
        }),
    })
  }

  async function importFrom(request: SeedImportRequest, by: Actor, cause: ActivityCause): Promise<Activity> {
    const { folder: name, job: id, target, verify = 'changed' } = request
    const job = book.get(id)
    const schedule = scheduleOf(job, request.schedule)
    const path = await seedPath(root, name)
    const { manifest, complete } = await lookAtSeed(path)
    if (!complete) throw new Failure('SEED_FOLDER_INCOMPLETE', `the export of "${manifest.vm.name}" to ${name} did not end`)
    const { vm } = manifest
    const from = pools.statuses().find((each) => pools.inventoryOf(each.id)?.vms.some(({ uuid }) => uuid === vm.uuid))?.id
    const sourcePool = sourcePoolOf({ job, sourcePool: from, vm, target })
    const settings = settingsOf(job)
    return activities.begin({
      kind: 'seed-import',
      subject: subject({ job: job.id, jobName: job.name, sourcePool, vm, target, seed: name }),
      by,
      cause,
      vms: [vm.uuid],
      request,
      claims: [folderClaim(name), vmClaim(vm.uuid)],
      async work(context) {
        await context.reserve(`${sourcePool}/${vm.uuid}`)
        return both(sourcePool, target.pool, context.signal, async (source, there) => {
          context.step('import', `importing from ${name}`)
          const seed = await importSeed({
            source,
            target: there,
            sr: target.sr,
            folder: path,
            job: job.id,
            schedule,
            verify,
            networks: new Map(Object.entries(settings.networks)),
            allowInsecureNbd: settings.allowInsecureNbd,
            signal: context.signal,
            budget,
            onProgress: (disk, done, expected, what) => context.bytes(disk, what, done, expected),
            onLog: (message) => context.log('info', message),
          })
          return { result: seedResult('seed-import', seed, seed.bytesSent), report: plainReport(seed) }
        })
      },
    })
  }

  async function link(request: SeedLinkRequest, by: Actor, cause: ActivityCause): Promise<Activity> {
    const { pool, snapshot, targetPool, copy, check = 'sample' } = request
    const job = book.get(request.job)
    const schedule = scheduleOf(job, request.schedule)
    const vm = await sourceOf(pool, snapshot)
    const settings = settingsOf(job)
    return activities.begin({
      kind: 'seed-link',
      subject: subject({ job: job.id, jobName: job.name, sourcePool: pool, vm, target: { pool: targetPool, sr: '' } }),
      by,
      cause,
      vms: [vm.uuid],
      request,
      claims: [vmClaim(vm.uuid), `copy ${copy}`],
      async work(context) {
        await context.reserve(`${pool}/${vm.uuid}`)
        return both(pool, targetPool, context.signal, async (source, target) => {
          context.step('compare', 'comparing and linking')
          const seed = await linkSeed({
            source,
            target,
            snapshot,
            vm: copy,
            job: job.id,
            schedule,
            check,
            networks: new Map(Object.entries(settings.networks)),
            allowInsecureNbd: settings.allowInsecureNbd,
            signal: context.signal,
            budget,
            onProgress: (disk, done, expected) => context.bytes(disk, 'compare', done, expected),
            onLog: (message) => context.log('info', message),
          })
          return { result: seedResult('seed-link', seed, 0), report: plainReport(seed) }
        })
      },
    })
  }

  return {
    snapshots: (pool, vm) => looking((signal) => seedSnapshots(failover, pool, vm, signal)),
    takeSnapshot: (request, by) => takeSnapshot(request, by, HAND),
    folders: () => listSeeds(root, (name) => activities.claimedBy(folderClaim(name))?.kind === 'seed-export'),
    async removeFolder(name) {
      activities.assertFree([folderClaim(name)])
      await removeSeed(root, name)
    },
    export: (request, by) => exportTo(request, by, HAND),
    import: (request, by) => importFrom(request, by, HAND),
    check: ({ pool, snapshot, job: id, schedule, targetPool, copy: vm, check = 'sample' }) =>
      looking((signal) =>
        both(pool, targetPool, signal, async (source, target) => {
          const job = book.get(id)
          const wanted = { source, target, snapshot, vm, job: id, schedule: scheduleOf(job, schedule), check, signal }
          return checkResult(await checkSeed(wanted))
        }),
      ),
    link: (request, by) => link(request, by, HAND),
    state: (job, vm, target) => looking((signal) => seedState(failover, job, vm, target, signal)),
    beginAgain(kind, request, by, cause) {
      if (kind === 'seed-snapshot') return takeSnapshot(request as never, by, cause)
      if (kind === 'seed-export') return exportTo(request as never, by, cause)
      return kind === 'seed-import' ? importFrom(request as never, by, cause) : link(request as never, by, cause)
    },
  }
}

function checkResult(judged: Awaited<ReturnType<typeof checkSeed>>): SeedCheckResult {
  if (judged.kind === 'refused')
    return { kind: 'refused', code: judged.code, text: judged.text, hint: judged.hint, disks: [], warnings: [] }
  const disks = judged.pairs.map(({ userdevice, source: { name, size } }) => ({ userdevice, name, size }))
  if (judged.kind === 'linked')
    return { kind: 'linked', code: null, text: 'it is linked already', hint: 'run the job', disks, warnings: [] }
  const text = `it can be linked, once its ${disks.length === 1 ? 'disk is' : `${disks.length} disks are`} compared`
  return { kind: 'link', code: null, text, hint: '', disks, warnings: judged.warnings }
}

function seedResult<Kind extends 'seed-import' | 'seed-link'>(kind: Kind, seed: SeedReport, bytesSent: number) {
  const { status, replica, restorePoint, disks, warnings } = seed
  const bytesCompared = disks.reduce((total, disk) => total + disk.bytesCompared, 0)
  return { kind, status, replica, restorePoint, bytesSent, bytesCompared, warnings }
}
