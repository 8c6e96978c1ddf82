/** What exports put on the wire (xen-api ocaml/xapi/export_raw_vdi.ml, ocaml/libs/vhd/vhd_format/f.ml). */
import { setImmediate as turn } from 'node:timers/promises'
import { encodeVhdExport, planVhdExport, type VhdExportRequest } from '../../vhd/export-vhd.ts'
import { BLOCK_SIZE } from '../../vhd/plan-vhd.ts'
import type { BulkRequest, Disk } from '../pool.ts'
import type { PercentReport } from './percent.ts'
import { ToolFailure } from './tool-input.ts'

const PIECE_BYTES = 1 << 20
const ZEROES = Buffer.alloc(PIECE_BYTES)

/** The receiver hanging up makes the tool fail. */
async function send(request: BulkRequest, data: Buffer): Promise<void> {
  try {
    await request.write(data)
  } catch {
    throw new ToolFailure('the other side is gone')
  }
}

/** Bytes of a disk in pieces of 1 MiB, holes as shared zeroes. */
function* pieces(disk: Disk, offset: number, end: number): Generator<Buffer> {
  for (let at = offset; at < end; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, end - at)
    yield disk.holdsData(at, length) ? disk.read(at, length) : ZEROES.subarray(0, length)
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
  for (let at = 0; at < disk.size; at += BLOCK_SIZE) {
    const end = Math.min(disk.size, at + BLOCK_SIZE)
    const hidden = included && !included.has(at / BLOCK_SIZE)
    for (const piece of hidden ? zeroes(end - at) : pieces(disk, at, end)) {
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
  let sent = 0
  for await (const part of encodeVhdExport(plan, (block) => wholeBlock(disk, block))) {
    await send(request, part)
    sent += part.length
    report(sent, plan.length)
    await turn()
  }
}

/** A block is 2 MiB also where the disk ends inside it. */
function* wholeBlock(disk: Disk, block: number): Generator<Buffer> {
  const begin = block * BLOCK_SIZE
  const end = Math.min(disk.size, begin + BLOCK_SIZE)
  yield* pieces(disk, begin, end)
  if (end < begin + BLOCK_SIZE) yield* zeroes(begin + BLOCK_SIZE - end)
}
