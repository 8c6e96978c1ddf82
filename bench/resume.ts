/** A first copy that breaks off at 90 %: what the next run still has to carry. */
import type { Extent } from '../src/block/block.ts'
import type { Figure } from './figures.ts'
import { withLab } from './lab-bench.ts'
import { replicate } from './replicate-process.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
/** A block of a VHD: what is allocated and read at once, however little of it is used. */
const VHD_BLOCK = 2 * MiB
const USED = 64 * KiB
/** Segments of a large first copy, one upload each. */
const UPLOADS = 64
const SHARE = 0.9

/**
 * All of the disk's blocks are allocated, so that every byte of it is read and counts; each holds 64 KiB of data, so that the lab need not keep
 * more. The connection of the upload that is at 90 % of the disk is cut.
 */
export async function resume(diskBytes: number): Promise<Figure[]> {
  return withLab(async ({ from, to, makeVm }) => {
    const vm = await makeVm({ disks: 1, size: diskBytes, fill: 0, start: true })
    const extents: Extent[] = Array.from({ length: diskBytes / VHD_BLOCK }, (_, block) => ({ offset: block * VHD_BLOCK, length: USED }))
    const dataBytes = extents.length * USED
    await from.post('/guest/write', { vm: vm.uuid, extents, pattern: { kind: 'random', seed: 'resume' } })
    const passing = Math.floor(SHARE * UPLOADS)
    const at = Math.floor((SHARE * UPLOADS - passing) * (dataBytes / UPLOADS))
    await to.post('/faults', { kind: 'cut', match: { connection: 'import', at }, skip: passing })
    const failed = await replicate({ from, to, vm: vm.uuid }).then(
      () => undefined,
      (error: Error) => error,
    )
    if (failed === undefined) throw new Error('the first copy was not cut')
    const { report, wallSeconds } = await replicate({ from, to, vm: vm.uuid })
    const [disk] = report.disks
    if (disk?.reason.code !== 'resumed') throw new Error(`the copy was not resumed: ${disk?.reason.text}`)
    const what = `first copy of ${diskBytes / GiB} GiB, cut at ${SHARE * 100} %, resumed`
    return [
      { what, figure: 'bytes read by the next run', value: (disk.bytesRead / diskBytes) * 100, unit: '%', limit: 12 },
      { what, figure: 'bytes sent by the next run', value: (disk.bytesSent / dataBytes) * 100, unit: '%', limit: 12 },
      { what, figure: 'wall time of the next run', value: wallSeconds, unit: 's' },
    ]
  })
}
