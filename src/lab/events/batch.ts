/** What happened since a token, one event an object (xen-api ocaml/xapi/xapi_event.ml, from_inner). */
import type { VersionedDatabase } from '../database/database.ts'
import type { Row, Value } from '../pool.ts'
import type { Subscription } from './subscription.ts'

export interface Token {
  /** Generation of the objects. */
  readonly objects: number
  /** Generation of the messages, which XAPI keeps apart. */
  readonly messages: number
}

export interface Batch {
  readonly events: readonly Row[]
  readonly token: Token
}

/** Adds, then mods, then dels; messages first. */
export function eventsSince(db: VersionedDatabase, subscription: Subscription, since: Token): Batch {
  const added: [number, Row][] = []
  const modified: [number, Row][] = []
  const deleted: [number, Row][] = []
  for (const className of ['message', ...db.classNames().filter((name) => name !== 'message')]) {
    if (!subscription.mayMatch(className)) continue
    const from = className === 'message' ? since.messages : since.objects
    if (db.generationOf(className) <= from) continue
    for (const { ref, created, modified: changed } of db.versions(className)) {
      if (changed <= from || !subscription.matches(className, ref)) continue
      const row = db.find(className, ref)
      if (!row) continue
      const event = { id: String(changed), timestamp: '0.0', class: className.toLowerCase(), ref, snapshot: row as Value }
      if (created > from) added.push([changed, { ...event, operation: 'add' }])
      else modified.push([changed, { ...event, operation: 'mod' }])
    }
    for (const { ref, created, deleted: at } of db.deletions(className)) {
      if (at <= from || created > from || !subscription.matches(className, ref)) continue
      deleted.push([at, { id: String(at), timestamp: '0.0', class: className.toLowerCase(), operation: 'del', ref }])
    }
  }
  return {
    events: [...added, ...modified, ...deleted].map(([, event]) => event),
    token: { objects: Math.max(db.generation, since.objects), messages: Math.max(db.generationOf('message'), since.messages) },
  }
}
