/** Protection and restore points. */
import Type from 'typebox'
import { healthCheckState } from './activity.ts'
import { closed, count, failure, id, line, nullable, pageRequest, timestamp } from './forms.ts'
import { target } from './job.ts'
import { pointName, vmName } from './run.ts'

const states = ['protected', 'at-risk', 'missed', 'pending', 'paused', 'failed-over', 'unprotected'] as const
export const protectionState = Type.Enum([...states])

export const protection = closed(
  {
    sourcePool: Type.String(),
    vm: vmName,
    job: nullable(Type.String()),
    jobName: nullable(Type.String()),
    target: nullable(target),
    state: protectionState,
    reason: Type.String({ description: 'in words, with the numbers' }),
    askedRpoSeconds: nullable(Type.Number()),
    achievedRpoSeconds: nullable(Type.Number({ description: 'age of the newest restore point by the time of its source snapshot' })),
    newestPoint: nullable(pointName),
    replica: nullable(Type.String()),
    lastRun: nullable(closed({ vmRun: Type.String(), state: Type.String(), endedAt: nullable(timestamp) })),
    lastError: nullable(failure),
    lastHealthCheck: nullable(healthCheckState),
  },
  { title: 'Protection' },
)

export const protectionFilter = closed({
  ...pageRequest,
  state: Type.Optional(Type.Array(protectionState)),
  job: Type.Optional(id),
  pool: Type.Optional(id),
  vm: Type.Optional(id),
})

export const protectionCounts = closed(
  {
    protected: count,
    'at-risk': count,
    missed: count,
    pending: count,
    paused: count,
    'failed-over': count,
    unprotected: count,
  },
  { title: 'ProtectionCounts' },
)

export const restorePoint = closed(
  {
    uuid: Type.String(),
    name: Type.String(),
    takenAt: timestamp,
    job: Type.String(),
    schedule: nullable(Type.String()),
    bytes: Type.Number(),
    complete: Type.Boolean(),
    memory: Type.Boolean({ description: 'it keeps the memory of its VM: a clone can go on with it' }),
    tested: nullable(closed({ at: timestamp, outcome: Type.Enum(['ready', 'not-ready']), seconds: Type.Number() })),
    verified: nullable(closed({ at: timestamp, mode: Type.String(), equal: Type.Boolean() })),
  },
  { title: 'RestorePoint' },
)

export const verifyRequest = closed(
  { target, restorePoint: line(), mode: Type.Enum(['sample', 'changed', 'full']) },
  { title: 'VerifyRequest' },
)
