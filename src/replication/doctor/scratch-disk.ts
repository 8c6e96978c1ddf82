/** Making, filling and reading back the doctor's scratch disks. */
import { randomFillSync } from 'node:crypto'
import type { BlockSink, Extent } from '../../block/block.ts'
import type { NbdPool } from '../../nbd/pool.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { Ref } from '../../xapi/ref.ts'
import { whenDetached } from '../destroy.ts'
import { connectDisk } from '../nbd-blocks.ts'
import { openRawSource } from '../raw-source.ts'
import { openChunkedSink, openVhdSink } from '../sinks.ts'
import { type Bench, type ScratchDisk, taken, xapiOf } from './bench.ts'
import { scratchConfig, scratchName } from './scratch.ts'

export const KIB = 1024
export const MIB = 1024 * 1024
/** Granularity of change tracking. */
export const GRANULE = 64 * KIB
/** Of a VHD's blocks. */
export const VHD_BLOCK = 2 * MIB
/** Of the disk that bytes are compared on. */
export const SCRATCH_SIZE = 32 * MIB
const READ = MIB

/** An empty disk, named and marked as it is made. */
export async function createScratchDisk(bench: Bench, what: string, size: number, signal: AbortSignal): Promise<Ref<'VDI'>> {
  const record = {
    name_label: scratchName(bench.owner, what),
    name_description: 'Made by understudy doctor to try this storage; removed by it, or by its next run',
    SR: taken(bench.storage).ref,
    virtual_size: size,
    type: 'user',
    sharable: false,
    read_only: false,
    other_config: scratchConfig(bench.owner),
  }
  return await making(signal, (late) => xapiOf(bench).callAsync('VDI.create', [record], { signal: late }))
}

/**
 * Makes an object, and does not stop half-way when the doctor is stopped: what is made a moment after it looked for what to remove
 * would stay. The signal's reason is thrown afterwards.
 */
export async function making<R>(signal: AbortSignal, make: (late: AbortSignal) => Promise<unknown>): Promise<R> {
  signal.throwIfAborted()
  const made = await make(AbortSignal.timeout(MAKING_MS))
  signal.throwIfAborted()
  return made as R
}

const MAKING_MS = 120_000

/** A sink of the kind that this host takes. `extents`: all that will be written, ascending. */
export function openScratchSink(
  bench: Bench,
  disk: { readonly ref: Ref<'VDI'>; readonly size: number },
  extents: readonly Extent[],
  signal: AbortSignal,
): Promise<BlockSink> {
  if (bench.writesBy === 'vhd') return openVhdSink(xapiOf(bench), disk.ref, { size: disk.size, extents }, signal)
  return openChunkedSink(xapiOf(bench), disk.ref, signal)
}

/** Writes random bytes to the extents (ascending) in one import, and notes them in the disk's content once the pool confirmed. */
export async function writeRandom(bench: Bench, disk: ScratchDisk, extents: readonly Extent[], signal: AbortSignal): Promise<void> {
  const parts = extents.map(({ offset, length }) => ({ offset, data: randomFillSync(Buffer.allocUnsafe(length)) }))
  const sink = await openScratchSink(bench, disk, extents, signal)
  try {
    for (const { offset, data } of parts) await sink.write(offset, data)
    await sink.finish()
  } catch (error) {
    await sink.abort(error)
    throw error
  }
  for (const { offset, data } of parts) data.copy(disk.content, offset)
}

/** The whole disk by a raw export. */
export async function readRaw({ budget, ...bench }: Bench, vdi: Ref<'VDI'>, size: number, signal: AbortSignal): Promise<Buffer> {
  const xapi = xapiOf({ budget, ...bench })
  const source = await whenDetached(xapi, vdi, signal, () => openRawSource(xapi, vdi, size, signal))
  const content = Buffer.allocUnsafe(size)
  try {
    for await (const block of source.blocks({ budget, signal })) {
      block.data.copy(content, block.offset)
      block.release()
    }
  } finally {
    await source.close()
  }
  return content
}

/** The whole disk over NBD. */
export async function readNbd(bench: Bench, vdi: Ref<'VDI'>, size: number, signal: AbortSignal): Promise<Buffer> {
  const xapi = xapiOf(bench)
  const pool = await whenDetached(xapi, vdi, signal, () => connectDisk(xapi, vdi, size, size, signal))
  try {
    return await readWhole(pool, size)
  } finally {
    await pool.close()
  }
}

async function readWhole(pool: NbdPool, size: number): Promise<Buffer> {
  const content = Buffer.allocUnsafe(size)
  const reads: Promise<void>[] = []
  for (let at = 0; at < size; at += READ) reads.push(pool.readInto(content.subarray(at, Math.min(size, at + READ)), at))
  const results = await Promise.allSettled(reads)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return content
}

/** The whole disk in whichever way this pool offers; how it was read. */
export async function readBack(
  bench: Bench,
  vdi: Ref<'VDI'>,
  size: number,
  signal: AbortSignal,
): Promise<{ readonly content: Buffer; readonly by: string }> {
  try {
    return { content: await readRaw(bench, vdi, size, signal), by: 'a raw export' }
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    return { content: await readNbd(bench, vdi, size, signal), by: 'NBD' }
  }
}

/** Offset of the first byte that differs; undefined when all are alike. */
export function firstDifference(expected: Buffer, found: Buffer): number | undefined {
  if (expected.equals(found)) return undefined
  for (let at = 0; at < Math.max(expected.length, found.length); at++) if (expected[at] !== found[at]) return at
  return undefined
}

/** Numbers as people read a list: all of a few, the first of many. */
export function listed(items: readonly (string | number)[], most = 6): string {
  return items.length <= most ? items.join(', ') : `${items.slice(0, most).join(', ')} and ${items.length - most} more`
}
