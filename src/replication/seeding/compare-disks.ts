/** Compares two disks on two pools, in part or whole: whether a copy that somebody brought is one. */
import type { Extent } from '../../block/block.ts'
import { createContentDigest, DIGEST_GRANULE } from '../../block/content-digest.ts'
import { clamp, normalise, totalLength } from '../../block/extents.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { sampler } from '../sent-record.ts'
import { allocated, type ReadContext, readOrdered, type VerifiedDisk } from '../verify.ts'

/** Granules of 64 KiB that a sample compares on each disk, besides the first and the last. */
const SEED_SAMPLES = 256

export interface DiskOfPool {
  readonly xapi: Xapi
  readonly disk: VerifiedDisk
}

export interface SampleComparison {
  readonly bytes: number
  /** Undefined: nothing differs. Else a byte near the first difference that was found. */
  readonly differsNear: number | undefined
}

/**
 * Reads the same granules of both: some of those that either side says are allocated, so that what is missing and what is too much are
 * both found. The first and the last granule always: partition tables are there.
 * @param seed the same for the same choice of granules
 */
export async function compareSamples(
  context: ReadContext,
  source: DiskOfPool,
  target: DiskOfPool,
  seed: string,
  onProgress: (bytesDone: number, bytesExpected: number) => void,
): Promise<SampleComparison> {
  const { size } = source.disk
  const [ofSource, ofTarget] = await Promise.all([
    allocated(context, source.xapi, source.disk),
    allocated(context, target.xapi, target.disk),
  ])
  const extents = sampleOf(clamp(normalise([...ofSource, ...ofTarget]), size), size, seed)
  const expected = totalLength(extents)
  let done = 0
  const digestOf = async ({ xapi, disk }: DiskOfPool) => {
    const digest = createContentDigest()
    await readOrdered(context, xapi, disk, extents, (offset, data) => {
      digest.add(offset, data)
      done += data.length
      onProgress(done, 2 * expected)
    })
    return digest
  }
  const [from, to] = await Promise.all([digestOf(source), digestOf(target)])
  const equal = from.hex() === to.hex() && from.bytes === to.bytes
  return { bytes: expected, differsNear: equal ? undefined : (from.firstDifference(to) ?? 0) }
}

/** Granules of the extents that a sample takes, ascending. */
export function sampleOf(extents: readonly Extent[], size: number, seed: string): Extent[] {
  const last = Math.max(0, Math.ceil(size / DIGEST_GRANULE) - 1)
  const wanted = sampler(Math.ceil(totalLength(extents) / DIGEST_GRANULE), SEED_SAMPLES, seed)
  const chosen = new Set<number>([0, last])
  for (const { offset, length } of extents) {
    const end = Math.ceil((offset + length) / DIGEST_GRANULE)
    for (let granule = Math.floor(offset / DIGEST_GRANULE); granule < end; granule++) if (wanted(granule)) chosen.add(granule)
  }
  return [...chosen]
    .sort((a, b) => a - b)
    .map((granule) => ({ offset: granule * DIGEST_GRANULE, length: Math.min(DIGEST_GRANULE, size - granule * DIGEST_GRANULE) }))
}
