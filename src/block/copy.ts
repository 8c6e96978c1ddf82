/** The copy loop: takes blocks from a source and gives them to a sink, one after the other; the source reads ahead. */
import type { Block, BlockSink, BlockSource, ByteBudget, Extent } from './block.ts'
import { subtract } from './extents.ts'
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
  const omitted: Extent[] = []
  const passOmitted = async () => {
    // Kept until there is a sink to ask.
    if (sink !== undefined) for (const { offset, length } of omitted.splice(0)) await sink.pass?.(offset, length)
  }
  try {
    for await (const block of source.blocks(options)) {
      try {
        options.signal.throwIfAborted()
        const runs = options.skipZeroes === undefined ? [block] : [...dataRuns(block.offset, block.data, options.skipZeroes)]
        omitted.push(...subtract([extentOf(block)], runs.map(extentOf)))
        for (const run of runs) {
          await options.beforeWrite?.(run.data.length)
          sink ??= await openSink()
          options.onWrite?.(run.offset, run.data)
          await sink.write(run.offset, run.data)
          bytesWritten += run.data.length
        }
        await passOmitted()
        bytesCopied += block.data.length
      } finally {
        block.release()
      }
      options.onProgress?.({ bytesDone: bytesCopied, bytesExpected: source.expected })
    }
    options.signal.throwIfAborted()
    await sink?.finish()
  } catch (error) {
    // What fails while giving up hides nothing of why.
    await sink?.abort(error).catch(() => undefined)
    await source.close().catch(() => undefined)
    throw error
  }
  await source.close()
  return { bytesCopied, bytesWritten }
}

const extentOf = ({ offset, data }: Pick<Block, 'offset' | 'data'>): Extent => ({ offset, length: data.length })
