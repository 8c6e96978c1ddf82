/** What of a source differs from what a disk of the target holds: the source of a repair. Both sides are read, only differences go on. */
import type { Block, BlockSource, ReadOptions } from '../block/block.ts'
import { sharedRelease } from '../block/shared-release.ts'
import type { NbdPool } from '../nbd/pool.ts'

const GRANULE = 65536
/** Reads of the other side in flight: their memory, at most a block each, is bounded by this and not by the budget. */
const AHEAD = 8

/**
 * @param other the disk to compare with, read at the same places; closed with the source. What lies beyond its end differs.
 */
export function differingSource(source: BlockSource, other: NbdPool): BlockSource {
  return {
    kind: `${source.kind}, compared`,
    size: source.size,
    // How much differs is what comparing finds out.
    expected: undefined,
    get bytesRead() {
      return source.bytesRead
    },
    async *blocks(options: ReadOptions): AsyncGenerator<Block> {
      const waiting: { block: Block; there: Promise<Buffer> }[] = []
      try {
        for await (const block of source.blocks(options)) {
          const there = readThere(other, block)
          // Looked at in order below; until then a failure must not pass for one that nobody handles.
          there.catch(() => undefined)
          waiting.push({ block, there })
          if (waiting.length >= AHEAD) yield* differences(waiting)
        }
        while (waiting.length > 0) yield* differences(waiting)
      } finally {
        for (const { block } of waiting) block.release()
      }
    },
    async close() {
      await Promise.all([source.close(), other.close()])
    },
  }
}

async function readThere(other: NbdPool, { offset, data }: Block): Promise<Buffer> {
  const length = Math.min(data.length, other.size - offset)
  return length <= 0 ? Buffer.alloc(0) : other.read(offset, length)
}

async function* differences(waiting: { block: Block; there: Promise<Buffer> }[]): AsyncGenerator<Block> {
  const next = waiting.shift()
  if (next === undefined) return
  const { block, there } = next
  let runs: Run[]
  try {
    runs = [...differingRuns(block, await there)]
  } catch (error) {
    block.release()
    throw error
  }
  if (runs.length === 0) return block.release()
  const holder = sharedRelease(runs.length, () => block.release())
  for (const { start, end } of runs) yield { offset: block.offset + start, data: block.data.subarray(start, end), release: holder() }
}

interface Run {
  readonly start: number
  readonly end: number
}

/** Ranges of `block` that differ, in granules counted from the disk's start, neighbours merged. */
function* differingRuns({ offset, data }: Block, there: Buffer): Generator<Run> {
  let start = -1
  for (let at = 0; at < data.length; ) {
    const next = Math.min(data.length, at + GRANULE - ((offset + at) % GRANULE))
    const same = next <= there.length && data.compare(there, at, next, at, next) === 0
    if (!same && start < 0) start = at
    if (same && start >= 0) {
      yield { start, end: at }
      start = -1
    }
    at = next
  }
  if (start >= 0) yield { start, end: data.length }
}
