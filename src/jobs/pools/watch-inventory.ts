/** Keeps the tables of a pool as the pool has them, by events, until something breaks. */
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { XapiConnectionError, XapiError } from '../../xapi/errors.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { WATCHED } from './inventory-rows.ts'
import type { EventBatch, InventoryTables } from './inventory-tables.ts'

/** Seconds that one event.from blocks: below what routers on the way keep a silent connection for. */
const BLOCK_S = 30
/** What an answer may take beyond that; the first one has everything. */
const GRACE_MS = 30_000
const LOAD_MS = 180_000
/** Events of a busy pool are taken together: at most so many batches a second. */
const BATCH_PAUSE_MS = 250
const EVENTS_AT_ONCE = 1_000
/** Everything is asked for anew at most this often. */
const RELOAD_PAUSE_MS = 30_000

export interface WatchOptions {
  readonly signal: AbortSignal
  /** After each answer of the pool; `changed`: something kept is different. The first one comes when everything is known. */
  readonly onSeen: (changed: boolean) => void
  readonly reloadPauseMs?: number
}

/** Resolves never; rejects with what broke: an error of the client, or the signal's reason. */
export async function watchInventory(xapi: Xapi, tables: InventoryTables, options: WatchOptions): Promise<never> {
  const { signal, onSeen, reloadPauseMs = RELOAD_PAUSE_MS } = options
  let token = ''
  let loadedAt = Number.NEGATIVE_INFINITY
  let disagreed = false
  for (;;) {
    signal.throwIfAborted()
    if (token === '') {
      // From the empty token on, everything there is comes as one batch (behaviour.md 3).
      const batch = await eventsFrom(xapi, '', 0, LOAD_MS, signal)
      loadedAt = performance.now()
      disagreed = false
      token = batch.token
      onSeen(await takeAll(tables, batch.events, signal))
      continue
    }
    // What was missed may be in the next answer already; when it is not, everything is asked for.
    const seconds = disagreed ? 0 : BLOCK_S
    let batch: EventBatch
    try {
      batch = await eventsFrom(xapi, token, seconds, seconds * 1000 + GRACE_MS, signal)
    } catch (error) {
      if (!(error instanceof XapiError && FORGOTTEN.has(error.code))) throw error
      await delay(Math.max(0, loadedAt + reloadPauseMs - performance.now()), undefined, { signal })
      token = ''
      continue
    }
    token = batch.token
    onSeen(tables.apply(batch.events))
    const agrees = tables.agreesWith(batch.valid_ref_counts)
    if (!agrees && disagreed && performance.now() >= loadedAt + reloadPauseMs) token = ''
    // While it may not be loaded anew yet, the next answers are waited for as usual.
    else if (!agrees && disagreed) disagreed = false
    else disagreed = !agrees
    if (batch.events.length > 0) await delay(BATCH_PAUSE_MS, undefined, { signal })
  }
}

/** Everything of a large pool at once would hold up the server for seconds. */
async function takeAll(tables: InventoryTables, events: EventBatch['events'], signal: AbortSignal): Promise<boolean> {
  let changed = false
  for (let start = 0; start < events.length; start += EVENTS_AT_ONCE) {
    changed = tables.apply(events.slice(start, start + EVENTS_AT_ONCE)) || changed
    await setImmediate(undefined, { signal })
  }
  return tables.keepOnly(events) || changed
}

/** Codes that tell that the token is worth nothing (any more). */
const FORGOTTEN: ReadonlySet<string> = new Set(['EVENTS_LOST', 'EVENT_FROM_TOKEN_PARSE_FAILURE'])

async function eventsFrom(xapi: Xapi, token: string, seconds: number, timeoutMs: number, signal: AbortSignal): Promise<EventBatch> {
  const batch = await xapi.call<EventBatch | null>('event.from', [WATCHED, token, seconds], { signal, timeoutMs, blocking: true })
  if (!Array.isArray(batch?.events) || typeof batch.token !== 'string') {
    throw new XapiConnectionError('not-xapi', xapi.url.replace(/^https?:\/\//, ''), 'the answer to event.from is not a batch of events')
  }
  return batch
}
