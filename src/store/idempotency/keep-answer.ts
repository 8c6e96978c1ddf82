import type { Store } from '../open-store.ts'
import type { IdempotentRequest } from './claim-key.ts'

/** Keeps what was answered to the request that claimed its key; null: it came to nothing, and the key is free again. */
export async function keepAnswer(
  store: Store,
  request: IdempotentRequest,
  answer: { readonly status: number; readonly body: string } | null,
): Promise<void> {
  await store.transaction(async (db) => {
    if (answer === null) {
      await db.deleteFrom('idempotency').where('actor', '=', request.actor).where('key', '=', request.key).execute()
    } else {
      await db.updateTable('idempotency').set(answer).where('actor', '=', request.actor).where('key', '=', request.key).execute()
    }
  })
}
