import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Attachment, type Call, type Disk, type Refstring, XapiFailure } from '../pool.ts'
import { BLOCK } from './chain/sector-bits.ts'
import type { StorageManager } from './manager.ts'

const PIECE = 1024 * 1024

/**
 * Carries a disk's data over to another as sparse_dd does (copy_vdi in xen-api ocaml/xapi/sm_fs_ops.ml): zeroes are not written, so
 * what the destination held there stays; with a base only blocks that the two chains don't share. Both are attached to the
 * control domain meanwhile.
 */
export async function copyData(
  manager: StorageManager,
  call: Call,
  from: Refstring,
  to: Refstring,
  base: Refstring | undefined,
): Promise<void> {
  const blocks = base === undefined ? undefined : manager.blocksBetween(base, from)
  const source = await manager.attach(from, 'RO', 'VDI.copy')
  let target: Attachment | undefined
  try {
    target = await manager.attach(to, 'RW', 'VDI.copy')
    const pieces = blocks === undefined ? allocatedPieces(source.disk) : blockPieces(blocks, source.disk.size)
    for (const { offset, length } of pieces) {
      if (call.task?.cancelled) throw new XapiFailure('TASK_CANCELLED', [call.task.ref])
      call.pool.stopping.throwIfAborted()
      const data = source.disk.read(offset, length)
      if (!isZero(data)) target.disk.write(offset, data)
      call.task?.progress(offset / source.disk.size)
      await nextTurn()
    }
  } finally {
    await target?.detach()
    await source.detach()
  }
}

interface Piece {
  readonly offset: number
  readonly length: number
}

function* allocatedPieces(disk: Disk): Iterable<Piece> {
  for (const extent of disk.allocatedExtents()) yield* cut(extent.offset, extent.offset + extent.length)
}

function* blockPieces(blocks: readonly number[], size: number): Iterable<Piece> {
  for (const block of blocks) yield* cut(block * BLOCK, Math.min(size, (block + 1) * BLOCK))
}

function* cut(from: number, to: number): Iterable<Piece> {
  for (let offset = from; offset < to; offset += PIECE) yield { offset, length: Math.min(PIECE, to - offset) }
}

const ZEROES = Buffer.alloc(PIECE)

function isZero(data: Buffer): boolean {
  return data.equals(ZEROES.subarray(0, data.length))
}
