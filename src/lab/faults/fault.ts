/**
 * Faults of a simulated pool: what they are, and what the parts of the pool ask of them. docs/lab.md explains each kind with an example.
 *
 * A fault waits for what it matches: it lets the first `skip` matches pass, then strikes `count` times (null: until it is cleared).
 */
import type { Connection } from '../http/connection.ts'
import type { Attachment, BulkRequest, LabPool, Refstring, Row, Value } from '../pool.ts'
import type { CallLog } from './call-log.ts'
import type { StreamTap, TappedStream } from './stream-tap.ts'
import type { Traffic } from './traffic.ts'

export const CONNECTIONS = ['rpc', 'export', 'import', 'nbd'] as const
/** What a connection is used for. Of `rpc` each call is a use of its own. */
export type ConnectionKind = (typeof CONNECTIONS)[number]

/** What a fault waits for. Fields left out match everything. */
export interface Match {
  /** `VM.snapshot`, or with `*`: `VDI.*`. Transfers are `export_raw_vdi` and `import_raw_vdi`. */
  readonly method?: string
  /** Only plain calls, or only `Async.` ones. */
  readonly form?: 'plain' | 'async'
  readonly connection?: ConnectionKind
  /** uuid of a VDI: of the transfer or NBD export, of the disk. */
  readonly vdi?: string
  /** As the pool sees it: `in` is what clients send. */
  readonly direction?: 'in' | 'out'
  /** Byte of the stream, counted from the request's body or the reply's first byte, of NBD from the end of the negotiation. */
  readonly at?: number
  /** Class of an event's object, in lower case. */
  readonly class?: string
  readonly operation?: 'add' | 'mod' | 'del'
  /** uuid of an SR. */
  readonly sr?: string
}

interface Common {
  readonly match: Match
  /** How often it strikes; null: every time. */
  readonly count: number | null
  /** Matches that pass first. */
  readonly skip: number
}

/** Before the message takes effect, or after it did. */
type Moment = { readonly when: 'before' | 'after' }

export type FaultSpec = Common &
  (
    | ({ readonly kind: 'error'; readonly code: string; readonly params: readonly string[]; readonly on: 'call' | 'task' } & Moment)
    | ({ readonly kind: 'delay' | 'slow-task'; readonly seconds: number } & Moment)
    | ({ readonly kind: 'cut' | 'half-open' } & Moment)
    | { readonly kind: 'stall'; readonly seconds: number }
    | { readonly kind: 'truncate' }
    | { readonly kind: 'corrupt'; readonly where: 'disk' | 'stream'; readonly xor: number }
    | {
        readonly kind: 'network'
        readonly roundTripMs: number
        readonly bytesPerSecond: number | undefined
        readonly windowBytes: number
      }
    | { readonly kind: 'lose-events' }
    | ({ readonly kind: 'expire-sessions'; readonly session: string | undefined } & Moment)
    | ({ readonly kind: 'certificate' } & Moment)
    | ({ readonly kind: 'restart'; readonly downSeconds: number } & Moment)
    | { readonly kind: 'no-chunked-import'; readonly how: 'refuse' | 'ignore' | 'io-error' }
    | { readonly kind: 'older-xapi' }
    | { readonly kind: 'sr-full'; readonly bytes: number }
    | { readonly kind: 'linger' | 'vdi-in-use'; readonly seconds: number }
  )

export type FaultKind = FaultSpec['kind']
export type FaultOf<K extends FaultKind> = FaultState & OfKind<FaultSpec, K>
/** The member of the union that can be of the kind; kinds that have the same fields are one member. */
type OfKind<S, K> = S extends { readonly kind: infer L } ? (K extends L ? S & { readonly kind: K } : never) : never

/** A fault that was set. */
export type Fault = FaultSpec & FaultState

interface FaultState {
  readonly id: string
  /** Matches that it let pass. */
  readonly passed: number
  readonly fired: number
  /** Whether it can still strike. */
  readonly armed: boolean
}

/** One strike. */
export interface Firing {
  /** Counts up from 1, also when the list is too long to keep them all. */
  readonly number: number
  /** By the machine's clock, ISO 8601. */
  readonly at: string
  /** id of the fault. */
  readonly fault: string
  readonly kind: FaultKind
  /** What was struck: `Async.VM.snapshot`, `import of <uuid>, in, byte 65536`… */
  readonly what: string
}

/** A fault as one writes it: `kind`, and whatever differs from the defaults. */
export type NewFault = { readonly kind: FaultKind } & Readonly<Record<string, unknown>>

/** For those who set faults: tests, the control address. */
export interface FaultControl {
  /**
   * Sets a fault. One that waits for nothing (a restart without `match`…) strikes before this resolves. Rejects with ControlError 400
   * naming the field that is wrong.
   */
  add(fault: NewFault): Promise<Fault>
  list(): Fault[]
  /** Removes one; false: there is none. What it holds up (half-open connections, delays of the network) is let go. */
  clear(id: string): boolean
  clearAll(): void
  /** The last 10,000 strikes, oldest first; with `since` those of a higher number. */
  fired(since?: number): Firing[]
  readonly calls: CallLog
}

/** For the parts of the pool. Each is called at one place, and costs a comparison while no fault of its kind is set. */
export interface Faults extends FaultControl {
  readonly traffic: Traffic
  /** The pool that runs; the faults outlive it. */
  bind(pool: LabPool): void
  /** Called with the certificate that a host is to show (undefined: its own), and at once when it is another already. */
  onCertificate(listener: (host: Refstring, certificate: LabPool['certificate'] | undefined) => void): void
  /** A call as it arrives: everything that can happen to its answer. */
  call<T>(name: string, params: readonly unknown[], run: () => Promise<T>, stream?: TappedStream): Promise<T>
  /** The work of a task, its effect included. */
  task<T>(name: string, run: () => Promise<T>): Promise<T>
  /** The connection as the calls on it are to use it. */
  tapRpc(wire: Connection): { readonly wire: Connection; readonly stream: TappedStream }
  tapBulk(pool: LabPool, request: BulkRequest, wire: Connection): BulkRequest
  tapNbd(stream: TappedStream, vdi: string): StreamTap
  /** The attachment with what happens to its bytes and its end. `why`: `export`, `import`, `xapi-nbd`. */
  attached(vdi: string, why: string, attachment: Attachment): Attachment
  /** Whether a disk is refused as in use although nobody holds it. */
  inUse(vdi: string): boolean
  /** Bytes that the SR has left, when a fault says so. */
  free(sr: string, used: number, free: number): number
  losesEvent(event: { readonly class: string; readonly operation: string; readonly ref: string }): boolean
  /** How chunked imports fail; undefined: they don't. */
  chunkedImport(vdi: string | undefined): 'refuse' | 'ignore' | 'io-error' | undefined
  /** Whether the pool answers as one of years ago. */
  older(): boolean
  /** `VM.allowed_operations` as the record says; `compute`: what is true. */
  allowedOperations(vm: Refstring, row: Row, compute: () => Value): Value
}
