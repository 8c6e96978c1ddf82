import type { ActivityResult } from '../../../src/core/control/activity.ts'
import type { FailoverRequest } from '../../../src/core/control/failover-request.ts'

export type { ActivityKind, ActivityState } from '../../../src/core/control/activity.ts'
export type Kind = FailoverRequest['kind']
export type FailoverResultHow = Extract<ActivityResult, { kind: 'reprotect' }>['how']
