/** What every step of a VM run is given. */
import type { ByteBudget } from '../block/block.ts'
import type { Xapi } from '../xapi/xapi.ts'
import type { NbdTransport } from './nbd-transport.ts'

export interface RunIds {
  readonly run: string
  readonly job: string
  readonly schedule: string
  /** uuid of the source VM */
  readonly vm: string
  /** uuid of the target SR */
  readonly sr: string
}

export interface RunContext {
  readonly ids: RunIds
  readonly source: Xapi
  readonly target: Xapi
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  /** Bytes below which a segment is not worth an upload of its own; undefined: the default of planSegments. */
  readonly leastSegment?: number | undefined
  /** Rejects when another run has taken the chain over; undefined: the chain is not held (see with-chain.ts). */
  readonly stillHeld?: (() => Promise<void>) | undefined
  /** How the NBD servers of a pool may be spoken to; undefined: encrypted only. */
  readonly transportOf?: ((xapi: Xapi) => NbdTransport) | undefined
  /** A line for the log: what happened, without secrets. */
  readonly log: (message: string) => void
}
