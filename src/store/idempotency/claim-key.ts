import type { Store } from '../open-store.ts'

export interface IdempotentRequest {
  readonly key: string
  /** Whose key it is: keys of different callers have nothing to do with each other. */
  readonly actor: string
  /** Of method, address and body. */
  readonly hash: string
}

/** `other`: the key stands for another request; `under-way`: the first request has no answer yet. */
export type Claim =
  | { readonly kind: 'new' }
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'under-way' }

/** Takes the key for this request, or says what became of the request that has it. Answers made before `since` are forgotten. */
export async function claimKey(store: Store, request: IdempotentRequest, now: number, since: number): Promise<Claim> {
  return await store.transaction(async (db): Promise<Claim> => {
    await db.deleteFrom('idempotency').where('created_at', '<', since).execute()
    const row = await db
      .selectFrom('idempotency')
      .selectAll()
      .where('actor', '=', request.actor)
      .where('key', '=', request.key)
      .executeTakeFirst()
    if (row === undefined) {
      await db
        .insertInto('idempotency')
        .values({ key: request.key, actor: request.actor, request_hash: request.hash, status: 0, body: '', created_at: now })
        .execute()
      return { kind: 'new' }
    }
    if (row.request_hash !== request.hash) return { kind: 'other' }
    return row.status === 0 ? { kind: 'under-way' } : { kind: 'answered', status: row.status, body: row.body }
  })
}
