import type { DiskFiller } from '../content/disk-content.ts'
import type { FaultControl } from '../faults/fault.ts'
import type { BackgroundWriters } from '../guests/background-writers.ts'
import type { LabPool } from '../pool.ts'
import { ControlError } from './request-fields.ts'

/** What the control address of a pool works on. It stays when the pool itself is stopped and started again. */
export interface ControlledPool {
  readonly name: string
  /** The pool; undefined while it is stopped. */
  current(): LabPool | undefined
  /** Those of the pool; they stay across a restart. */
  readonly faults: FaultControl
  readonly filler: DiskFiller
  readonly writers: BackgroundWriters
  /** NBD URI of a disk's guest side. */
  guestUri(vm: string, userdevice: string): string
  /** Resolves when every disk that there is now can be reached at its URI. */
  guestsReady(): Promise<void>
  /** Moves the pool's clock: milliseconds that it is ahead of the machine's (behind: negative). */
  setClockOffset(milliseconds: number): void
  /** Stops the toolstack and its NBD server: connections are cut. The guests run on. Nothing when it is stopped. */
  stop(): Promise<void>
  /** Starts it again with everything it had, on the same ports. Nothing when it runs. */
  start(): Promise<void>
}

/** The pool, or a ControlError 409 while it is stopped. */
export function runningPool(controlled: ControlledPool): LabPool {
  const pool = controlled.current()
  if (!pool) throw new ControlError(409, `pool ${controlled.name} is stopped (POST /pool/start starts it)`)
  return pool
}
