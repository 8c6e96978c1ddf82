/**
 * What the parts of a simulated pool offer each other. The parts are: the object database, the dispatcher of messages,
 * the storage manager, the HTTP server with its bulk handlers, the NBD server, the guests and the control address.
 * Nothing here has behaviour: implementations are in the folders named below.
 */
import type { Extent } from '../block/block.ts'
import type { Faults } from './faults/fault.ts'

/** A value as JSON-RPC carries it: dates are `YYYYMMDDTHH:MM:SSZ` strings, sets are arrays, maps are objects, references strings. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value }
export type Row = Readonly<Record<string, Value>>
export type Refstring = string

/** A failure as XAPI tells it: code and parameters, all strings. */
export class XapiFailure extends Error {
  readonly code: string
  readonly params: readonly string[]
  constructor(code: string, params: readonly string[] = []) {
    super(`${code}(${params.join(', ')})`)
    this.name = 'XapiFailure'
    this.code = code
    this.params = params
  }
}

/**
 * The object database (src/lab/database/). Everything is synchronous and in memory; `commit` makes it durable. Changes made
 * between two commits become durable together, or not at all, also across kill -9. Fields that mirror another class's
 * reference (`VM.VBDs` of `VBD.VM`, `VDI.snapshots` of `VDI.snapshot_of`…) are kept by the database and can't be set.
 */
export interface Database {
  /** Adds an object: absent fields take the type's empty value, `uuid` and the reference are made when not given. */
  create(className: string, fields: Row, ref?: Refstring): Refstring
  /** The object; HANDLE_INVALID [class, ref] when there is none. The row is a snapshot that later changes don't touch. */
  get(className: string, ref: Refstring): Row
  find(className: string, ref: Refstring): Row | undefined
  /** Changes fields; no event when nothing differs. HANDLE_INVALID when there is none. */
  update(className: string, ref: Refstring, patch: Row): void
  delete(className: string, ref: Refstring): void
  refs(className: string): Refstring[]
  byUuid(className: string, uuid: string): Refstring | undefined
  /** Bumps the object's generation, so that an event comes although no field differs (event.inject, derived fields). */
  touch(className: string, ref: Refstring): void
  /** A field computed when the object is read or serialised (`allowed_operations`). Never stored. */
  derive(className: string, field: string, compute: (ref: Refstring, row: Row) => Value): void
  /** Calls back after any change (synchronously, after the change); returns how to stop. */
  onChange(listener: (className: string, ref: Refstring, operation: 'add' | 'mod' | 'del') => void): () => void
  /** A small named document kept beside the objects, made durable by the same commit (storage nodes, settings). */
  readonly documents: DocumentStore
  commit(): void
  close(): void
}

export interface DocumentStore {
  get(kind: string, key: string): Value | undefined
  put(kind: string, key: string, value: Value): void
  remove(kind: string, key: string): void
  entries(kind: string): [key: string, value: Value][]
}

/** What a message's implementation is given beside its parameters. */
export interface Call {
  readonly pool: LabPool
  /** Reference of the caller's session. */
  readonly session: Refstring
  /** The task of an `Async.` call; undefined for a plain one. Progress runs from 0 to 1. */
  readonly task: { readonly ref: Refstring; progress(fraction: number): void; readonly cancelled: boolean } | undefined
}

/**
 * A message's implementation. Parameters come checked and converted to the model's types, absent optional ones as undefined.
 * The result is a value of the model's type (void: return undefined). Throw XapiFailure for what XAPI would refuse.
 */
// biome-ignore lint/suspicious/noExplicitAny: parameters are checked against the model by the dispatcher
export type Message = (call: Call, ...params: any[]) => Value | undefined | Promise<Value | undefined>

/** By full name: `VM.snapshot`. Setters and getters that only touch the database come from the dispatcher itself. */
export type MessageTable = Readonly<Record<string, Message>>

/**
 * A disk's bytes as the storage manager sees them (src/lab/storage/). All calls are synchronous; pieces should stay at or below
 * 1 MiB so that the process stays responsive. Offsets and lengths are multiples of 512; outside the disk: VDI_IO_ERROR.
 */
export interface Disk {
  readonly uuid: string
  readonly size: number
  read(offset: number, length: number): Buffer
  /** Like `read`, into memory of the caller's. */
  readInto(target: Buffer, offset: number): void
  write(offset: number, data: Buffer): void
  /** Writes zeroes without holding space for them. */
  zero(offset: number, length: number): void
  /** Whether any byte of the range may be other than zero (false only when the range is surely zero). */
  holdsData(offset: number, length: number): boolean
  /** Indices of the 2 MiB blocks that any node of the chain holds, ascending. */
  allocatedBlocks(): number[]
  /** Ranges (64 KiB or finer, merged) that may hold data, ascending. */
  allocatedExtents(): Iterable<Extent>
}

/** The storage manager of a pool (src/lab/storage/). VDIs are named by reference. */
export interface Storage {
  /** The disk as it is now. HANDLE_INVALID, or what the SM says when its SR is not plugged. The handle follows the leaf across snapshots. */
  disk(vdi: Refstring): Disk
  /** 2 MiB blocks held by a node of one chain and not by the other's (what a VHD export with a base includes), ascending. */
  blocksBetween(base: Refstring, vdi: Refstring): number[]
  /** The uuid in the footer of the VDI's VHD (parent id of a differencing export). */
  footerUuid(vdi: Refstring): string
  /**
   * Attaches a disk to the control domain as a bulk transfer or xapi-nbd does: makes a VBD on dom0, plugs it, gives the disk.
   * `detach` unplugs and destroys it; until then VDI_IN_USE for whoever cares. A live RW attachment by a guest makes RO attach fail.
   * `host`: on whose control domain; the master's when absent.
   */
  attach(vdi: Refstring, mode: 'RO' | 'RW', why: string, host?: Refstring): Promise<Attachment>
}

export interface Attachment {
  readonly disk: Disk
  readonly vbd: Refstring
  detach(): Promise<void>
}

export interface PoolSettings {
  /** Milliseconds that xapi-nbd takes to unplug after a client left. */
  nbdDetachMs: number
  /** Milliseconds that a bulk transfer takes to attach and to detach. */
  attachMs: number
  /** Milliseconds a failed login takes to answer. */
  badLoginMs: number
  /** Milliseconds until the storage garbage collector looks at an SR after a deletion or a scan; 1000 when absent. */
  collectorDelayMs?: number
  /** Milliseconds that the collector takes at least to merge one image of a chain; 0 when absent: as long as the copying takes. */
  coalesceMs?: number
  /** Milliseconds that a host answers HOST_STILL_BOOTING after it started, or after a change of the master; 0 when absent. */
  hostBootMs?: number
  /** Milliseconds until the master calls a silent host dead; ten minutes when absent. */
  hostDeadMs?: number
  /** Milliseconds that a live migration within the pool takes; 0 when absent. */
  migrateMs?: number
}

export interface LabPool {
  readonly name: string
  /** Folder that holds everything of this pool. */
  readonly folder: string
  readonly db: Database
  readonly storage: Storage
  readonly settings: PoolSettings
  /** What goes wrong on purpose (src/lab/faults/). */
  readonly faults: Faults
  /** The pool's clock; tests move it. */
  now(): Date
  /** PEM of the master's certificate and its key. */
  readonly certificate: { readonly cert: string; readonly key: string; readonly fingerprint: string }
  readonly user: string
  readonly password: string
  /** Well-known objects; `host` is the master, and `controlDomain` its. */
  readonly refs: { readonly pool: Refstring; readonly host: Refstring; readonly controlDomain: Refstring }
  /** Where this pool's NBD server listens (several pools share an address, so not always port 10809); undefined when there is none. */
  readonly nbd?: { readonly host: string; readonly port: number } | undefined
  /** Calls another message as the toolstack itself does, without session check. */
  invoke(message: string, ...params: unknown[]): Promise<Value | undefined>
  /** Closed when the pool stops; long waits listen to it. */
  readonly stopping: AbortSignal
}

/** A request as the lab's HTTP server gives it to a handler (src/lab/http/). The handler owns the socket until it returns. */
export interface BulkRequest {
  readonly method: string
  readonly path: string
  /** Query parameters, then cookies: see `parameter`. */
  readonly query: URLSearchParams
  readonly headers: ReadonlyMap<string, string>
  readonly version: 'HTTP/1.0' | 'HTTP/1.1'
  /** The host that was reached; absent: the pool's only one. */
  readonly host?: Refstring
  /** A cookie wins over a query parameter, as in XAPI. */
  parameter(name: string): string | undefined
  /** Body bytes, as they come: reads up to `length` more bytes; fewer only at the end of the stream. */
  read(length: number): Promise<Buffer>
  /** What has come, up to `length` bytes; waits for the first. None: the stream has ended. */
  readSome(length: number): Promise<Buffer>
  /** Writes raw bytes to the socket and waits for room; rejects when the other side is gone. */
  write(data: string | Buffer): Promise<void>
  /** Whether the other side hung up. */
  readonly gone: boolean
}
