/** Writes down who did what, and what came of it. */
import type { FastifyRequest } from 'fastify'
import type { Actor } from '../core/control/audit.ts'
import { insertAudit } from '../store/audit/insert-audit.ts'
import type { ApiContext } from './api-context.ts'
import { auditDetails } from './without-secrets.ts'

export interface Audited {
  readonly actor: Actor
  readonly request: FastifyRequest
  /** `job.create`: the kind of the object is what stands before the dot. */
  readonly action: string
  /** `done`, or the code of the failure */
  readonly outcome: string
  /** Default: the last parameter of the address. */
  readonly object?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export async function recordAudit(api: ApiContext, entry: Audited): Promise<void> {
  const { actor, request, action, outcome } = entry
  const parameters = Object.values((request.params ?? {}) as Record<string, string>)
  await insertAudit(api.store.db, {
    at: new Date(api.now()).toISOString(),
    actor,
    address: request.ip,
    action,
    object: { kind: action.split('.')[0] ?? action, id: entry.object ?? parameters.at(-1) ?? '' },
    outcome,
    details: entry.details ?? auditDetails(request.body),
  })
}
