/** Transfers in segments: one upload each, so that a segment that the host has confirmed is a checkpoint. Uploads overlap at their ends. */
import type { BlockSink, BlockSource } from '../block/block.ts'
import { totalLength } from '../block/extents.ts'
import type { Segment } from '../core/segments.ts'
import { createNbdSource } from '../nbd/nbd-source.ts'
import type { NbdPool } from '../nbd/pool.ts'

/** Reads the segments over one pool of connections, which is closed with the source: every block of one before any of the next. */
export function segmentedNbdSource(pool: NbdPool, size: number, segments: readonly Segment[]): BlockSource {
  return createNbdSource({ pool, size, parts: segments.map(({ extents }) => extents) })
}

/**
 * The next upload is opened when so many bytes of a segment are still to come: a task, a connection and an attachment take a second or
 * two on a real host, and nothing is to wait for them.
 */
const OPEN_AHEAD_BYTES = 64 * 1024 * 1024

export interface SegmentedSink extends BlockSink {
  /** Opens the first upload now, for a transfer that is sure to write: by the time of the first block it stands. */
  begin(): void
}

/**
 * A sink whose uploads end where segments do. A block of a later segment ends the upload; the next one is written to while the host
 * confirms that, where the uploads may overlap (`BlockSink.overlaps`): at most one is being confirmed, and nothing of any is held here.
 * `onFinished` is told of a segment once it and all before it are confirmed, in order. Whatever fails there fails the next `write` or
 * `finish`, and nothing is told after it. Blocks come in any order within a segment, segments in order. Without segments it is one upload.
 *
 * `abort` gives up what is being written; an upload of which only the confirmation is missing is waited for, and told of.
 */
export function segmentedSink(
  segments: readonly Segment[],
  open: (segment: Segment | undefined) => Promise<BlockSink>,
  onFinished: (end: number) => Promise<void>,
): SegmentedSink {
  const sizes = segments.map(({ extents }) => totalLength(extents))
  let current = 0
  /** Bytes of the current segment that came, written or passed. */
  let given = 0
  let upload: BlockSink | undefined
  let ahead: { readonly segment: number; readonly sink: Promise<BlockSink> } | undefined
  /** The upload before, until it is confirmed and told of. Never rejects: see `failure`. */
  let confirming: Promise<void> | undefined
  let failure: { readonly reason: unknown } | undefined
  let kind = 'none'
  const counted = new Set<BlockSink>()
  let bytesBefore = 0
  let passed: { offset: number; length: number }[] = []

  function openAhead(segment: number): void {
    const sink = open(segments[segment])
    // Whoever needs it meets the error.
    sink.catch(() => undefined)
    ahead = { segment, sink }
  }

  async function begin(): Promise<BlockSink> {
    const opened = ahead
    ahead = undefined
    if (opened?.segment === current) return opened.sink
    await leave(opened?.sink)
    return open(segments[current])
  }

  /** Ends an upload that nothing was written to after all; that it could not be opened does no harm. */
  async function leave(opened: Promise<BlockSink> | undefined): Promise<void> {
    const sink = await opened?.catch(() => undefined)
    await sink?.finish()
  }

  /** Ends the upload when `offset` lies beyond its segment. */
  async function advance(offset: number): Promise<void> {
    let end: number | undefined
    for (let segment = segments[current]; segment !== undefined && offset >= segment.end; segment = segments[current]) {
      end = segment.end
      current++
    }
    if (end === undefined) return
    passed = []
    given = 0
    await confirmed()
    const ended = upload
    upload = undefined
    confirming = confirm(ended, end)
    if (ended?.overlaps !== true) await confirmed()
  }

  async function confirm(ended: BlockSink | undefined, end: number): Promise<void> {
    try {
      await ended?.finish()
      await onFinished(end)
    } catch (reason) {
      failure ??= { reason }
      await ended?.abort(reason).catch(() => undefined)
    }
    if (ended !== undefined && counted.delete(ended)) bytesBefore += ended.bytesSent
    confirming = undefined
  }

  async function confirmed(): Promise<void> {
    await confirming
    if (failure !== undefined) throw failure.reason
  }

  function came(length: number): void {
    given += length
    const next = current + 1
    if (upload?.overlaps !== true || ahead !== undefined || confirming !== undefined || next >= segments.length) return
    if ((sizes[current] ?? 0) - given <= OPEN_AHEAD_BYTES) openAhead(next)
  }

  return {
    get kind() {
      return kind
    },
    get bytesSent() {
      let sum = bytesBefore
      for (const { bytesSent } of counted) sum += bytesSent
      return sum
    },
    begin() {
      if (upload === undefined && ahead === undefined) openAhead(current)
    },
    async write(offset, data) {
      await advance(offset)
      if (failure !== undefined) throw failure.reason
      if (upload === undefined) {
        upload = await begin()
        kind = upload.kind
        counted.add(upload)
        for (const part of passed.splice(0)) await upload.pass?.(part.offset, part.length)
      }
      await upload.write(offset, data)
      came(data.length)
    },
    async pass(offset, length) {
      await advance(offset)
      if (upload === undefined) passed.push({ offset, length })
      else await upload.pass?.(offset, length)
      came(length)
    },
    async finish() {
      // All at once; of several errors the earlier segment's is told.
      const ends = await Promise.allSettled([confirmed(), upload?.finish(), leave(ahead?.sink)])
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    },
    async abort(reason) {
      const opened = ahead
      ahead = undefined
      await Promise.all([
        upload?.abort(reason),
        opened?.sink.then(
          (sink) => sink.abort(reason),
          () => undefined,
        ),
        confirming,
      ])
    },
  }
}
