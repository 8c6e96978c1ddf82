/** Hosts that can't be reached: switched off, cut off, or not yet booted. Kept with the pool, so that they are so after its restart too. */
import { type Database, type Refstring, XapiFailure } from '../pool.ts'

const KIND = 'host-away'

export function setAway(db: Database, host: Refstring, away: boolean): void {
  if (away) db.documents.put(KIND, host, true)
  else db.documents.remove(KIND, host)
}

export function isAway(db: Database, host: Refstring): boolean {
  return db.documents.get(KIND, host) !== undefined
}

/**
 * What forwarding a call to a host gives: HOST_OFFLINE once the master has noticed that it is dead, CANNOT_CONTACT_HOST before
 * (`check_live` and `do_op_on_common` in xen-api ocaml/xapi/message_forwarding.ml).
 */
export function assertReachable(db: Database, host: Refstring): void {
  if (!isAway(db, host)) return
  throw new XapiFailure(isLiveHost(db, host) ? 'CANNOT_CONTACT_HOST' : 'HOST_OFFLINE', [host])
}

/** What the database tells of a host: true for some time after it went away. */
export function isLiveHost(db: Database, host: Refstring): boolean {
  const metrics = db.find('host', host)?.metrics
  return db.find('host_metrics', metrics as Refstring)?.live === true
}
