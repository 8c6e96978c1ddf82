/**
 * What an export holds of a disk, by what backs the disk. VHDs tell their blocks; of anything else `vhd` finds the blocks that are not zero
 * (behaviour of vhd-tool without a VHD chain), and a qcow2 image tells its clusters when it is exported as qcow2
 * (ocaml/xapi/qcow_tool_wrapper.ml), while other disks are searched for clusters that are not zero.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Extent } from '../../block/block.ts'
import { isZero } from '../../block/zeroes.ts'
import { BLOCK_SIZE } from '../../vhd/plan-vhd.ts'
import { type Disk, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import type { ImageFormat } from '../storage/image-formats.ts'
import { formatOf } from '../storage/images.ts'
import { StorageManager } from '../storage/manager.ts'

const CLUSTER = 64 * 1024

export function backingOf(pool: LabPool, vdi: Refstring): ImageFormat {
  return pool.storage instanceof StorageManager ? formatOf(pool.storage.imageOf(vdi)) : 'vhd'
}

/** Differences are found by comparing the chains of two VHDs: with another backing there is nothing to compare. */
export function assertComparable(pool: LabPool, vdi: Refstring, base: Refstring): void {
  if (backingOf(pool, vdi) === 'vhd' && backingOf(pool, base) === 'vhd') return
  throw new XapiFailure('INTERNAL_ERROR', ['base_vdi is not backed by a VHD'])
}

/** Indices of the blocks of 2 MiB that hold something other than zero. */
export async function blocksWithData(disk: Disk): Promise<number[]> {
  const blocks = new Set<number>()
  for await (const { offset } of clustersWithData(disk)) blocks.add(Math.floor(offset / BLOCK_SIZE))
  return [...blocks]
}

/** Clusters of 64 KiB of an export as qcow2, ascending: allocated ones of a qcow2 image, else those with data. */
export async function qcow2Extents(pool: LabPool, vdi: Refstring, disk: Disk): Promise<Extent[]> {
  if (backingOf(pool, vdi) === 'qcow2') return [...disk.allocatedExtents()]
  const out: Extent[] = []
  for await (const extent of clustersWithData(disk)) out.push(extent)
  return out
}

/** Clusters that differ between two disks, as `--diff` of qcow2-to-stdout.py finds them: by comparing what both hold. */
export async function qcow2Differences(disk: Disk, base: Disk): Promise<Extent[]> {
  const out: Extent[] = []
  const seen = new Set<number>()
  for (const extents of [disk.allocatedExtents(), base.allocatedExtents()]) {
    for (const { offset, length } of extents) {
      for (let at = offset; at < Math.min(offset + length, disk.size); at += CLUSTER) {
        if (seen.has(at)) continue
        seen.add(at)
        const here = Math.min(CLUSTER, disk.size - at)
        const there = Math.max(0, Math.min(here, base.size - at))
        const data = disk.read(at, here)
        const same = there === here ? data.equals(base.read(at, here)) : false
        if (!same) out.push({ offset: at, length: here })
        if (seen.size % 64 === 0) await turn()
      }
    }
  }
  return out.sort((a, b) => a.offset - b.offset)
}

async function* clustersWithData(disk: Disk): AsyncGenerator<Extent> {
  let looked = 0
  for (const { offset, length } of disk.allocatedExtents()) {
    for (let at = offset; at < offset + length; at += CLUSTER) {
      const here = Math.min(CLUSTER, offset + length - at)
      if (!isZero(disk.read(at, here))) yield { offset: at, length: here }
      looked += 1
      if (looked % 64 === 0) await turn()
    }
  }
}
