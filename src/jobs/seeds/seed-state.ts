/** How a seed that was linked stands, read from the pools. */
import type { Target } from '../../core/control/job.ts'
import { judgeSeedState } from '../../core/control/judge-seed-state.ts'
import type { SeedSnapshotInfo, SeedState } from '../../core/control/seed-record.ts'
import { isExcludedByName } from '../../core/exclusion.ts'
import { Failure } from '../../core/failure.ts'
import { parseDatetime } from '../../core/marks.ts'
import { newestFirst } from '../../core/restore-point-order.ts'
import { inspectTarget } from '../../replication/inspect-target.ts'
import { disksOf, findByUuid, viewPool } from '../../replication/pool-view.ts'
import { askByTracking, askStarted } from '../../replication/prepare-run.ts'
import { knownChain } from '../failover/find-chain.ts'
import type { FailoverParts } from '../failover/parts.ts'

export async function seedState(parts: FailoverParts, job: string, vm: string, target: Target, signal: AbortSignal): Promise<SeedState> {
  const { sourcePool } = knownChain(parts, { vm, target, job })
  const sourceHas = await snapshotsOn(parts, sourcePool, signal)
  return parts.pools.withPool(target.pool, signal, async (xapi) => {
    const view = await viewPool(xapi, signal)
    const asked = { target: xapi, signal }
    const { facts, replica } = await inspectTarget(view, { job, vm, sr: target.sr }, false, askByTracking(asked), askStarted(asked))
    return judgeSeedState({
      points: newestFirst(facts.restorePoints.filter(({ complete }) => complete)),
      replica: replica && {
        uuid: replica.record.uuid,
        powerState: replica.record.power_state,
        startedAt: await askStarted(asked)(replica.ref),
        written: facts.replica?.disks.some(({ sinceRestorePoint }) => sinceRestorePoint === 'written') ?? false,
      },
      sourceHas,
      now: Date.now(),
    })
  })
}

async function snapshotsOn({ pools }: FailoverParts, pool: string | undefined, signal: AbortSignal) {
  const connected = pools.statuses().some(({ id, state }) => id === pool && state === 'connected')
  if (!connected || pool === undefined) return undefined
  const vms = await pools.withPool(pool, signal, (xapi) => xapi.records('VM', { signal }))
  const uuids = new Set([...vms.values()].map(({ uuid }) => uuid))
  return (snapshot: string) => uuids.has(snapshot)
}

/** Newest first. Failure VM_NOT_FOUND. */
export async function seedSnapshots({ pools }: FailoverParts, pool: string, vm: string, signal: AbortSignal): Promise<SeedSnapshotInfo[]> {
  return pools.withPool(pool, signal, async (xapi) => {
    const view = await viewPool(xapi, signal)
    const found = findByUuid(view.VM, vm)
    if (found === undefined) throw new Failure('VM_NOT_FOUND', `the pool has no VM ${vm}`)
    return found[1].snapshots
      .flatMap((ref): SeedSnapshotInfo[] => {
        const record = view.VM.get(ref)
        if (record === undefined) return []
        const disks = disksOf(view, record).filter(({ record: { name_label: name } }) => !isExcludedByName(name))
        const empty = disks.find(({ record: { type } }) => type === 'cbt_metadata')
        const reason =
          disks.length === 0
            ? 'it has no disks to protect'
            : empty === undefined
              ? null
              : `disk ${empty.vbdRecord.userdevice} has no data any more, only its record of changes`
        return [
          {
            uuid: record.uuid,
            name: record.name_label,
            takenAt: new Date(parseDatetime(record.snapshot_time) ?? 0).toISOString(),
            disks: disks.map(({ vbdRecord, record: disk }) => ({
              userdevice: vbdRecord.userdevice,
              name: disk.name_label,
              size: disk.virtual_size,
              tracked: disk.cbt_enabled,
            })),
            usable: reason === null,
            reason,
          },
        ]
      })
      .sort((a, b) => b.takenAt.localeCompare(a.takenAt))
  })
}
