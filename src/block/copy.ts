/** The copy loop: takes blocks from a source and gives them to a sink, one after the other; the source reads ahead. */
import type { BlockSink, BlockSource, ByteBudget } from './block.ts'
import { dataRuns } from './zeroes.ts'

export interface CopyProgress {
  /** Bytes taken from the source so far. */
  readonly bytesDone: number
  /** Bytes that the source will give, when it knows. */
  readonly bytesExpected: number | undefined
}

export interface CopyOptions {
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  /** Leaves out pieces of this many bytes that are zero: only for a target that is known to be zero there. */
  readonly skipZeroes?: number
  /** Told of every piece before it is written: a digest, a record of what was sent. */
  readonly onWrite?: (offset: number, data: Buffer) => void
  /** Called before each write, may wait: a limit of bandwidth. */
  readonly beforeWrite?: (bytes: number) => Promise<void> | void
  readonly onProgress?: (progress: CopyProgress) => void
}

export interface CopyResult {
  /** Bytes given by the source. */
  readonly bytesCopied: number
  /** Bytes handed to the sink, zeroes left out. */
  readonly bytesWritten: number
}

/**
 * Copies everything and finishes the sink. When anything fails, the sink is aborted, the source closed, and the first error
 * thrown. `openSink` is called at the first byte only: a source without blocks costs the target nothing.
 */
export async function copyBlocks(source: BlockSource, openSink: () => Promise<BlockSink>, options: CopyOptions): Promise<CopyResult> {
  let sink: BlockSink | undefined
  let bytesCopied = 0
  let bytesWritten = 0
  try {
    for await (const block of source.blocks(options)) {
      try {
        options.signal.throwIfAborted()
        const runs = options.skipZeroes === undefined ? [block] : dataRuns(block.offset, block.data, options.skipZeroes)
        for (const run of runs) {
          await options.beforeWrite?.(run.data.length)
          sink ??= await openSink()
          options.onWrite?.(run.offset, run.data)
          await sink.write(run.offset, run.data)
          bytesWritten += run.data.length
        }
        bytesCopied += block.data.length
      } finally {
        block.release()
      }
      options.onProgress?.({ bytesDone: bytesCopied, bytesExpected: source.expected })
    }
    options.signal.throwIfAborted()
    await sink?.finish()
    return { bytesCopied, bytesWritten }
  } catch (error) {
    await sink?.abort(error)
    throw error
  } finally {
    await source.close()
  }
}
