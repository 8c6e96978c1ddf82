/** GET /export_raw_vdi: behaviour.md 4.3. */
import { type BulkContext, errorReplyAt, startTransfer, type Transfer } from './bulk-transfer.ts'
import { XapiConnectionError } from './errors.ts'
import { type SocketBody, socketBody } from './socket-body.ts'
import type { ExportStream, Xapi } from './xapi.ts'

/** Bytes at the end of what came that are not given out before more comes: room for an error told in their place. */
const HELD_BACK = 16 * 1024

/**
 * Costs four calls: task.create, the GET, one event.from and task.destroy. The stream has no length of its own: whoever reads
 * it checks that it is complete, by the size of a raw disk or the final footer of a VHD.
 */
export async function exportVdi(context: BulkContext, request: Parameters<Xapi['exportVdi']>[0]): Promise<ExportStream> {
  const { signal } = request
  const transfer = await startTransfer(context, {
    method: 'GET',
    path: '/export_raw_vdi',
    query: { vdi: request.vdi, format: request.format, ...(request.base ? { base: request.base } : {}) },
    signal,
  })
  return new VdiExport(context, transfer, signal)
}

class VdiExport implements ExportStream {
  readonly chunks: AsyncIterable<Buffer>
  readonly #context: BulkContext
  readonly #transfer: Transfer
  readonly #body: SocketBody
  readonly #signal: AbortSignal | undefined
  readonly #aborted = () => {
    this.#body.stop(this.#signal?.reason)
    this.#context.background.run(this.close())
  }
  #closing: Promise<void> | undefined

  constructor(context: BulkContext, transfer: Transfer, signal: AbortSignal | undefined) {
    this.#context = context
    this.#transfer = transfer
    this.#signal = signal
    this.#body = socketBody(transfer.reply.socket, transfer.reply.rest, transfer.where, context.idleMs)
    this.chunks = this.#read()
    if (signal?.aborted) this.#aborted()
    else signal?.addEventListener('abort', this.#aborted, { once: true })
  }

  async finished(): Promise<void> {
    try {
      // A reader may know by itself where the data ends; hanging up before the server does would make it fail.
      while ((await this.#body.next()) !== undefined);
      await this.#transfer.task.success(this.#context.idleMs, this.#signal)
    } catch (error) {
      throw await this.#explained(error)
    } finally {
      await this.close()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#hangUp()
    return this.#closing
  }

  async #hangUp(): Promise<void> {
    const { task, where } = this.#transfer
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#body.stop(this.#signal?.aborted ? this.#signal.reason : new XapiConnectionError('closed', where, 'the transfer was given up'))
    await task.settled()
    task.discard()
  }

  /**
   * An error after the first headers comes as a second reply in the middle of the stream, so the last bytes are looked at
   * before they are given out; the task tells whether they are that, or a disk that holds such text.
   */
  async *#read(): AsyncGenerator<Buffer> {
    let held: Buffer[] = []
    let heldBytes = 0
    try {
      for (let chunk = await this.#body.next(); chunk !== undefined; chunk = await this.#body.next()) {
        held.push(chunk)
        heldBytes += chunk.length
        for (let oldest = held[0]; oldest && heldBytes - oldest.length >= HELD_BACK; oldest = held[0]) {
          held.shift()
          heldBytes -= oldest.length
          yield oldest
        }
      }
      if (errorReplyAt(Buffer.concat(held)) >= 0) await this.#transfer.task.success(this.#context.idleMs, this.#signal)
    } catch (error) {
      held = []
      const explained = await this.#explained(error)
      this.#context.background.run(this.close())
      throw explained
    }
    yield* held
  }

  /** Why the connection broke, when the task tells it. Not after a time-out: hanging up is what failed the task then. */
  async #explained(error: unknown): Promise<unknown> {
    const broken = error instanceof XapiConnectionError && error.reason === 'broken'
    return broken ? ((await this.#transfer.task.reason()) ?? error) : error
  }
}
