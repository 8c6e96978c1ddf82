/** Transfers in segments: a source that reads them one after the other, and a sink that makes one upload of each and says when it is in place. */
import type { Block, BlockSink, BlockSource, ReadOptions } from '../block/block.ts'
import type { Segment } from '../core/segments.ts'
import { createNbdSource } from '../nbd/nbd-source.ts'
import type { NbdPool } from '../nbd/pool.ts'

/** Reads the segments in order over one pool of connections, which is closed with the source. */
export function segmentedNbdSource(pool: NbdPool, size: number, segments: readonly Segment[]): BlockSource {
  const expected = segments.reduce((sum, { extents }) => sum + extents.reduce((bytes, { length }) => bytes + length, 0), 0)
  // A source closes its connections; these are for all segments.
  const shared: NbdPool = {
    size: pool.size,
    get connections() {
      return pool.connections
    },
    get bytesRead() {
      return pool.bytesRead
    },
    read: pool.read,
    readInto: pool.readInto,
    close: async () => undefined,
  }
  return {
    kind: 'nbd',
    size,
    expected,
    get bytesRead() {
      return pool.bytesRead
    },
    async *blocks(options: ReadOptions): AsyncGenerator<Block> {
      for (const { extents } of segments) yield* createNbdSource({ pool: shared, size, extents }).blocks(options)
    },
    close: () => pool.close(),
  }
}

/**
 * A sink whose uploads end where segments do: a block of a later segment ends the upload, waits until the host has confirmed it, and
 * tells `onFinished`. Blocks come in any order within a segment, segments in order. Without segments it is one upload.
 */
export function segmentedSink(
  segments: readonly Segment[],
  open: (segment: Segment | undefined) => Promise<BlockSink>,
  onFinished: (end: number) => Promise<void>,
): BlockSink {
  let current = 0
  let sink: BlockSink | undefined
  let kind = 'none'
  let bytesBefore = 0
  let passed: { offset: number; length: number }[] = []

  /** Ends the upload when `offset` lies beyond its segment. */
  async function advance(offset: number): Promise<void> {
    let end: number | undefined
    for (let segment = segments[current]; segment !== undefined && offset >= segment.end; segment = segments[current]) {
      end = segment.end
      current++
    }
    if (end === undefined) return
    passed = []
    await close()
    await onFinished(end)
  }

  async function close(): Promise<void> {
    if (sink === undefined) return
    await sink.finish()
    bytesBefore += sink.bytesSent
    sink = undefined
  }

  return {
    get kind() {
      return kind
    },
    get bytesSent() {
      return bytesBefore + (sink?.bytesSent ?? 0)
    },
    async write(offset, data) {
      await advance(offset)
      if (sink === undefined) {
        sink = await open(segments[current])
        kind = sink.kind
        for (const part of passed.splice(0)) await sink.pass?.(part.offset, part.length)
      }
      await sink.write(offset, data)
    },
    async pass(offset, length) {
      await advance(offset)
      if (sink === undefined) passed.push({ offset, length })
      else await sink.pass?.(offset, length)
    },
    finish: close,
    async abort(reason) {
      await sink?.abort(reason)
    },
  }
}
