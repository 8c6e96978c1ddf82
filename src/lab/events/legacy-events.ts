/** event.register, event.next, event.unregister: a queue of events per session, older than event.from. */
import type { VersionedDatabase } from '../database/database.ts'
import { xapiDate } from '../database/xapi-date.ts'
import { type LabPool, type MessageTable, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { parseSubscription, type Subscription } from './subscription.ts'

interface Queue {
  readonly wanted: Set<string>
  subscription: Subscription
  readonly events: Row[]
  bytes: number
  lost: boolean
  wake: () => void
}

/** A session that doesn't fetch its events loses them past this size (max_stored_events of xen-api ocaml/xapi/xapi_event.ml). */
const MAX_BYTES = 10 * 1024 * 1024

export function legacyMessages(db: VersionedDatabase): MessageTable {
  const queues = new Map<Refstring, Queue>()
  let stopListening: (() => void) | undefined
  let lastId = 0
  const drop = (session: Refstring) => {
    queues.get(session)?.wake()
    queues.delete(session)
    if (queues.size === 0) {
      stopListening?.()
      stopListening = undefined
    }
  }
  const listen = (pool: LabPool) => {
    stopListening ??= db.onChange((className, ref, operation) => {
      if (className === 'session' && operation === 'del') drop(ref)
      lastId += 1
      let event: Row | undefined
      for (const queue of queues.values()) {
        if (!queue.subscription.matches(className, ref)) continue
        event ??= describe(pool, className, ref, operation)
        queue.bytes += JSON.stringify(event).length
        if (queue.bytes > MAX_BYTES) {
          queue.lost = true
          queue.events.length = 0
        } else queue.events.push(event)
        queue.wake()
      }
    })
  }
  const describe = (pool: LabPool, className: string, ref: Refstring, operation: string): Row => {
    const row = db.find(className, ref)
    return {
      id: lastId,
      timestamp: xapiDate(pool.now()),
      class: className.toLowerCase(),
      operation,
      ref,
      obj_uuid: row?.uuid ?? '',
      ...(row && operation !== 'del' ? { snapshot: { ...row } as Value } : {}),
    }
  }
  return {
    'event.register': ({ pool, session }, wanted: string[]) => {
      const queue = queues.get(session) ?? {
        wanted: new Set<string>(),
        subscription: parseSubscription([]),
        events: [],
        bytes: 0,
        lost: false,
        wake: () => {},
      }
      for (const one of wanted) queue.wanted.add(one)
      queue.subscription = parseSubscription([...queue.wanted])
      queues.set(session, queue)
      listen(pool)
      return undefined
    },
    'event.unregister': ({ session }, unwanted: string[]) => {
      const queue = queues.get(session)
      if (!queue) return undefined
      const lower = new Set(unwanted.map((one) => one.toLowerCase()))
      for (const one of queue.wanted) if (lower.has(one.toLowerCase())) queue.wanted.delete(one)
      queue.subscription = parseSubscription([...queue.wanted])
      if (queue.wanted.size === 0) drop(session)
      return undefined
    },
    'event.next': async ({ pool, session }) => {
      const queue = queues.get(session)
      if (!queue) throw new XapiFailure('SESSION_NOT_REGISTERED', [session])
      while (queue.events.length === 0 && !queue.lost) {
        await new Promise<void>((resolve) => {
          const onStop = () => resolve()
          pool.stopping.addEventListener('abort', onStop, { once: true })
          queue.wake = () => {
            pool.stopping.removeEventListener('abort', onStop)
            queue.wake = () => {}
            resolve()
          }
        })
        pool.stopping.throwIfAborted()
        if (!db.find('session', session)) throw new XapiFailure('SESSION_INVALID', [session])
        if (queues.get(session) !== queue) throw new XapiFailure('SESSION_NOT_REGISTERED', [session])
      }
      queue.bytes = 0
      if (queue.lost) {
        queue.lost = false
        throw new XapiFailure('EVENTS_LOST')
      }
      return queue.events.splice(0) as Value
    },
  }
}
