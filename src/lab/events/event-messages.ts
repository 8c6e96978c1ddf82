/** Class event: from, inject, and the older register, next, unregister (xen-api ocaml/xapi/xapi_event.ml). */
import { setTimeout as delay } from 'node:timers/promises'
import type { VersionedDatabase } from '../database/database.ts'
import { type LabPool, type MessageTable, type Refstring, type Value, XapiFailure } from '../pool.ts'
import { eventsSince, type Token } from './batch.ts'
import { legacyEvents } from './legacy-events.ts'
import { parseSubscription, type Subscription } from './subscription.ts'

/** Changes that come together are told together: pause before the first look, and after a wake. */
const BATCHING_MS = 50
const DAY_MS = 24 * 60 * 60 * 1000

const pad = (number: number) => String(Math.trunc(number)).padStart(20, '0')
const tokenText = ({ objects, messages }: Token) => `${pad(objects)},${pad(messages)}`

function parseToken(text: string): Token {
  if (text === '') return { objects: 0, messages: 0 }
  const found = /^(-?\d+),(-?\d+)$/.exec(text)
  if (!found) throw new XapiFailure('EVENT_FROM_TOKEN_PARSE_FAILURE', [text])
  return { objects: Number(found[1]), messages: Number(found[2]) }
}

export function eventMessages(db: VersionedDatabase): MessageTable {
  const counts = (): Value => Object.fromEntries(db.classNames().map((name) => [name.toLowerCase(), db.count(name)]))
  const legacy = legacyEvents(db)
  return {
    ...legacy.messages,
    'event.from': async ({ pool, session }, wanted: string[], tokenGiven: string, timeout: number) => {
      const subscription = parseSubscription(wanted)
      let token = parseToken(tokenGiven)
      // A negative limit is taken for a day, the longest there is.
      const end = performance.now() + (timeout < 0 ? DAY_MS : Math.min(timeout * 1000, DAY_MS))
      if (!subscription.tasksOnly && tokenGiven !== '' && !pool.faults.older())
        await delay(Math.min(BATCHING_MS, Math.max(0, end - performance.now())), undefined, { signal: pool.stopping })
      for (;;) {
        const batch = eventsSince(db, subscription, token)
        token = batch.token
        const events = batch.events.filter((event) => !pool.faults.losesEvent(event as { class: string; operation: string; ref: string }))
        if (events.length > 0 || performance.now() >= end) {
          return { events: events as Value, token: tokenText(token), valid_ref_counts: counts() }
        }
        await changed(pool, db, session, subscription, end - performance.now())
        if (!db.find('session', session)) throw new XapiFailure('SESSION_INVALID', [session])
        await delay(Math.max(0, Math.min(BATCHING_MS, end - performance.now())), undefined, { signal: pool.stopping })
      }
    },
    'event.inject': ({ pool }, className: string, ref: Refstring) => {
      if (!db.classNames().includes(className)) throw new XapiFailure('HANDLE_INVALID', [className, ref])
      pool.db.get(className, ref)
      // The token covers no message: whoever goes on from it hears of all of them.
      const before = { objects: db.generation, messages: 0 }
      pool.db.touch(className, ref)
      return tokenText(before)
    },
    'event.get_current_id': () => legacy.currentId(),
  }
}

/** Resolves when something the subscription covers has changed, when the session went, or when the time is up. */
function changed(pool: LabPool, db: VersionedDatabase, session: Refstring, subscription: Subscription, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = db.onChange((className, ref, operation) => {
      if (subscription.matches(className, ref) || (className === 'session' && operation === 'del' && ref === session)) finish()
    })
    const timer = setTimeout(() => finish(), ms)
    const onStop = () => finish(pool.stopping.reason)
    pool.stopping.addEventListener('abort', onStop, { once: true })
    const finish = (reason?: unknown) => {
      stop()
      clearTimeout(timer)
      pool.stopping.removeEventListener('abort', onStop)
      if (reason === undefined) resolve()
      else reject(reason)
    }
    if (pool.stopping.aborted) finish(pool.stopping.reason)
  })
}
