/** The typed client of one pool, as the engine sees it. `connect.ts` makes one. */
import type { ClassName, RecordOf } from './records.generated.ts'
import type { Ref } from './ref.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds until the call is given up (default: 60 s; Async calls: 1 h without any news of the task). */
  readonly timeoutMs?: number
  /** A call that blocks on the server for long (event.from): has connections of its own, and holds up no other. */
  readonly blocking?: boolean
}

export interface AsyncOptions extends CallOptions {
  /** Progress of the task, 0 to 1, whenever it changes. */
  readonly onProgress?: (fraction: number) => void
}

/** Bytes of a disk as XAPI exports them. */
export interface ExportStream {
  /** Chunks as they come; throws when the stream is an error in disguise (`HTTP/` in the body) or breaks. */
  readonly chunks: AsyncIterable<Buffer>
  /** After the last chunk: waits for the task and throws its error. */
  finished(): Promise<void>
  /** Hangs up; the task then fails on the other side. Safe more than once. */
  close(): Promise<void>
}

/**
 * An upload under way: what is written goes to the socket as it is, with backpressure. Framing is the caller's, the
 * terminator of the chunked form included. The memory of a write is free again when its promise has settled.
 */
export interface ImportStream {
  /** Bytes handed to the socket so far. */
  readonly bytesSent: number
  /** Resolves when the bytes are handed over and there is room again; rejects as soon as the other side failed (an answer after the headers, a broken connection, a failed task). */
  write(...chunks: Buffer[]): Promise<void>
  /** After everything is written: waits for the task's success; throws the task's error. */
  finish(): Promise<void>
  /** Hangs up so that the task fails, and waits until the task has ended (bounded). Safe more than once. */
  abort(): Promise<void>
}

export interface WaitOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs: number
}

export interface Xapi {
  /** `https://host:port`, without credentials: safe to show. */
  readonly url: string
  /** SHA-256 fingerprint of the certificate of the connection, `AB:CD:…`. */
  readonly fingerprint: string
  /** The session reference, for URLs that need it. Never log it. */
  readonly session: string
  /** Calls made so far (RPC and bulk requests), for reports. */
  readonly callCount: number
  /** One call; the session is put in front. Logs in again once when the session has died. Throws XapiError and the like. */
  call<T = unknown>(method: string, params: readonly unknown[], options?: CallOptions): Promise<T>
  /** `Async.` form: waits for the task on events, destroys it, returns the decoded result (reference, string or undefined). Cancels on abort. */
  callAsync(method: string, params: readonly unknown[], options?: AsyncOptions): Promise<string | string[] | undefined>
  record<C extends ClassName>(className: C, ref: Ref<C>, options?: CallOptions): Promise<RecordOf[C]>
  records<C extends ClassName>(className: C, options?: CallOptions): Promise<Map<Ref<C>, RecordOf[C]>>
  byUuid<C extends ClassName>(className: C, uuid: string, options?: CallOptions): Promise<Ref<C>>
  /** Waits on events until `done` holds for the object's record (also checked at once); `undefined` record: it is gone. */
  waitFor<C extends ClassName>(
    className: C,
    ref: Ref<C>,
    done: (record: RecordOf[C] | undefined) => boolean,
    options: WaitOptions,
  ): Promise<void>
  /** GET /export_raw_vdi. */
  exportVdi(request: {
    readonly vdi: Ref<'VDI'>
    readonly format: 'raw' | 'vhd' | 'qcow2'
    readonly base?: Ref<'VDI'>
    readonly signal?: AbortSignal
  }): Promise<ExportStream>
  /** PUT /import_raw_vdi. `length` is needed for `vhd` (exact). */
  importVdi(request: {
    readonly vdi: Ref<'VDI'>
    readonly format: 'raw' | 'vhd'
    readonly chunked?: boolean
    readonly length?: number
    readonly signal?: AbortSignal
  }): Promise<ImportStream>
  /** Logs out and closes every connection. Safe more than once. */
  close(): Promise<void>
}
