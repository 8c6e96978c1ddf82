/** Who did what: the audit log. */

import type { Timestamp } from './job.ts'
import type { PageRequest } from './page.ts'

/** Who asks: for the audit log and for `trigger.by`. */
export interface Actor {
  readonly kind: 'user' | 'token' | 'system'
  readonly id: string
  readonly name: string
}

export interface AuditEntry {
  readonly id: number
  readonly at: Timestamp
  readonly actor: Actor
  /** Where the request came from; empty for the system. */
  readonly address: string
  /** `job.create`, `pool.remove`, `login`… */
  readonly action: string
  readonly object: { readonly kind: string; readonly id: string }
  /** `done`, or the code of the failure. */
  readonly outcome: string
  /** What was asked for, without secrets. */
  readonly details: Readonly<Record<string, unknown>>
}

export interface AuditFilter extends PageRequest {
  readonly actor?: string
  readonly action?: string
  readonly object?: string
  readonly since?: Timestamp
  readonly until?: Timestamp
}
