/** Lists in pages, and what they are narrowed by. */
import type { Timestamp } from './job.ts'
import type { RunState, VmRunState } from './run-record.ts'

/** A page of a list; `next` is opaque and goes into the next call's `after`; null: there is no more. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface PageRequest {
  /** 1 to 500; default 100 */
  readonly limit?: number
  readonly after?: string
}

/** Newest first. */
export interface RunFilter extends PageRequest {
  readonly job?: string
  readonly schedule?: string
  readonly vm?: string
  readonly state?: readonly RunState[]
  readonly since?: Timestamp
  readonly until?: Timestamp
}

/** Newest first. */
export interface VmRunFilter extends PageRequest {
  readonly run?: string
  readonly vm?: string
  readonly job?: string
  readonly state?: readonly VmRunState[]
}
