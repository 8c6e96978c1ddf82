/** A `BlockSource` that reads chosen extents of a disk over NBD. */
import type { Block, BlockSource, Extent, ReadOptions } from '../block/block.ts'
import { sharedRelease } from '../block/shared-release.ts'
import { takeBuffer } from './buffer-shelf.ts'
import { NbdError } from './nbd-error.ts'
import type { NbdPool } from './pool.ts'
import { type PlannedRead, planReads } from './read-plan.ts'

export interface NbdSourceOptions {
  /** The disk's connections, for this source alone; closed with it. A function opens them when the first byte is wanted. */
  readonly pool: NbdPool | (() => Promise<NbdPool>)
  /** For progress and errors. Default `nbd`. */
  readonly kind?: string | undefined
  /** Virtual size of the disk in bytes; NBD_SIZE_MISMATCH when the export has another. */
  readonly size: number
  /** What to read: ascending, apart from each other, in whole sectors. */
  readonly extents?: Iterable<Extent> | AsyncIterable<Extent> | undefined
  /** The same in parts: every block of one is given before any of the next, but reading does not pause between them. */
  readonly parts?: readonly (Iterable<Extent> | AsyncIterable<Extent>)[] | undefined
  /** Bytes of all extents, when known; for arrays it is counted. */
  readonly expected?: number | undefined
  /** Neighbouring extents are read together up to this length. Bytes; default 1 MiB, at most 32 MiB. */
  readonly mergeUpTo?: number | undefined
  /** Reads in flight at most. Default 256: single granules of 64 KiB fill the bytes. As many results again may wait for the consumer. */
  readonly depth?: number | undefined
  /** Bytes in flight at most. Default 16 MiB: a line of 100 ms is filled at 160 MiB/s. As many again may wait for the consumer. */
  readonly bytesInFlight?: number | undefined
}

const MIB = 1024 * 1024
const DEFAULT_MERGE = MIB
const MOST_MERGED = 32 * MIB
const DEFAULT_DEPTH = 256
const DEFAULT_BYTES_IN_FLIGHT = 16 * MIB

/**
 * Reads `extents`. Blocks come as the answers do, out of order; neighbours may come as one block, long extents as several.
 * Gaps that were read along are not given. `blocks` throws NbdError (see `openNbdPool`; NBD_EXTENTS_INVALID, NBD_SIZE_MISMATCH)
 * or the signal's reason, and may be called once.
 */
export function createNbdSource(options: NbdSourceOptions): BlockSource {
  const { size } = options
  const parts = options.parts ?? [options.extents ?? []]
  const mergeUpTo = Math.min(options.mergeUpTo ?? DEFAULT_MERGE, MOST_MERGED)
  const depth = options.depth ?? DEFAULT_DEPTH
  const mostBytes = options.bytesInFlight ?? DEFAULT_BYTES_IN_FLIGHT
  const expected = options.expected ?? (parts.every((part) => Array.isArray(part)) ? parts.flat().reduce(addLength, 0) : undefined)
  let pool: NbdPool | undefined = typeof options.pool === 'function' ? undefined : options.pool
  let opening: Promise<NbdPool> | undefined
  let closed = false
  let called = false

  async function open(): Promise<NbdPool> {
    if (typeof options.pool === 'function') opening ??= options.pool()
    pool ??= await opening
    if (pool === undefined || closed) {
      await pool?.close()
      throw new NbdError('NBD_CLOSED', 'the source was closed')
    }
    if (pool.size !== size) throw new NbdError('NBD_SIZE_MISMATCH', `the export has ${pool.size} bytes, the disk ${size}`)
    return pool
  }

  async function* blocks({ signal, budget }: ReadOptions): AsyncGenerator<Block, void, undefined> {
    if (called) throw new NbdError('NBD_CLOSED', 'the blocks of this source were read already')
    called = true
    signal.throwIfAborted()
    const from = await open()
    const stop = new AbortController()
    /** Of the part whose turn it is. */
    let ready: Block[] = []
    /** Of those to come, by their number. */
    const early = new Map<number, Block[]>()
    let turn = 0
    /** Reads of each part that were issued and have not come yet. Parts before `issuing` are issued whole. */
    const due = new Map<number, number>()
    let issuing = 0
    let readyCount = 0
    let readyBytes = 0
    let inFlight = 0
    let inFlightBytes = 0
    let planned = false
    let failure: { readonly reason: unknown } | undefined
    let waiters: (() => void)[] = []

    const wake = () => {
      if (waiters.length === 0) return
      const woken = waiters
      waiters = []
      for (const resolve of woken) resolve()
    }
    const change = () => new Promise<void>((resolve) => waiters.push(resolve))
    const fail = (reason: unknown) => {
      failure ??= { reason }
      stop.abort(reason)
      wake()
    }
    const abort = () => fail(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()

    async function read(plan: PlannedRead, part: number, release: () => void): Promise<void> {
      const { buffer, giveBack } = takeBuffer(plan.length)
      const free = () => {
        giveBack()
        release()
      }
      try {
        await from.readInto(buffer, plan.offset)
        if (stop.signal.aborted) {
          free()
        } else {
          const given = toBlocks(plan, buffer, free)
          if (part !== turn && !early.has(part)) early.set(part, [])
          const waiting = early.get(part) ?? ready
          waiting.push(...given)
          readyCount += given.length
          for (const { data } of given) readyBytes += data.length
        }
      } catch (error) {
        free()
        fail(error)
      }
      due.set(part, (due.get(part) ?? 0) - 1)
      inFlight--
      inFlightBytes -= plan.length
      wake()
    }

    /** Whether `length` bytes more would be too much for the line, or for a consumer that does not keep up. */
    function mustWait(length: number): boolean {
      if (inFlight >= depth || inFlight + readyCount >= 2 * depth) return true
      if (inFlight === 0 && readyCount === 0) return false
      return inFlightBytes + length > mostBytes || inFlightBytes + readyBytes + length > 2 * mostBytes
    }

    async function issue(): Promise<void> {
      try {
        for (const part of parts) {
          for await (const plan of planReads(part, { size, mergeUpTo })) {
            while (failure === undefined && mustWait(plan.length)) await change()
            if (failure !== undefined) return
            const release = await budget.take(plan.length, stop.signal)
            if (failure !== undefined) return release()
            due.set(issuing, (due.get(issuing) ?? 0) + 1)
            inFlight++
            inFlightBytes += plan.length
            void read(plan, issuing, release)
          }
          issuing++
          wake()
        }
        planned = true
        wake()
      } catch (error) {
        fail(error)
      }
    }

    void issue()
    try {
      for (;;) {
        if (failure !== undefined) throw failure.reason
        const block = ready.shift()
        if (block !== undefined) {
          readyCount--
          readyBytes -= block.data.length
          wake()
          yield block
        } else if (turn < issuing && (due.get(turn) ?? 0) === 0) {
          due.delete(turn)
          turn++
          ready = early.get(turn) ?? []
          early.delete(turn)
        } else if (planned && inFlight === 0) {
          return
        } else {
          await change()
        }
      }
    } finally {
      signal.removeEventListener('abort', abort)
      fail(new NbdError('NBD_CLOSED', 'nobody takes the blocks any more'))
      for (const block of [...ready.splice(0), ...[...early.values()].flat()]) block.release()
      early.clear()
    }
  }

  return {
    kind: options.kind ?? 'nbd',
    size,
    expected,
    get bytesRead() {
      return pool?.bytesRead ?? 0
    },
    blocks,
    async close() {
      closed = true
      const opened = pool ?? (await opening?.catch(() => undefined))
      await opened?.close()
    },
  }
}

const addLength = (sum: number, { length }: Extent) => sum + length

/** The wanted parts of a read as blocks that share its memory; `free` is called when the last one is released. */
function toBlocks(plan: PlannedRead, buffer: Buffer, free: () => void): Block[] {
  const holder = sharedRelease(plan.wanted.length, free)
  return plan.wanted.map(({ offset, length }) => ({
    offset,
    data: length === plan.length ? buffer : buffer.subarray(offset - plan.offset, offset - plan.offset + length),
    release: holder(),
  }))
}
