/**
 * event.register, event.next, event.unregister: older than event.from. One queue of events for everybody, a place in it for each
 * session (xen-api ocaml/xapi/xapi_event.ml, module Next).
 */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { VersionedDatabase } from '../database/database.ts'
import { type Call, type LabPool, type MessageTable, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { parseSubscription, type Subscription } from './subscription.ts'

interface Listener {
  readonly wanted: Set<string>
  subscription: Subscription
  /** Number of the next event to look at. */
  next: number
}

interface Queued {
  readonly className: string
  readonly event: Row
  readonly bytes: number
}

/** The queue forgets its oldest events past this size (max_queue_size). */
const MAX_BYTES = 10_000_000
/** Events that come together are given together. */
const BATCHING_MS = 200

export interface LegacyEvents {
  readonly messages: MessageTable
  /** Number of the next event. */
  currentId(): number
}

export function legacyEvents(db: VersionedDatabase): LegacyEvents {
  const listeners = new Map<Refstring, Listener>()
  let queue: Queued[] = []
  let bytes = 0
  /** Number of the first event in the queue. */
  let first = 1
  let stopListening: (() => void) | undefined
  const wakers = new Set<() => void>()
  const id = () => first + queue.length

  const listen = (pool: LabPool) => {
    stopListening ??= db.onChange((className, ref, operation) => {
      if (className === 'session' && operation === 'del' && listeners.delete(ref) && listeners.size === 0) {
        stopListening?.()
        stopListening = undefined
        queue = []
        bytes = 0
      }
      if (listeners.size > 0) add(pool, className, ref, operation)
      for (const wake of [...wakers]) wake()
    })
  }
  const add = (pool: LabPool, className: string, ref: Refstring, operation: string) => {
    const snapshot = operation === 'del' ? undefined : db.find(className, ref)
    const event: Row = {
      id: String(id()),
      timestamp: `${Math.floor(pool.now().getTime() / 1000)}.`,
      class: className.toLowerCase(),
      operation,
      ref,
      ...(snapshot && { snapshot: { ...snapshot } as Value }),
    }
    const size = JSON.stringify(event).length
    queue.push({ className, event, bytes: size })
    bytes += size
    while (bytes > MAX_BYTES) {
      bytes -= queue.shift()?.bytes ?? 0
      first += 1
    }
  }
  /** Resolves at the next change, and when the pool stops. */
  const change = (pool: LabPool) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        wakers.delete(wake)
        pool.stopping.removeEventListener('abort', wake)
        resolve()
      }
      wakers.add(wake)
      pool.stopping.addEventListener('abort', wake, { once: true })
    })

  const next = async ({ pool, session }: Call): Promise<Value> => {
    // The session itself is not shown: errors end up in logs.
    const tracked = `trackid=${createHash('md5').update(session).digest('hex')}`
    if (!listeners.has(session)) throw new XapiFailure('SESSION_NOT_REGISTERED', [tracked])
    for (;;) {
      await delay(BATCHING_MS, undefined, { signal: pool.stopping })
      const listener = listeners.get(session)
      if (!listener) throw new XapiFailure('SESSION_INVALID', [session])
      if (listener.next < first) {
        listener.next = id()
        throw new XapiFailure('EVENTS_LOST')
      }
      const fresh = queue.slice(listener.next - first)
      listener.next = id()
      const events = fresh.filter(({ className, event }) => listener.subscription.matches(className, event.ref as string))
      if (events.length > 0) return events.map(({ event }) => event)
      await change(pool)
    }
  }

  return {
    currentId: id,
    messages: {
      'event.register': ({ pool, session }, wanted: string[]) => {
        const listener = listeners.get(session) ?? { wanted: new Set<string>(), subscription: parseSubscription([]), next: id() }
        for (const one of wanted) listener.wanted.add(one.toLowerCase())
        listener.subscription = parseSubscription([...listener.wanted])
        listeners.set(session, listener)
        listen(pool)
        return undefined
      },
      'event.unregister': ({ session }, unwanted: string[]) => {
        const listener = listeners.get(session)
        if (!listener) return undefined
        for (const one of unwanted) listener.wanted.delete(one.toLowerCase())
        listener.subscription = parseSubscription([...listener.wanted])
        return undefined
      },
      'event.next': next,
    },
  }
}
