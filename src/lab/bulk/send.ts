/** What exports put on the wire (xen-api ocaml/xapi/export_raw_vdi.ml, ocaml/libs/vhd/vhd_format/f.ml). */
import { setImmediate as turn } from 'node:timers/promises'
import type { Extent } from '../../block/block.ts'
import { planQcow2Export } from '../../qcow2/export-qcow2.ts'
import { encodeVhdExport, planVhdExport, type VhdExportRequest } from '../../vhd/export-vhd.ts'
import { BLOCK_SIZE } from '../../vhd/plan-vhd.ts'
import type { BulkRequest, Disk } from '../pool.ts'
import type { PercentReport } from './percent.ts'
import { ToolFailure } from './tool-input.ts'

/** Bytes read and sent at once: what has just been read is still in the processor's cache when it is encrypted. */
const PIECE_BYTES = 256 << 10
const ZEROES = Buffer.alloc(PIECE_BYTES)

/**
 * Reads a disk piece by piece into the same few buffers. `BulkRequest.write` waits for room, which leaves less than a piece
 * unsent, so that memory read two pieces ago is free again.
 */
class PieceReader {
  readonly #disk: Disk
  readonly #buffers = Array.from({ length: 4 }, () => Buffer.allocUnsafeSlow(PIECE_BYTES))
  #turn = 0

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Bytes `[offset, end)` of the disk; holes as shared zeroes. */
  *pieces(offset: number, end: number): Generator<Buffer> {
    for (let at = offset; at < end; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, end - at)
      if (!this.#disk.holdsData(at, length)) {
        yield ZEROES.subarray(0, length)
        continue
      }
      const buffer = (this.#buffers[this.#turn++ % this.#buffers.length] as Buffer).subarray(0, length)
      this.#disk.readInto(buffer, at)
      yield buffer
    }
  }
}

/** The receiver hanging up makes the tool fail. */
async function send(request: BulkRequest, data: Buffer): Promise<void> {
  try {
    await request.write(data)
  } catch {
    throw new ToolFailure('the other side is gone')
  }
}

/**
 * Sends the disk from its first byte to its last. With `blocks` (indices of 2 MiB) only these hold their data, and all others come
 * as zeroes: what XAPI makes of a raw export with a base.
 */
export async function sendRaw(
  request: BulkRequest,
  disk: Disk,
  blocks: readonly number[] | undefined,
  report: PercentReport,
): Promise<void> {
  const included = blocks && new Set(blocks)
  const reader = new PieceReader(disk)
  for (let at = 0; at < disk.size; at += BLOCK_SIZE) {
    const end = Math.min(disk.size, at + BLOCK_SIZE)
    const hidden = included && !included.has(at / BLOCK_SIZE)
    for (const piece of hidden ? zeroes(end - at) : reader.pieces(at, end)) {
      await send(request, piece)
      // A socket that takes everything at once must not keep everyone else waiting.
      await turn()
    }
    report(end, disk.size)
  }
}

function* zeroes(length: number): Generator<Buffer> {
  for (let at = 0; at < length; at += PIECE_BYTES) yield ZEROES.subarray(0, Math.min(PIECE_BYTES, length - at))
}

/** Sends the disk as a VHD of the blocks asked for: dynamic, or with a base differencing. */
export async function sendVhd(request: BulkRequest, disk: Disk, wanted: VhdExportRequest, report: PercentReport): Promise<void> {
  const plan = planVhdExport(wanted)
  const reader = new PieceReader(disk)
  let sent = 0
  for await (const part of encodeVhdExport(plan, (block) => wholeBlock(reader, disk.size, block))) {
    await send(request, part)
    sent += part.length
    report(sent, plan.length)
    await turn()
  }
}

/** Sends clusters of the disk as a qcow2 image without a backing file, also where they are the differences from another disk. */
export async function sendQcow2(request: BulkRequest, disk: Disk, extents: readonly Extent[], report: PercentReport): Promise<void> {
  const plan = planQcow2Export(disk.size, extents)
  const reader = new PieceReader(disk)
  let sent = 0
  const pass = async (data: Buffer) => {
    await send(request, data)
    sent += data.length
    report(sent, plan.length)
    await turn()
  }
  for (const table of plan.tables()) await pass(table)
  for (const { offset, length } of plan.extents) {
    const end = Math.min(disk.size, offset + length)
    for (const piece of reader.pieces(offset, end)) await pass(piece)
    for (const piece of zeroes(offset + length - end)) await pass(piece)
  }
}

/** A block is 2 MiB also where the disk ends inside it. */
function* wholeBlock(reader: PieceReader, size: number, block: number): Generator<Buffer> {
  const begin = block * BLOCK_SIZE
  const end = Math.min(size, begin + BLOCK_SIZE)
  yield* reader.pieces(begin, end)
  if (end < begin + BLOCK_SIZE) yield* zeroes(begin + BLOCK_SIZE - end)
}
