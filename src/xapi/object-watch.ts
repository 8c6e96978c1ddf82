/**
 * Waits for changes of one object, on events and without a cache. Each wait is an `event.from` of its own about just that
 * object: nothing else wakes it, a new wait disturbs no other, and it costs as many calls as one shared subscription would.
 */
import { XapiConnectionError, XapiError } from './errors.ts'
import { formatAddress } from './pool-url.ts'
import type { PoolSession } from './session.ts'

/** Seconds that one event.from blocks: below what routers on the way keep a silent connection for. */
const BLOCK_S = 30
/** What the answer may take beyond that. */
const GRACE_MS = 20_000

export type Row = Readonly<Record<string, unknown>>

interface EventBatch {
  readonly events: readonly { readonly class: string; readonly ref: string; readonly operation: string; readonly snapshot?: Row }[]
  readonly token: string
}

export interface WatchOptions {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds since the epoch; asked before each wait, so it may move. */
  readonly deadline: () => number
  /** What is waited for, for the error when time is up. */
  readonly what: string
}

/**
 * Shows `visit` the object's record as it is, then after each change, until it returns true; undefined once the object is
 * gone, after which `gone` is thrown if that isn't what was waited for.
 */
export async function watchObject(
  session: PoolSession,
  className: string,
  ref: string,
  options: WatchOptions,
  visit: (record: Row | undefined) => boolean,
): Promise<void> {
  const subscription = [`${className}/${ref}`]
  // From the empty token on, an object that exists is told at once; with a time limit of zero also one that doesn't.
  let token = ''
  for (;;) {
    const leftMs = options.deadline() - Date.now()
    if (leftMs <= 0) throw new XapiConnectionError('timeout', formatAddress(session.address), `${options.what}: no end in time`)
    const seconds = token === '' ? 0 : Math.min(BLOCK_S, leftMs / 1000)
    const batch = await eventsFrom(session, subscription, token, seconds, options.signal)
    const events = batch.events.filter((event) => event.ref === ref)
    let gone = false
    for (const event of events) {
      if (event.operation === 'del') gone = true
      else if (event.snapshot && visit(event.snapshot)) return
    }
    if (token === '' && events.length === 0) {
      // Silence about an object may also be a lost event: what ends a run is asked for plainly.
      const record = await recordOf(session, className, ref, options.signal)
      if (record !== undefined && visit(record)) return
      gone = record === undefined
    }
    if (gone) {
      if (visit(undefined)) return
      throw new XapiError('HANDLE_INVALID', [className, ref], options.what)
    }
    // Deletions can be forgotten silently (behaviour.md section 3), so a wait without news looks at the object again.
    token = events.length === 0 && token !== '' ? '' : batch.token
  }
}

/** Undefined when there is no such object. */
async function recordOf(session: PoolSession, className: string, ref: string, signal: AbortSignal | undefined): Promise<Row | undefined> {
  try {
    return (await session.call(`${className}.get_record`, [ref], { signal })) as Row
  } catch (error) {
    if (error instanceof XapiError && error.code === 'HANDLE_INVALID') return undefined
    throw error
  }
}

async function eventsFrom(
  session: PoolSession,
  subscription: readonly string[],
  token: string,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<EventBatch> {
  const timeoutMs = seconds * 1000 + GRACE_MS
  let value: unknown
  try {
    value = await session.call('event.from', [subscription, token, seconds], { signal, timeoutMs, blocking: true })
  } catch (error) {
    if (error instanceof XapiError && error.code === 'EVENTS_LOST' && token !== '') return eventsFrom(session, subscription, '', 0, signal)
    throw error
  }
  const { events, token: next } = (value ?? {}) as Partial<EventBatch>
  if (!Array.isArray(events) || typeof next !== 'string') {
    throw new XapiConnectionError('not-xapi', formatAddress(session.address), 'the answer to event.from is not a batch of events')
  }
  return { events, token: next }
}
