/** Compares what the target's disk reads back with what was sent, or with the whole source snapshot. */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { BlockSource, ByteBudget, Extent } from '../block/block.ts'
import { type ContentDigest, createContentDigest, DIGEST_GRANULE } from '../block/content-digest.ts'
import { clamp, totalLength } from '../block/extents.ts'
import { dataRuns } from '../block/zeroes.ts'
import { Failure } from '../core/failure.ts'
import type { VerifyReport } from '../core/report.ts'
import { takeBuffer } from '../nbd/buffer-shelf.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import { Qcow2Error } from '../qcow2/error.ts'
import { VhdError } from '../vhd/error.ts'
import { XapiError } from '../xapi/errors.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { whenDetached } from './destroy.ts'
import { connectDisk } from './nbd-blocks.ts'
import { LARGEST_VHD, readQcow2Extents } from './qcow2-source.ts'
import { openRawSource } from './raw-source.ts'
import type { SentRecord } from './sent-record.ts'
import type { RunContext } from './session.ts'
import { readAllocatedExtents } from './vhd-source.ts'

/** Granules compared per disk when only samples are. */
export const SAMPLES = 64
const READ_BYTES = 1024 * 1024
const ZEROES = Buffer.alloc(READ_BYTES)
/** Bytes of zeroes hashed before others get their turn: some 20 ms. */
const REST_AFTER = 32 * 1024 * 1024

export interface VerifiedDisk {
  readonly ref: Ref<'VDI'>
  readonly size: number
}

type OnProgress = (bytesDone: number, bytesExpected: number) => void

export interface ReadContext {
  readonly signal: AbortSignal
  readonly transportOf?: RunContext['transportOf']
  readonly budget: ByteBudget
}

/** Reads back every extent of the record and compares digests. Failure VERIFY_DIFFERS when they are not the same. */
export async function verifySent(
  context: ReadContext,
  target: Xapi,
  disk: VerifiedDisk,
  sent: SentRecord,
  mode: 'sample' | 'changed',
  onProgress: OnProgress,
): Promise<VerifyReport> {
  const started = performance.now()
  const extents = sent.extents()
  const expected = totalLength(extents)
  const back = createContentDigest()
  await readOrdered(context, target, disk, extents, (offset, data) => {
    back.add(offset, data)
    onProgress(back.bytes, expected)
  })
  const report = {
    mode,
    bytes: expected,
    hash: 'content',
    source: sent.digest.hex(),
    target: back.hex(),
    equal: sent.digest.hex() === back.hex() && sent.digest.bytes === back.bytes,
    seconds: (performance.now() - started) / 1000,
  } as const
  if (!report.equal) throw differs(sent.digest.firstDifference(back))
  return report
}

/** What a whole disk holds. */
export interface WholeDigest {
  readonly content: ContentDigest
  /** Of the disk's bytes. */
  readonly sha256: string
}

/** Reads what of a disk is allocated. `onProgress` is told how far it got, in bytes of the disk. */
export async function digestWhole(
  context: ReadContext,
  xapi: Xapi,
  disk: VerifiedDisk,
  onProgress: (bytesDone: number) => void,
): Promise<WholeDigest> {
  const plain = plainHash()
  const content = await contentOf(context, xapi, disk, disk.size, onProgress, plain)
  return { content, sha256: await plain.end(disk.size) }
}

/** @param size bytes of the disk that count */
async function contentOf(
  context: ReadContext,
  xapi: Xapi,
  disk: VerifiedDisk,
  size: number,
  onProgress: (bytesDone: number) => void,
  hash?: PlainHash,
): Promise<ContentDigest> {
  const digest = createContentDigest()
  const extents = clamp(await allocated(context, xapi, disk), size)
  await readOrdered(context, xapi, disk, extents, async (offset, data) => {
    await hash?.add(offset, data)
    for (const run of dataRuns(offset, data, DIGEST_GRANULE)) digest.add(run.offset, run.data)
    onProgress(offset + data.length)
  })
  return digest
}

/**
 * Compares both disks whole. What the block table of an export says is allocated nowhere is not read but taken as zero, each side
 * by its own account. The hash told is the plain SHA-256 of the disk's bytes; it is made once, of the source, and holds for the
 * target when the digests of all that is not zero are alike. Failure VERIFY_DIFFERS when they are not.
 * @param read reads the source; default: by itself
 */
export async function verifyWhole(
  context: ReadContext,
  source: { readonly xapi: Xapi; readonly disk: VerifiedDisk },
  target: { readonly xapi: Xapi; readonly disk: VerifiedDisk },
  onProgress: OnProgress,
  read: (onProgress: (bytesDone: number) => void) => Promise<WholeDigest> = (told) => digestWhole(context, source.xapi, source.disk, told),
): Promise<VerifyReport> {
  const started = performance.now()
  const { size } = source.disk
  const done = { source: 0, target: 0 }
  const progress = (side: 'source' | 'target') => (bytesDone: number) => {
    done[side] = bytesDone
    onProgress(done.source + done.target, 2 * size)
  }
  const [{ content: from, sha256 }, to] = await Promise.all([
    read(progress('source')),
    // The target may be larger where its storage rounds; what the source has not is not compared.
    contentOf(context, target.xapi, target.disk, size, progress('target')),
  ])
  if (from.hex() !== to.hex()) throw differs(from.firstDifference(to))
  onProgress(2 * size, 2 * size)
  const seconds = (performance.now() - started) / 1000
  return {
    mode: 'full',
    bytes: size,
    hash: 'sha256',
    source: sha256,
    target: sha256,
    equal: true,
    seconds,
    content: { hash: from.hex(), bytes: from.bytes },
  }
}

interface PlainHash {
  add(offset: number, data: Buffer): Promise<void>
  end(size: number): Promise<string>
}

/** SHA-256 of a disk given in ascending parts, zeroes between them. Lets others run while it goes over long gaps. */
function plainHash(): PlainHash {
  const hash = createHash('sha256')
  let at = 0
  let sinceRest = 0
  const skipTo = async (offset: number) => {
    while (at < offset) {
      const length = Math.min(ZEROES.length, offset - at)
      hash.update(ZEROES.subarray(0, length))
      at += length
      sinceRest += length
      if (sinceRest < REST_AFTER) continue
      sinceRest = 0
      await setImmediate()
    }
  }
  return {
    async add(offset, data) {
      await skipTo(offset)
      hash.update(data)
      at += data.length
    },
    async end(size) {
      await skipTo(size)
      return hash.digest('hex')
    },
  }
}

/** What an export's block table says is allocated; everything where there is none. */
export async function allocated({ signal }: ReadContext, xapi: Xapi, disk: VerifiedDisk): Promise<Extent[]> {
  try {
    const read = disk.size > LARGEST_VHD ? readQcow2Extents : readAllocatedExtents
    return [...(await read(xapi, disk.ref, signal)).extents]
  } catch (error) {
    // Storage without VHDs: everything is read.
    if (!(error instanceof XapiError || error instanceof VhdError || error instanceof Qcow2Error)) throw error
    return [{ offset: 0, length: disk.size }]
  }
}

const differs = (near: number | undefined) =>
  new Failure(
    'VERIFY_DIFFERS',
    `the replica's disk does not read back what was sent${near === undefined ? '' : ` (first difference in the 64 MiB from byte ${near})`}`,
  )

/**
 * Gives the bytes of the extents in ascending order, in pieces that never cross a multiple of 64 KiB unevenly: over NBD, or from a raw
 * export where there is none. Waits while another transfer still holds the disk. `take` may use
 * the memory until it returns.
 */
export async function readOrdered(
  context: ReadContext,
  xapi: Xapi,
  disk: VerifiedDisk,
  extents: readonly Extent[],
  take: (offset: number, data: Buffer) => void | Promise<void>,
): Promise<void> {
  if (extents.length === 0) return
  const { signal } = context
  let pool: Awaited<ReturnType<typeof connectDisk>>
  try {
    pool = await whenDetached(xapi, disk.ref, signal, () =>
      connectDisk(xapi, disk.ref, disk.size, totalLength(extents), signal, context.transportOf?.(xapi)),
    )
  } catch (error) {
    if (!(error instanceof NbdError || error instanceof XapiError)) throw error
    return readExport(context, await openRawSource(xapi, disk.ref, disk.size, signal), extents, take)
  }
  try {
    const depth = 8
    const reads: { offset: number; buffer: Buffer; read: Promise<void>; giveBack: () => void; release: () => void }[] = []
    const next = async () => {
      const first = reads.shift()
      if (first === undefined) return
      try {
        await first.read
        await take(first.offset, first.buffer)
        // Only what was read to its end may be used again: of a broken read something may still arrive.
        first.giveBack()
      } finally {
        first.release()
      }
    }
    try {
      for (const { offset, length } of pieces(extents)) {
        // Waiting for memory while holding some could be a deadlock among disks: what we hold is given back first.
        while (reads.length >= depth || (reads.length > 0 && context.budget.used + length > context.budget.total)) await next()
        const release = await context.budget.take(length, signal)
        const { buffer, giveBack } = takeBuffer(length)
        const read = pool.readInto(buffer, offset)
        read.catch(() => undefined)
        reads.push({ offset, buffer, read, giveBack, release })
      }
      while (reads.length > 0) await next()
    } finally {
      for (const { release } of reads) release()
    }
  } finally {
    await pool.close()
  }
}

function* pieces(extents: readonly Extent[]): Generator<Extent> {
  for (const { offset, length } of extents) {
    for (let at = 0; at < length; ) {
      const piece = Math.min(length - at, READ_BYTES - ((offset + at) % DIGEST_GRANULE))
      yield { offset: offset + at, length: piece }
      at += piece
    }
  }
}

async function readExport(
  context: ReadContext,
  source: BlockSource,
  extents: readonly Extent[],
  take: (offset: number, data: Buffer) => void | Promise<void>,
): Promise<void> {
  try {
    let current = 0
    // Pieces of an extent are gathered up to a granule's end, since the stream is cut anywhere.
    let held: { offset: number; parts: Buffer[]; length: number } | undefined
    for await (const block of source.blocks(context)) {
      try {
        const end = block.offset + block.data.length
        for (let extent = extents[current]; extent !== undefined && extent.offset < end; extent = extents[current]) {
          const from = Math.max(extent.offset, block.offset)
          const to = Math.min(extent.offset + extent.length, end)
          if (from < to) held = gather(held, from, Buffer.from(block.data.subarray(from - block.offset, to - block.offset)))
          if (to < extent.offset + extent.length) break
          if (held !== undefined) await take(held.offset, Buffer.concat(held.parts))
          held = undefined
          current++
        }
        if (held !== undefined && held.length >= READ_BYTES) {
          const all = Buffer.concat(held.parts)
          const whole = all.length - ((held.offset + all.length) % DIGEST_GRANULE)
          if (whole > 0) await take(held.offset, all.subarray(0, whole))
          held =
            whole === all.length
              ? undefined
              : {
                  offset: held.offset + Math.max(whole, 0),
                  parts: [all.subarray(Math.max(whole, 0))],
                  length: all.length - Math.max(whole, 0),
                }
        }
      } finally {
        block.release()
      }
    }
  } finally {
    await source.close()
  }
}

function gather(held: { offset: number; parts: Buffer[]; length: number } | undefined, offset: number, data: Buffer) {
  if (held === undefined) return { offset, parts: [data], length: data.length }
  held.parts.push(data)
  held.length += data.length
  return held
}
