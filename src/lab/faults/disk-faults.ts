/** A disk as a transfer or xapi-nbd holds it, with a byte that comes out wrong or goes in wrong. */
import type { Extent } from '../../block/block.ts'
import type { Disk } from '../pool.ts'
import type { FaultOf } from './fault.ts'

export interface DiskFaults {
  /** Faults of this disk's bytes that can still strike. */
  corrupting(): readonly FaultOf<'corrupt'>[]
  take(fault: FaultOf<'corrupt'>): boolean
}

/** The disk; bytes that faults name are wrong in what is read, and in what is written before it is stored. */
export function faultyDisk(disk: Disk, faults: DiskFaults): Disk {
  const spoil = (data: Buffer, offset: number) => {
    for (const fault of faults.corrupting()) {
      const at = (fault.match.at ?? 0) - offset
      if (at >= 0 && at < data.length && faults.take(fault)) data[at] = (data[at] as number) ^ fault.xor
    }
  }
  return {
    uuid: disk.uuid,
    get size() {
      return disk.size
    },
    read(offset, length) {
      const data = disk.read(offset, length)
      spoil(data, offset)
      return data
    },
    readInto(target, offset) {
      disk.readInto(target, offset)
      spoil(target, offset)
    },
    write(offset, data) {
      if (faults.corrupting().length === 0) return disk.write(offset, data)
      const copy = Buffer.from(data)
      spoil(copy, offset)
      disk.write(offset, copy)
    },
    zero: (offset, length) => disk.zero(offset, length),
    // A hole that a wrong byte is in has to be read, not passed over.
    holdsData: (offset, length) => disk.holdsData(offset, length) || faults.corrupting().some((fault) => inside(fault, offset, length)),
    allocatedBlocks: () => disk.allocatedBlocks(),
    allocatedExtents: (): Iterable<Extent> => disk.allocatedExtents(),
  }
}

function inside(fault: FaultOf<'corrupt'>, offset: number, length: number): boolean {
  const at = fault.match.at ?? 0
  return at >= offset && at < offset + length
}
