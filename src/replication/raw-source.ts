/** The whole disk by a raw export: the last resort, where neither NBD nor a VHD export is to be had. */
import type { Block, BlockSource, ReadOptions } from '../block/block.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'

const SECTOR = 512

/** A stream that ends before `size` bytes is an error: XAPI tells of failures by ending early. */
export async function openRawSource(xapi: Xapi, vdi: Ref<'VDI'>, size: number, signal: AbortSignal): Promise<BlockSource> {
  const stream = await xapi.exportVdi({ vdi, format: 'raw', signal })
  let bytesRead = 0
  return {
    kind: 'raw-export',
    size,
    expected: size,
    get bytesRead() {
      return bytesRead
    },
    async *blocks({ budget, signal: stop }: ReadOptions): AsyncGenerator<Block> {
      let rest: Buffer = Buffer.alloc(0)
      let offset = 0
      for await (const chunk of stream.chunks) {
        bytesRead += chunk.length
        if (bytesRead > size) throw new Error(`the raw export gave more than the disk's ${size} bytes`)
        const data: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        const whole = data.length - (data.length % SECTOR)
        rest = data.subarray(whole)
        if (whole === 0) continue
        const release = await budget.take(whole, stop)
        yield { offset, data: data.subarray(0, whole), release }
        offset += whole
      }
      if (offset !== size) throw new Error(`the raw export ended after ${offset} of ${size} bytes`)
      await stream.finished()
    },
    close: () => stream.close(),
  }
}
