import type { ActivityResult, FailoverRequest } from '../api/types.ts'

export type { ActivityKind, ActivityState } from '../api/types.ts'
export type Kind = FailoverRequest['kind']
export type FailoverResultHow = Extract<ActivityResult, { kind: 'reprotect' }>['how']
