/** The objects of the second host of a pool and those after it: what `first-objects.ts` makes for the first. */
import { text } from '../classes/fields.ts'
import { createCertificate, createControlDomain, createHost, createInterface, createSr } from '../first-objects.ts'
import type { Database, Refstring } from '../pool.ts'

export interface NewHost {
  readonly uuid: string
  /** Which one it is: 2, 3… */
  readonly number: number
  readonly name: string
  readonly address: string
  readonly cert: string
  readonly now: Date
  /** The pool's SRs: the first is each host's own under this name, the others are shared by all. */
  readonly srs: readonly string[]
}

/** Adds a host to a new pool. */
export function addHost(db: Database, given: NewHost): Refstring {
  const host = createHost(db, given)
  db.update('host', host, { uuid: given.uuid })
  db.update('host', host, { control_domain: createControlDomain(db, host, given.now) })
  const [local, ...shared] = given.srs
  if (local !== undefined) createSr(db, host, local)
  for (const name of shared) {
    const sr = db.refs('SR').find((ref) => text(db.get('SR', ref), 'name_label') === name)
    if (sr === undefined) continue
    db.update('SR', sr, { shared: true, type: 'nfs' })
    const config = { location: `/srv/${text(db.get('SR', sr), 'uuid')}` }
    db.create('PBD', { host, SR: sr, device_config: config, currently_attached: true })
  }
  for (const [index, network] of db.refs('network').entries()) createInterface(db, host, { ...given, network, index })
  createCertificate(db, host, given.cert)
  return host
}

/** The address after `first` by so many: every host has one of its own, and the same ports. */
export function nextAddress(first: string, by: number): string {
  const parts = first.split('.').map(Number)
  let number = parts.reduce((sum, part) => sum * 256 + part, 0) + by
  const out: number[] = []
  for (let at = 0; at < 4; at++) {
    out.unshift(number % 256)
    number = Math.floor(number / 256)
  }
  return out.join('.')
}
