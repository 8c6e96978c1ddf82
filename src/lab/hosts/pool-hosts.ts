/** The hosts of a simulated pool as machines: where each listens, what it takes to stop and start them, who is the master. */
import type { LabPool, Refstring } from '../pool.ts'

export type HostState = 'up' | 'booting' | 'down'

/** Where a host is reached. */
export interface HostPlace {
  readonly ref: Refstring
  readonly uuid: string
  readonly name: string
  /** As in `host.address`. */
  readonly address: string
  /** `https://address:port` */
  readonly url: string
  /** PEM and SHA-256 fingerprint of its certificate. */
  readonly certificate: { readonly cert: string; readonly fingerprint: string }
  /** Its NBD server; undefined when the pool has none. */
  readonly nbd: { readonly host: string; readonly port: number } | undefined
  readonly master: boolean
  readonly state: HostState
}

export interface PoolHosts {
  list(): HostPlace[]
  find(host: Refstring): HostPlace | undefined
  /**
   * Takes a host away. A power cut by default: its VMs stay `Running` in the database until the host comes back, or somebody resets them.
   * `clean`: as host.disable and host.shutdown do it; its guests are shut down, its storage is unplugged.
   */
  stop(host: Refstring, options?: { readonly clean?: boolean }): Promise<void>
  /** Boots it: what ran on it is halted, its storage is plugged; answers HOST_STILL_BOOTING for `hostBootMs`. */
  start(host: Refstring): Promise<void>
  /** Makes another host the master: every toolstack restarts, so sessions and tasks are gone. */
  becomeMaster(host: Refstring): Promise<void>
  /** Does it a moment later, when the answer to the call that asked for it is out. Failures are nobody's. */
  soon(work: () => Promise<void>): void
}

const ofPool = new WeakMap<LabPool, PoolHosts>()

export function keepHosts(pool: LabPool, hosts: PoolHosts): void {
  ofPool.set(pool, hosts)
}

/** Undefined for pools without servers, in unit tests. */
export function hostsOf(pool: LabPool): PoolHosts | undefined {
  return ofPool.get(pool)
}
