/** The report of a run that made its restore point. */
import type { Reason } from '../core/base.ts'
import type { Removal } from '../core/removals.ts'
import type { RunReport } from '../core/report.ts'
import type { CommittedPoint } from './commit.ts'
import { diskReport, type SentDisk } from './disk-report.ts'
import { memoryReport, type SentMemory } from './memory-image.ts'
import type { PreparedRun } from './prepare-run.ts'
import type { ReplicaVm } from './replica-vm.ts'
import type { RunContext } from './session.ts'

/** What all targets of a run share, for each one's report. */
export interface CommonPart {
  readonly warnings: readonly Reason[]
  readonly removed: readonly { readonly uuid: string }[]
  /** With several targets: bytes read of the source for all of them. */
  readonly together: RunReport['together']
}

/** What was done for one target. */
export interface Achieved {
  readonly replica: ReplicaVm
  readonly point: CommittedPoint
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  readonly sent: readonly SentDisk[]
  readonly memory: SentMemory | undefined
  readonly removed: readonly Removal[]
  readonly warnings: readonly Reason[]
  readonly endedAt: Date | undefined
}

export function reportOf(
  { ids, source, target }: RunContext,
  { plan }: PreparedRun,
  startedAt: Date,
  achieved: Achieved,
  common: CommonPart,
): RunReport {
  const disks = plan.disks.map((disk) =>
    diskReport(
      disk,
      achieved.sent.find((candidate) => candidate.plan === disk),
    ),
  )
  // With several targets each one's time is its own.
  const endedAt = (common.together && achieved.endedAt) ?? new Date()
  const memory = achieved.memory && memoryReport(achieved.memory)
  const sum = (key: 'changedBytes' | 'bytesRead' | 'bytesSent') => disks.reduce((total, disk) => total + disk[key], 0)
  const mine = plan.removals.filter(({ uuid }) => common.removed.some((gone) => gone.uuid === uuid))
  return {
    run: ids.run,
    job: ids.job,
    schedule: ids.schedule,
    vm: plan.vm,
    from: source.url,
    to: target.url,
    sr: plan.targetSr,
    status: 'success',
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    seconds: (endedAt.getTime() - startedAt.getTime()) / 1000,
    replica: { uuid: achieved.replica.uuid },
    restorePoint: { uuid: achieved.point.uuid, name: achieved.point.name, takenAt: new Date(achieved.takenAt).toISOString() },
    disks,
    ...(memory === undefined ? {} : { memory }),
    totals: {
      changedBytes: sum('changedBytes'),
      bytesRead: sum('bytesRead') + (memory?.bytesRead ?? 0),
      bytesSent: sum('bytesSent') + (memory?.bytesSent ?? 0),
    },
    ...(common.together === undefined ? {} : { together: common.together }),
    removed: [...mine, ...achieved.removed].map(({ side, uuid: gone, name, reason }) => ({ side, uuid: gone, name, reason })),
    warnings: [...achieved.warnings, ...common.warnings],
    xapiCalls: { source: source.callCount, target: target.callCount },
    plan,
  }
}
