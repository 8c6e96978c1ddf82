/** PUT /import_raw_vdi: behaviour.md 4.4. */
import type { Socket } from 'node:net'
import { type BulkContext, startTransfer, type Transfer } from './bulk-transfer.ts'
import { XapiConnectionError } from './errors.ts'
import type { ImportStream, Xapi } from './xapi.ts'

/** After the last byte the server closes the connection when the task has ended: waiting for that saves asking. At most so long. */
const CLOSING_MS = 5_000
const STALLED_MS = 1_000
/** Up to here the copy is cheaper than a record of its own for the header of each frame. */
const ONE_PIECE_BYTES = 128 * 1024

/**
 * Costs four calls: task.create, the PUT, one event.from and task.destroy. The server says 200 before it reads anything; from
 * then on any byte from it tells of a failure, and the task has the reason.
 */
export async function importVdi(context: BulkContext, request: Parameters<Xapi['importVdi']>[0]): Promise<ImportStream> {
  const { format, chunked, length, signal } = request
  if (format === 'vhd' && length === undefined) throw new TypeError('importVdi: a VHD needs its exact length')
  if (format === 'vhd' && chunked) throw new TypeError('importVdi: the chunked form carries raw disks only')
  const transfer = await startTransfer(context, {
    method: 'PUT',
    path: '/import_raw_vdi',
    // The presence of `chunked` counts, not its value; Content-Length is ignored then.
    query: { vdi: request.vdi, format, ...(chunked ? { chunked: 'true' } : {}) },
    contentLength: length,
    signal,
  })
  return new VdiImport(context, transfer, length, signal)
}

class VdiImport implements ImportStream {
  bytesSent = 0
  readonly #context: BulkContext
  readonly #transfer: Transfer
  readonly #socket: Socket
  readonly #length: number | undefined
  readonly #signal: AbortSignal | undefined
  readonly #aborted = () => {
    this.#failure ??= Promise.resolve(this.#signal?.reason)
    this.#wake()
    this.#context.background.run(this.abort())
  }
  /** What went wrong; resolves (never rejects) once the task was asked for the reason. */
  #failure: Promise<unknown> | undefined
  /** The server closed the connection, which is right only after the last byte. */
  #ended = false
  #waiting = new Set<() => void>()
  #closing: Promise<void> | undefined

  constructor(context: BulkContext, transfer: Transfer, length: number | undefined, signal: AbortSignal | undefined) {
    this.#context = context
    this.#transfer = transfer
    this.#length = length
    this.#signal = signal
    const socket = transfer.reply.socket
    this.#socket = socket
    const ended = () => {
      this.#ended = true
      this.#wake()
    }
    const answered = () => this.#fail('the server answered in the middle of an import')
    socket.on('data', answered)
    socket.once('end', ended).once('error', ended).once('close', ended)
    if (transfer.reply.rest.length > 0) answered()
    else if (socket.destroyed) ended()
    else socket.resume()
    if (signal?.aborted) this.#aborted()
    else signal?.addEventListener('abort', this.#aborted, { once: true })
  }

  async write(...chunks: Buffer[]): Promise<void> {
    if (this.#ended) this.#fail('the server ended an import before everything was written')
    if (this.#failure) throw await this.#failure
    let flushed = false
    let left = chunks.length
    const done = (error?: Error | null) => {
      // An error here is told again by the socket's own events.
      if (error || --left > 0) return
      flushed = true
      this.#wake()
    }
    // Written in one piece they cost one record and one call to the system, but Node's TLS copies them into fresh memory first.
    const small = chunks.reduce((sum, { length }) => sum + length, 0) <= ONE_PIECE_BYTES
    if (small) this.#socket.cork()
    for (const chunk of chunks) {
      this.bytesSent += chunk.length
      this.#socket.write(chunk, done)
    }
    if (small) this.#socket.uncork()
    await this.#until(
      () => flushed || this.#ended || left === 0,
      this.#context.idleMs,
      () => this.#fail('the server took no data for a long time', 'timeout'),
    )
    if (!flushed && this.#ended && !this.#failure && !(await this.#tookEverything())) {
      this.#fail('the server ended an import before everything was written')
    }
    if (this.#failure) throw await this.#failure
  }

  /**
   * Whether the server closed because it was done: it may read the last bytes and close before the socket tells us that they were
   * written. The task knows: it succeeds only after the terminator of a chunked body, or the announced length of another.
   */
  async #tookEverything(): Promise<boolean> {
    if (this.#length !== undefined && this.bytesSent !== this.#length) return false
    return this.#transfer.task.succeeded()
  }

  async finish(): Promise<void> {
    const { task } = this.#transfer
    if (this.#closing && !this.#failure) this.#fail('the import was given up before', 'closed')
    if (this.#length !== undefined && this.bytesSent !== this.#length && !this.#failure) {
      await this.abort()
      throw new TypeError(`importVdi: ${this.bytesSent} bytes written where ${this.#length} were announced`)
    }
    await this.#until(
      () => this.#ended,
      CLOSING_MS,
      () => undefined,
    )
    if (this.#failure) throw await this.#failure
    try {
      await task.success(this.#context.idleMs, this.#signal)
    } finally {
      await this.abort()
    }
  }

  abort(): Promise<void> {
    this.#closing ??= this.#hangUp()
    return this.#closing
  }

  async #hangUp(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#socket.destroy()
    await this.#transfer.task.settled()
    this.#transfer.task.discard()
  }

  #fail(message: string, reason: 'broken' | 'timeout' | 'closed' = 'broken'): void {
    if (this.#failure) return
    const error = new XapiConnectionError(reason, this.#transfer.where, message)
    // A server that takes nothing keeps its task going, so there is little to wait for.
    this.#failure = this.#transfer.task.reason(reason === 'timeout' ? STALLED_MS : undefined).then((told) => {
      this.#context.background.run(this.abort())
      return told ?? error
    })
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }

  /** Waits until the condition or a failure holds; calls `late` when neither does in time. */
  async #until(holds: () => boolean, timeoutMs: number, late: () => void): Promise<void> {
    if (holds() || this.#failure) return
    await new Promise<void>((resolve) => {
      const over = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const wake = () => {
        if (holds() || this.#failure) over()
      }
      const timer = setTimeout(() => {
        late()
        over()
      }, timeoutMs)
      this.#waiting.add(wake)
    })
  }
}
