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

/** Messages, then adds, then mods, then dels. The token goes as far as what matched. */
export function eventsSince(db: VersionedDatabase, subscription: Subscription, since: Token): Batch {
  const all: Changes = { added: [], modified: [], deleted: [], last: since.objects }
  for (const className of db.classNames()) {
    if (className !== 'message' && subscription.mayMatch(className)) collect(db, subscription, className, since.objects, all)
  }
  const messages: Changes = { added: [], modified: [], deleted: [], last: since.messages }
  if (subscription.mayMatch('message')) collect(db, subscription, 'message', since.messages, messages)
  return {
    events: [messages, all].flatMap(({ added, modified, deleted }) => [...added, ...modified, ...deleted]),
    token: { objects: all.last, messages: messages.last },
  }
}

interface Changes {
  readonly added: Row[]
  readonly modified: Row[]
  readonly deleted: Row[]
  last: number
}

function collect(db: VersionedDatabase, subscription: Subscription, className: string, since: number, into: Changes): void {
  if (db.generationOf(className) <= since) return
  const event = (operation: string, ref: string, generation: number) => {
    into.last = Math.max(into.last, generation)
    return { id: String(generation), timestamp: '0.0', class: className.toLowerCase(), operation, ref }
  }
  for (const { ref, created, modified } of db.versions(className)) {
    if (modified <= since || !subscription.matches(className, ref)) continue
    const snapshot = db.find(className, ref) as Value
    if (created > since) into.added.push({ ...event('add', ref, created), snapshot })
    else into.modified.push({ ...event('mod', ref, modified), snapshot })
    into.last = Math.max(into.last, modified)
  }
  for (const { ref, created, deleted } of db.deletions(className)) {
    if (deleted <= since || !subscription.matches(className, ref)) continue
    const gone = event('del', ref, deleted)
    // Made and removed since: nobody has to hear of it.
    if (created <= since) into.deleted.push(gone)
  }
}
