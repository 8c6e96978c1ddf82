/** The VHDs that XAPI's export gives: whole blocks in ascending order, every bitmap full (xen-api ocaml/libs/vhd/vhd_format/f.ml). */
import { planVhd, type VhdPlan } from './plan-vhd.ts'
import { FULL_BITMAP } from './write-vhd.ts'

export interface VhdExportRequest {
  /** Virtual size in bytes. */
  readonly size: number
  /** Indices of the blocks of 2 MiB to include. */
  readonly blocks: Iterable<number>
  /** Given: a differencing disk. `uuid` is that in the footer of the base's own VHD; `path` is where the host keeps that file. */
  readonly base?: { readonly uuid: string; readonly path: string; readonly modified?: Date }
}

/** Plans an export. Its parent locator names a place whose data is not in the stream, as in XAPI's. */
export function planVhdExport({ size, blocks, base }: VhdExportRequest): VhdPlan {
  return planVhd({
    size,
    blocks,
    ...(base && { parent: { uuid: base.uuid, name: base.path, locator: true, ...(base.modified && { modified: base.modified }) } }),
  })
}

/**
 * The buffers of an export, in order. `read` gives the data of a block, 2 MiB in one or more pieces, which are passed on as they
 * are when the receiver asks for the next: whoever reuses their memory has to know when the receiver is done with them.
 */
export async function* encodeVhdExport(
  plan: VhdPlan,
  read: (block: number) => AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  yield plan.head
  for (const block of plan.blocks) {
    yield FULL_BITMAP
    yield* read(block)
  }
  yield plan.footer
}
