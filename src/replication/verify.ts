/** Compares what the target's disk reads back with what was sent, or with the whole source snapshot. */
import { createHash } from 'node:crypto'
import type { BlockSource, ByteBudget, Extent } from '../block/block.ts'
import { createContentDigest, DIGEST_GRANULE } from '../block/content-digest.ts'
import { totalLength } from '../block/extents.ts'
import { Failure } from '../core/failure.ts'
import type { VerifyReport } from '../core/report.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import { XapiError } from '../xapi/errors.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { whenDetached } from './destroy.ts'
import { connectDisk } from './nbd-blocks.ts'
import { openRawSource } from './raw-source.ts'
import type { SentRecord } from './sent-record.ts'

/** Granules compared per disk when only samples are. */
export const SAMPLES = 64
const READ_BYTES = 1024 * 1024

export interface VerifiedDisk {
  readonly ref: Ref<'VDI'>
  readonly size: number
}

type OnProgress = (bytesDone: number, bytesExpected: number) => void

interface ReadContext {
  readonly signal: AbortSignal
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

/** Reads both disks whole, in order; the hash is the plain SHA-256 of the disk's bytes. Failure VERIFY_DIFFERS when they differ. */
export async function verifyWhole(
  context: ReadContext,
  source: { readonly xapi: Xapi; readonly disk: VerifiedDisk },
  target: { readonly xapi: Xapi; readonly disk: VerifiedDisk },
  onProgress: OnProgress,
): Promise<VerifyReport> {
  const started = performance.now()
  let done = 0
  const both = [source, target].map(async ({ xapi, disk }) => {
    const hash = createHash('sha256')
    const regions = createContentDigest()
    // The target may be larger where its storage rounds; what the source has not can only be zero and is not compared.
    await readOrdered(context, xapi, disk, [{ offset: 0, length: source.disk.size }], (offset, data) => {
      hash.update(data)
      regions.add(offset, data)
      done += data.length
      onProgress(done, 2 * source.disk.size)
    })
    return { hash: hash.digest('hex'), regions }
  })
  const [from, to] = (await Promise.all(both)) as [
    { hash: string; regions: ReturnType<typeof createContentDigest> },
    { hash: string; regions: ReturnType<typeof createContentDigest> },
  ]
  if (from.hash !== to.hash) throw differs(from.regions.firstDifference(to.regions))
  return {
    mode: 'full',
    bytes: source.disk.size,
    hash: 'sha256',
    source: from.hash,
    target: to.hash,
    equal: true,
    seconds: (performance.now() - started) / 1000,
  }
}

const differs = (near: number | undefined) =>
  new Failure(
    'VERIFY_DIFFERS',
    `the replica's disk does not read back what was sent${near === undefined ? '' : ` (first difference in the 64 MiB from byte ${near})`}`,
    'no restore point was made of it; the last one is untouched. Check the target storage, then run again',
  )

/**
 * Gives the bytes of the extents in ascending order, in pieces that never cross a multiple of 64 KiB unevenly: over NBD, or from a raw
 * export where there is none. Waits while another transfer still holds the disk.
 */
async function readOrdered(
  context: ReadContext,
  xapi: Xapi,
  disk: VerifiedDisk,
  extents: readonly Extent[],
  take: (offset: number, data: Buffer) => void,
): Promise<void> {
  if (extents.length === 0) return
  const { signal } = context
  let pool: Awaited<ReturnType<typeof connectDisk>>
  try {
    pool = await whenDetached(xapi, disk.ref, signal, () => connectDisk(xapi, disk.ref, disk.size, totalLength(extents), signal))
  } catch (error) {
    if (!(error instanceof NbdError || error instanceof XapiError)) throw error
    return readExport(context, await openRawSource(xapi, disk.ref, disk.size, signal), extents, take)
  }
  try {
    const depth = 8
    const reads: { offset: number; data: Promise<Buffer>; release: () => void }[] = []
    const next = async () => {
      const first = reads.shift()
      if (first === undefined) return
      try {
        take(first.offset, await first.data)
      } finally {
        first.release()
      }
    }
    try {
      for (const { offset, length } of pieces(extents)) {
        // Waiting for memory while holding some could be a deadlock among disks: what we hold is given back first.
        while (reads.length >= depth || (reads.length > 0 && context.budget.used + length > context.budget.total)) await next()
        const release = await context.budget.take(length, signal)
        const data = pool.read(offset, length)
        data.catch(() => undefined)
        reads.push({ offset, data, release })
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
  take: (offset: number, data: Buffer) => void,
): Promise<void> {
  try {
    let current = 0
    // Pieces of an extent are gathered up to a granule's end, since the stream is cut anywhere.
    let held: { offset: number; parts: Buffer[]; length: number } | undefined
    for await (const block of source.blocks(context)) {
      const end = block.offset + block.data.length
      for (let extent = extents[current]; extent !== undefined && extent.offset < end; extent = extents[current]) {
        const from = Math.max(extent.offset, block.offset)
        const to = Math.min(extent.offset + extent.length, end)
        if (from < to) held = gather(held, from, Buffer.from(block.data.subarray(from - block.offset, to - block.offset)))
        if (to < extent.offset + extent.length) break
        if (held !== undefined) take(held.offset, Buffer.concat(held.parts))
        held = undefined
        current++
      }
      if (held !== undefined && held.length >= READ_BYTES) {
        const all = Buffer.concat(held.parts)
        const whole = all.length - ((held.offset + all.length) % DIGEST_GRANULE)
        if (whole > 0) take(held.offset, all.subarray(0, whole))
        held =
          whole === all.length
            ? undefined
            : {
                offset: held.offset + Math.max(whole, 0),
                parts: [all.subarray(Math.max(whole, 0))],
                length: all.length - Math.max(whole, 0),
              }
      }
      block.release()
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
