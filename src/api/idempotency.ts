/** Requests that may be sent twice: the second one with the same Idempotency-Key gets the answer of the first, for a day. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { Failure } from '../core/failure.ts'
import { type Claim, claimKey, type IdempotentRequest } from '../store/idempotency/claim-key.ts'
import { keepAnswer } from '../store/idempotency/keep-answer.ts'
import type { ApiContext } from './api-context.ts'
import type { Principal } from './auth/principal.ts'
import { InputInvalid } from './problem.ts'
import { withoutSecrets } from './without-secrets.ts'

const KEPT_MS = 24 * 3_600_000

export interface Answer {
  readonly status: number
  /** JSON */
  readonly body: string
  readonly replayed: boolean
}

/** IDEMPOTENCY_MISMATCH, IDEMPOTENCY_UNDER_WAY, and what `work` fails with; what failed may be tried again under the same key. */
export async function once(
  api: ApiContext,
  who: Principal,
  request: FastifyRequest,
  key: string,
  work: () => Promise<{ readonly status: number; readonly body: string }>,
): Promise<Answer> {
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw new InputInvalid([{ field: 'Idempotency-Key', message: 'must be 1 to 200 visible characters of ASCII' }])
  }
  const claimed: IdempotentRequest = {
    key,
    actor: `${who.kind} ${who.kind === 'token' ? who.token.id : who.user.id}`,
    hash: hashOf(request),
  }
  const now = api.now()
  const claim: Claim = await claimKey(api.store, claimed, now, now - KEPT_MS)
  switch (claim.kind) {
    case 'answered':
      return { status: claim.status, body: claim.body, replayed: true }
    case 'other':
      throw new Failure('IDEMPOTENCY_MISMATCH', 'the Idempotency-Key was used for another request')
    case 'under-way':
      throw new Failure('IDEMPOTENCY_UNDER_WAY', 'the first request with this Idempotency-Key is under way')
    case 'new': {
      let answer: { readonly status: number; readonly body: string } | null = null
      try {
        answer = await work()
        return { ...answer, replayed: false }
      } finally {
        await keepAnswer(api.store, claimed, answer)
      }
    }
  }
}

/** Passwords are left out of it: a hash of one could be tried out by who gets hold of the database. */
function hashOf(request: FastifyRequest): string {
  return createHash('sha256')
    .update(`${request.method} ${request.url}\n${JSON.stringify(withoutSecrets(request.body)) ?? ''}`)
    .digest('hex')
}
