/** Runs and VM runs, as src/core/control/run-record.ts has them. */
import Type from 'typebox'
import type { VmRunPlan } from '../../core/plan.ts'
import type { RunReport } from '../../core/report.ts'
import { closed, count, failure, id, line, nullable, pageRequest, reason, timestamp } from './forms.ts'
import { target } from './job.ts'

export const trigger = Type.Union(
  [
    closed({ kind: Type.Literal('schedule'), tick: timestamp }, { title: 'ByScheduleTick' }),
    closed({ kind: Type.Literal('caught-up'), tick: timestamp, missed: count }, { title: 'ByMissedTick' }),
    closed({ kind: Type.Literal('hand'), by: Type.String() }, { title: 'ByHand' }),
  ],
  { title: 'Trigger' },
)

export const runState = Type.Enum(['queued', 'running', 'success', 'partial', 'failed', 'cancelled', 'interrupted', 'skipped'])
export const vmRunState = Type.Enum(['queued', 'waiting', 'running', 'success', 'failed', 'cancelled', 'interrupted', 'skipped'])
const stage = Type.Enum(['connect', 'inspect', 'plan', 'clean', 'snapshot', 'transfer', 'verify', 'commit', 'prune'])

const runFields = {
  id: Type.String(),
  job: Type.String(),
  jobName: Type.String(),
  schedule: nullable(Type.String()),
  scheduleName: nullable(Type.String()),
  trigger,
  state: runState,
  dryRun: Type.Boolean(),
  reason: nullable(reason),
  queuedAt: timestamp,
  startedAt: nullable(timestamp),
  endedAt: nullable(timestamp),
  totals: closed(
    {
      vms: count,
      succeeded: count,
      failed: count,
      changedBytes: Type.Number(),
      bytesRead: Type.Number(),
      bytesSent: Type.Number(),
      fulls: count,
    },
    { title: 'RunTotals' },
  ),
}
export const run = closed(runFields, { title: 'Run' })

export const diskProgress = closed(
  {
    userdevice: Type.String(),
    name: Type.String(),
    what: Type.Enum(['transfer', 'verify']),
    bytesDone: Type.Number(),
    bytesExpected: nullable(Type.Number()),
    bytesPerSecond: nullable(Type.Number()),
    secondsLeft: nullable(Type.Number()),
  },
  { title: 'DiskProgress' },
)

export const vmName = closed({ uuid: Type.String(), name: Type.String() })
export const pointName = closed({ uuid: Type.String(), takenAt: timestamp })

const vmRunFields = {
  id: Type.String(),
  run: Type.String(),
  job: Type.String(),
  schedule: nullable(Type.String()),
  sourcePool: Type.String(),
  vm: vmName,
  target,
  state: vmRunState,
  stage: nullable(stage),
  waitingFor: nullable(Type.String()),
  attempt: count,
  queuedAt: timestamp,
  startedAt: nullable(timestamp),
  endedAt: nullable(timestamp),
  disks: Type.Array(diskProgress),
  error: nullable(failure),
  warnings: Type.Array(reason),
  restorePoint: nullable(pointName),
  replica: nullable(Type.String()),
}
export const vmRun = closed(vmRunFields, { title: 'VmRun' })
export const runDetail = closed({ ...runFields, vmRuns: Type.Array(vmRun) }, { title: 'RunDetail' })

/** Plan and report are the engine's own documents, told in docs/replicate.md: what a page shows of them is named here, the rest passes. */
const reasons = Type.Array(reason)
const diskDecision = Type.Object({
  userdevice: Type.String(),
  source: Type.String(),
  name: Type.String(),
  mode: Type.Enum(['delta', 'full', 'skipped']),
  reason,
  choice: Type.Optional(Type.Object({ reason }, { description: 'none of a disk that is skipped' })),
})
export const plan = Type.Unsafe<VmRunPlan>(
  Type.Object(
    {
      vm: Type.Object({ uuid: Type.String(), name: Type.String() }),
      targetSr: Type.Object({ uuid: Type.String(), name: Type.String() }),
      replica: Type.Object({ kind: Type.Enum(['create', 'reuse']), uuid: Type.Optional(Type.String()) }),
      disks: Type.Array(diskDecision),
      vifs: Type.Array(Type.Object({ device: Type.String(), mac: Type.String(), reason })),
      removals: Type.Array(
        Type.Object({
          side: Type.Enum(['source', 'target']),
          kind: Type.String(),
          uuid: Type.String(),
          name: Type.String(),
          reason: Type.String(),
          when: Type.Enum(['before', 'after']),
          keptFor: Type.Optional(Type.Array(Type.String(), { description: 'SRs whose chains need it yet: it stays' })),
        }),
      ),
      retention: Type.Array(Type.Object({ uuid: Type.String(), keep: Type.Boolean(), reason: Type.String() })),
      warnings: reasons,
    },
    { title: 'VmRunPlan', description: 'as `understudy replicate --dry-run --json` prints it' },
  ),
)
export const report = Type.Unsafe<RunReport>(
  Type.Object(
    {
      status: Type.String(),
      startedAt: timestamp,
      endedAt: timestamp,
      seconds: Type.Number(),
      disks: Type.Array(
        Type.Object({
          userdevice: Type.String(),
          name: Type.String(),
          mode: Type.Enum(['delta', 'full', 'skipped']),
          reason,
          fallbacks: reasons,
          size: Type.Number(),
          changedBytes: Type.Number(),
          bytesRead: Type.Number(),
          bytesSent: Type.Number(),
          seconds: Type.Number(),
          verify: Type.Optional(Type.Object({ equal: Type.Boolean() })),
        }),
      ),
      totals: Type.Object({ changedBytes: Type.Number(), bytesRead: Type.Number(), bytesSent: Type.Number() }),
      warnings: reasons,
    },
    { title: 'RunReport', description: 'as `understudy replicate --json` prints it' },
  ),
)
const logLine = closed({ at: timestamp, level: Type.Enum(['info', 'warning', 'error']), text: Type.String() }, { title: 'LogLine' })
export const vmRunDetail = closed(
  { ...vmRunFields, plan: nullable(plan), report: nullable(report), log: Type.Array(logLine) },
  { title: 'VmRunDetail' },
)

const hourFigures = closed(
  {
    from: timestamp,
    changedBytes: Type.Number(),
    bytesSent: Type.Number(),
    runs: count,
    failed: Type.Integer({ minimum: 0, description: 'of `runs`, those that failed, also in part' }),
  },
  { title: 'HourFigures', description: 'an hour of UTC; bytes of a run count in the hours that it took, the run in that of its end' },
)
const targetFigures = closed(
  { pool: Type.String(), sr: Type.String(), bytesSent: Type.Number() },
  { title: 'TargetFigures', description: 'over the last seven days, or since `since`; a run to several targets counts with even shares' },
)
export const runFigures = closed(
  { since: nullable(timestamp), hours: Type.Array(hourFigures), targets: Type.Array(targetFigures) },
  { title: 'RunFigures', description: 'hours in which nothing was are left out' },
)

export const startRun = closed(
  {
    job: line(),
    schedule: Type.Optional(line()),
    vms: Type.Optional(Type.Array(line(), { minItems: 1, maxItems: 10_000, description: 'only these VMs of the job (uuids)' })),
    dryRun: Type.Optional(Type.Boolean({ description: 'plans are made and shown; nothing is changed' })),
  },
  { title: 'StartRun' },
)

export const runFilter = closed({
  ...pageRequest,
  job: Type.Optional(id),
  schedule: Type.Optional(id),
  vm: Type.Optional(id),
  state: Type.Optional(Type.Array(runState)),
  since: Type.Optional(timestamp),
  until: Type.Optional(timestamp),
})
export const vmRunFilter = closed({
  ...pageRequest,
  run: Type.Optional(id),
  vm: Type.Optional(id),
  job: Type.Optional(id),
  state: Type.Optional(Type.Array(vmRunState)),
})
