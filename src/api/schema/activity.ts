/** Activities, as src/core/control/activity.ts has them. */
import Type, { type TProperties } from 'typebox'
import { ACTIVITY_KINDS, ACTIVITY_STATES } from '../../core/control/activity.ts'
import { closed, failure, id, nullable, pageRequest, reason, timestamp } from './forms.ts'
import { target } from './job.ts'

const kind = Type.Enum([...ACTIVITY_KINDS])
const state = Type.Enum([...ACTIVITY_STATES])
const text = Type.String()
export const namedVm = closed({ uuid: text, name: text })
const point = closed({ uuid: text, takenAt: timestamp })
const reasons = Type.Array(reason)
const seconds = Type.Number({ description: 'seconds' })

const evidence = closed({ check: text, ok: Type.Boolean(), seconds: Type.Number(), text }, { title: 'Evidence' })
const cameUp = { evidence: Type.Array(evidence), addresses: Type.Array(text), warnings: reasons }
const of = <Kind extends string, P extends TProperties>(name: Kind, title: string, properties: P) =>
  closed({ kind: Type.Literal(name), ...properties }, { title })

const planVmResult = closed(
  {
    group: text,
    vm: text,
    name: nullable(text),
    outcome: Type.Enum(['up', 'failed', 'skipped']),
    text,
    runs: nullable(text),
    rtoSeconds: nullable(seconds),
    lossSeconds: nullable(seconds),
  },
  { title: 'PlanVmResult' },
)
const planVmProgress = closed(
  {
    group: text,
    vm: text,
    name: text,
    state: Type.Enum(['waiting', 'working', 'up', 'failed', 'skipped']),
    text,
    startedAt: nullable(timestamp),
    endedAt: nullable(timestamp),
  },
  { title: 'PlanVmProgress' },
)
const planRunProgress = closed(
  { mode: Type.Enum(['test', 'planned', 'unplanned']), vms: Type.Array(planVmProgress) },
  { title: 'PlanRunProgress', description: 'how the VMs of a recovery plan go, in its order' },
)
const seeded = {
  status: Type.Enum(['linked', 'already-linked']),
  replica: text,
  restorePoint: text,
  bytesSent: Type.Number(),
  bytesCompared: Type.Number(),
  warnings: reasons,
}

const result = Type.Union(
  [
    of('verify', 'VerifyResult', { equal: Type.Boolean(), mode: text, restorePoint: text, text }),
    of('clone', 'CloneResult', { vm: namedVm, point, seconds }),
    of('test-failover', 'TestResult', {
      outcome: Type.Enum(['ready', 'not-ready']),
      vm: nullable(namedVm),
      point,
      rtoSeconds: Type.Number({ description: 'from the beginning to a VM that is ready, or until it was given up' }),
      seconds: closed({ clone: Type.Number(), start: Type.Number(), ready: Type.Number() }),
      lossSeconds: Type.Number({ description: 'what a failover at that moment would have lost' }),
      removed: Type.Boolean(),
      ...cameUp,
    }),
    of('clean-up', 'CleanUpResult', { vms: Type.Array(text), networks: Type.Array(text) }),
    of('fence', 'FenceResult', { blocked: Type.Array(text), wereBlocked: Type.Array(text), running: Type.Array(text) }),
    of('failover', 'FailoverResult', {
      vm: namedVm,
      point,
      clone: Type.Boolean(),
      ready: nullable(Type.Boolean({ description: 'null: nobody asked' })),
      rtoSeconds: seconds,
      lossSeconds: seconds,
      lost: reasons,
      ...cameUp,
    }),
    of('planned-failover', 'PlannedFailoverResult', {
      vm: namedVm,
      point,
      ready: nullable(Type.Boolean({ description: 'null: nobody asked' })),
      rtoSeconds: seconds,
      downSeconds: Type.Number({ description: 'from the beginning of the shutdown until the replica was up' }),
      bytesSent: Type.Number(),
      ...cameUp,
    }),
    of('undo-failover', 'UndoResult', { vm: namedVm, removed: Type.Boolean(), sourceFreed: Type.Boolean() }),
    of('reprotect', 'ReprotectResult', {
      how: Type.Enum(['in-place', 'beside', 'new']),
      replica: text,
      restorePoint: point,
      changedBytes: Type.Number(),
      bytesSent: Type.Number(),
      warnings: reasons,
    }),
    of('failback', 'FailbackResult', {
      vm: namedVm,
      downSeconds: seconds,
      changedBytes: Type.Number(),
      bytesSent: Type.Number(),
      protectedAgain: Type.Boolean(),
      unprotected: nullable(text),
      warnings: reasons,
    }),
    of('plan', 'PlanRunResult', {
      mode: Type.Enum(['test', 'planned', 'unplanned']),
      ok: Type.Boolean(),
      up: Type.Number(),
      failed: Type.Number(),
      skipped: Type.Number(),
      seconds,
      removed: Type.Boolean(),
      vms: Type.Array(planVmResult),
    }),
    of('seed-snapshot', 'SeedSnapshotResult', { snapshot: text, name: text, warnings: reasons }),
    of('seed-export', 'SeedExportResult', {
      folder: text,
      snapshot: text,
      bytesRead: Type.Number(),
      bytesStored: Type.Number(),
      warnings: reasons,
    }),
    of('seed-import', 'SeedImportResult', seeded),
    of('seed-link', 'SeedLinkResult', seeded),
  ],
  { title: 'ActivityResult' },
)

const fields = {
  id: text,
  kind,
  state,
  subject: closed(
    {
      job: nullable(text),
      jobName: nullable(text),
      sourcePool: nullable(text),
      vm: nullable(namedVm),
      target: nullable(target),
      plan: nullable(closed({ id: text, name: text })),
      seed: nullable(text),
    },
    { title: 'ActivitySubject' },
  ),
  by: closed({ kind: Type.Enum(['user', 'token', 'system']), id: text, name: text }),
  cause: Type.Union(
    [
      closed({ kind: Type.Literal('hand') }),
      closed({ kind: Type.Literal('health-check'), run: text }),
      closed({ kind: Type.Literal('continued'), activity: text }),
    ],
    { title: 'ActivityCause' },
  ),
  queuedAt: timestamp,
  startedAt: nullable(timestamp),
  endedAt: nullable(timestamp),
  waitingFor: nullable(text),
  stage: nullable(closed({ name: text, text })),
  progress: nullable(
    closed(
      {
        what: text,
        bytesDone: Type.Number(),
        bytesExpected: nullable(Type.Number()),
        bytesPerSecond: nullable(Type.Number()),
        secondsLeft: nullable(Type.Number()),
      },
      { title: 'ActivityProgress' },
    ),
  ),
  planRun: nullable(planRunProgress),
  result: nullable(result),
  error: nullable(failure),
  canContinue: Type.Boolean(),
}
export const activity = closed(fields, { title: 'Activity' })

export const activityDetail = closed(
  {
    ...fields,
    timeline: Type.Array(
      closed({ at: timestamp, level: Type.Enum(['info', 'warning', 'error']), step: nullable(text), text }, { title: 'TimelineLine' }),
    ),
    report: nullable(
      Type.Unsafe<Record<string, unknown>>({
        type: 'object',
        additionalProperties: true,
        description: 'as the command of the same name prints it with --json',
      }),
    ),
  },
  { title: 'ActivityDetail' },
)

export const activityFilter = closed({
  ...pageRequest,
  kind: Type.Optional(Type.Array(kind)),
  state: Type.Optional(Type.Array(state)),
  job: Type.Optional(id),
  vm: Type.Optional(id),
  plan: Type.Optional(id),
  since: Type.Optional(timestamp),
  until: Type.Optional(timestamp),
})

export const healthCheckState = closed(
  {
    at: timestamp,
    ok: Type.Boolean(),
    rtoSeconds: nullable(seconds),
    activity: text,
    restorePoint: nullable(text),
    text,
  },
  { title: 'HealthCheckState', description: 'the last test failover that was begun by itself' },
)
