/** Disk streams: what is written by an import is what an export reads, byte for byte. */

import { randomFillSync } from 'node:crypto'
import type { Extent } from '../../block/block.ts'
import { extentsOfBlocks } from '../../block/extents.ts'
import { readVhd } from '../../vhd/read-vhd.ts'
import { whenDetached } from '../destroy.ts'
import { openVhdSink } from '../sinks.ts'
import { type Bench, type ScratchDisk, taken, xapiOf } from './bench.ts'
import { type Check, lacking, ok, wrong } from './check.ts'
import { createScratchDisk, firstDifference, GRANULE, KIB, listed, MIB, readBack, readRaw, VHD_BLOCK, writeRandom } from './scratch-disk.ts'

/** Granules of several lengths, off the blocks' boundaries and across them; a second import overwrites a part of the first. */
const FIRST: readonly Extent[] = [
  { offset: 0, length: GRANULE },
  { offset: 3 * GRANULE, length: 3 * GRANULE },
  { offset: VHD_BLOCK - 4 * KIB, length: 8 * KIB },
  { offset: 9 * MIB + 512, length: 512 },
  { offset: 20 * MIB + 7 * GRANULE, length: 4 * MIB },
]
const SECOND: readonly Extent[] = [
  { offset: 4 * GRANULE, length: GRANULE },
  { offset: 13 * MIB, length: 5 * GRANULE },
  { offset: 31 * MIB + 15 * GRANULE, length: GRANULE },
]

export const chunkedImport: Check = {
  id: 'chunked-import',
  title: 'Chunked import, read back',
  needs: ['disk'],
  costs: 'writing falls back to VHD streams: 2 MiB for every changed 64 KiB, and no resuming inside a disk',
  mend: 'look at the log of the host (/var/log/xensource.log) for import_raw_vdi',
  dispensable: true,
  async run(bench, signal) {
    const disk = taken(bench.scratch)
    const started = performance.now()
    await writeRandom(bench, disk, FIRST, signal)
    const seconds = (performance.now() - started) / 1000
    await writeRandom(bench, disk, SECOND, signal)
    const { content, by } = await readBack(bench, disk.ref, disk.size, signal)
    const at = firstDifference(disk.content, content)
    if (at !== undefined) return wrong(chunkedImport, `what was written is not what ${by} reads, from byte ${at} on`)
    bench.writesBy = 'chunked'
    const pieces = FIRST.length + SECOND.length
    return ok(`${pieces} unaligned pieces in two imports, equal; ${seconds.toFixed(1)} s for the first`, { importSeconds: seconds })
  },
}

export const rawExport: Check = {
  id: 'raw-export',
  title: 'Raw export',
  needs: ['write'],
  costs: 'one way less to read a disk where NBD and VHD exports fail',
  mend: 'look at the log of the host (/var/log/xensource.log) for export_raw_vdi',
  dispensable: true,
  async run(bench, signal) {
    const disk = taken(bench.scratch)
    const at = firstDifference(disk.content, await readRaw(bench, disk.ref, disk.size, signal))
    return at === undefined ? ok(`${disk.size / MIB} MiB, equal`) : wrong(rawExport, `differs from what was written, from byte ${at} on`)
  },
}

export const vhdImport: Check = {
  id: 'vhd-import',
  title: 'VHD import (the fallback)',
  needs: ['disk'],
  costs: 'nothing while the chunked import works; without both, nothing can be written',
  mend: 'look at the log of the host (/var/log/xensource.log) for import_raw_vdi',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const ref = await createScratchDisk(bench, 'disk for a VHD', 8 * MIB, signal)
    const size = await xapi.call<number>('VDI.get_virtual_size', [ref], { signal })
    const content = Buffer.alloc(size)
    const extents = [
      { offset: GRANULE, length: 2 * GRANULE },
      { offset: VHD_BLOCK + 512, length: VHD_BLOCK },
      { offset: size - GRANULE, length: GRANULE },
    ]
    const sink = await openVhdSink(xapi, ref, { size, extents }, signal)
    try {
      for (const { offset, length } of extents) {
        const data = randomFillSync(content.subarray(offset, offset + length))
        await sink.write(offset, data)
      }
      await sink.finish()
    } catch (error) {
      await sink.abort(error)
      throw error
    }
    const { content: found, by } = await readBack(bench, ref, size, signal)
    const at = firstDifference(content, found)
    if (at === undefined) bench.writesBy ??= 'vhd'
    return at === undefined
      ? ok('sectors by their bitmaps, equal')
      : wrong(vhdImport, `what was written is not what ${by} reads, from byte ${at} on`)
  },
}

export const write: Check = {
  id: 'write',
  title: 'Writes by one of both imports',
  needs: ['disk'],
  costs: 'nothing can be written: no replication to this storage, and nothing below can be tried',
  mend: 'see the two checks above',
  async run(bench, signal) {
    if (bench.writesBy === undefined) return lacking(write, 'neither import works')
    if (bench.writesBy === 'chunked') return ok('the chunked import')
    // Another disk: who knows where the import that failed has put what it was given.
    const { size } = taken(bench.scratch)
    const disk = { ref: await createScratchDisk(bench, 'disk written by VHD imports', size, signal), size, content: Buffer.alloc(size) }
    bench.scratch = disk
    for (const extents of [FIRST, SECOND]) await writeRandom(bench, disk, extents, signal)
    return ok('the VHD import')
  },
}

export const vhdExport: Check = {
  id: 'vhd-export',
  title: 'VHD export, whole',
  needs: ['write'],
  costs: 'what is allocated is not known: a first copy reads every byte of the disk',
  mend: 'only storage that keeps VHDs exports them; elsewhere the raw disk is read',
  dispensable: true,
  async run(bench, signal) {
    const disk = taken(bench.scratch)
    const blocks = blocksOf([...FIRST, ...SECOND])
    const problem = await compareExport(bench, disk, undefined, blocks, signal)
    return problem === undefined ? ok(`block table and data of ${blocks.length} blocks right`) : wrong(vhdExport, problem)
  },
}

export function blocksOf(extents: readonly Extent[]): number[] {
  const blocks = new Set<number>()
  for (const { offset, length } of extents) {
    for (let block = Math.floor(offset / VHD_BLOCK); block * VHD_BLOCK < offset + length; block++) blocks.add(block)
  }
  return [...blocks].sort((a, b) => a - b)
}

/**
 * Reads a VHD export whole and says what is wrong with it: blocks that must be in it and are not, bytes that differ. More blocks than
 * were written are no mistake: a storage may allocate in larger pieces.
 */
export async function compareExport(
  bench: Bench,
  disk: ScratchDisk,
  base: ScratchDisk | undefined,
  wanted: readonly number[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const xapi = xapiOf(bench)
  const request = { vdi: disk.ref, format: 'vhd', signal, ...(base === undefined ? {} : { base: base.ref }) } as const
  const stream = await whenDetached(xapi, disk.ref, signal, () => xapi.exportVdi(request))
  try {
    const vhd = await readVhd(stream.chunks)
    const kind = base === undefined ? 'dynamic' : 'differencing'
    if (vhd.kind !== kind) return `the export is ${vhd.kind}, not ${kind}`
    if (vhd.size !== disk.size) return `the export has ${vhd.size} bytes, the disk ${disk.size}`
    const missing = wanted.filter((block) => !vhd.allocatedBlocks.includes(block))
    if (missing.length > 0) return `the block table lacks ${listed(missing)}, which were written`
    // What the table leaves out is zero, or for a delta the base's.
    const found = base === undefined ? Buffer.alloc(disk.size) : Buffer.from(base.content)
    for await (const { offset, data } of vhd.blocks()) data.copy(found, offset)
    await stream.finished()
    const at = firstDifference(disk.content, found)
    if (at === undefined) return undefined
    const inside = extentsOfBlocks(vhd.allocatedBlocks, vhd.blockSize, vhd.size).some(
      ({ offset, length }) => at >= offset && at < offset + length,
    )
    return `byte ${at} differs, ${inside ? 'inside a block of the export' : 'in a block that the export leaves out'}`
  } finally {
    await stream.close()
  }
}
