/** Finding what changed between two snapshots: change tracking, differencing exports, and tracking without the data. */
import type { Extent } from '../../block/block.ts'
import type { Ref } from '../../xapi/ref.ts'
import { decodeChangedBlocks } from '../block-source.ts'
import { whenDetached } from '../destroy.ts'
import { type Bench, type ScratchDisk, taken, xapiOf } from './bench.ts'
import { type Check, lacking, ok, wrong } from './check.ts'
import { GRANULE, listed, MIB, making, writeRandom } from './scratch-disk.ts'
import { blocksOf, compareExport } from './transfer-checks.ts'

/** Between the snapshots: alone, in a row, sharing a byte of the bitmap unevenly, and the last of the disk. */
const changes = (size: number): readonly Extent[] => [
  { offset: 1 * GRANULE, length: GRANULE },
  { offset: 37 * GRANULE + 4096, length: 512 },
  { offset: 11 * MIB + 3 * GRANULE, length: 6 * GRANULE },
  { offset: size - GRANULE, length: GRANULE },
]

export const enableTracking: Check = {
  id: 'cbt',
  title: 'Change tracking turns on',
  needs: ['write'],
  costs: 'deltas are found by an export of all blocks that changed, 2 MiB each, and snapshots keep their data between runs',
  mend: 'needs storage that tracks changes (VHD-based) and a licence that includes it',
  dispensable: true,
  async run(bench, signal) {
    const { ref } = taken(bench.scratch)
    const xapi = xapiOf(bench)
    await xapi.callAsync('VDI.enable_cbt', [ref], { signal, timeoutMs: 120_000 })
    const on = await xapi.call<boolean>('VDI.get_cbt_enabled', [ref], { signal })
    return on ? ok('on') : lacking(enableTracking, 'the call succeeds, and tracking stays off')
  },
}

export const snapshots: Check = {
  id: 'snapshot',
  title: 'Snapshots of a disk',
  needs: ['write'],
  costs: 'a running VM can’t be read at rest: no replication',
  mend: 'look at the log of the storage on the host (/var/log/SMlog)',
  async run(bench, signal) {
    const disk = taken(bench.scratch)
    const started = performance.now()
    bench.base = await snapshot(bench, disk, signal)
    const seconds = (performance.now() - started) / 1000
    const extents = changes(disk.size)
    await writeRandom(bench, disk, extents, signal)
    bench.top = await snapshot(bench, disk, signal)
    bench.written = extents.flatMap(({ offset, length }) => {
      const first = Math.floor(offset / GRANULE)
      return Array.from({ length: Math.ceil((offset + length) / GRANULE) - first }, (_, nth) => first + nth)
    })
    return ok(`two, with writes between; ${seconds.toFixed(1)} s for the first`, { snapshotSeconds: seconds })
  },
}

async function snapshot(bench: Bench, { ref, size, content }: ScratchDisk, signal: AbortSignal): Promise<ScratchDisk> {
  const xapi = xapiOf(bench)
  const take = (late: AbortSignal) => xapi.callAsync('VDI.snapshot', [ref, {}], { signal: late })
  const made = await whenDetached(xapi, ref, signal, () => making<Ref<'VDI'>>(signal, take))
  return { ref: made, size, content: Buffer.from(content) }
}

export const changedBlocks: Check = {
  id: 'changed-blocks',
  title: 'List of changed blocks',
  needs: ['cbt', 'snapshot'],
  costs: 'deltas are found by an export of all blocks that changed, 2 MiB each',
  mend: 'look at the log of the storage on the host (/var/log/SMlog)',
  dispensable: true,
  run: async (bench, signal) => compareList(bench, signal, 'exactly the granules written'),
}

async function compareList(bench: Bench, signal: AbortSignal, text: string) {
  const xapi = xapiOf(bench)
  const [base, top] = [taken(bench.base), taken(bench.top)]
  const list = () => xapi.callAsync('VDI.list_changed_blocks', [base.ref, top.ref], { signal, timeoutMs: 120_000 })
  const told = await whenDetached(xapi, top.ref, signal, list)
  const problem = judgeList(decodeChangedBlocks(String(told), top.size), taken(bench.written))
  return problem === undefined ? ok(`${text} (${taken(bench.written).length} of 64 KiB)`) : wrong(changedBlocks, problem)
}

/** What is wrong with a bitmap that has to name exactly the granules given; undefined when it is right. */
export function judgeList(bitmap: Buffer, written: readonly number[]): string | undefined {
  const bits = (firstBit: number) =>
    [...bitmap].flatMap((byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (firstBit === 0x80 ? 0x80 >> bit : 1 << bit)).map((bit) => at * 8 + bit),
    )
  const found = bits(0x80)
  const missing = written.filter((granule) => !found.includes(granule))
  const more = found.filter((granule) => !written.includes(granule))
  if (missing.length === 0 && more.length === 0) return undefined
  if (bits(0x01).join() === [...written].sort((a, b) => a - b).join()) return 'its bits are in the wrong order (least significant first)'
  const parts = [
    missing.length > 0 ? `it lacks granules ${listed(missing)}` : '',
    more.length > 0 ? `it has granules that nobody wrote: ${listed(more)}` : '',
  ]
  return parts.filter((part) => part !== '').join('; ')
}

export const vhdDelta: Check = {
  id: 'vhd-delta',
  title: 'VHD export, differencing',
  needs: ['snapshot'],
  costs: 'nothing while change tracking works; without both, every run is a full copy',
  mend: 'only storage that keeps VHDs exports them',
  dispensable: true,
  async run(bench, signal) {
    const [base, top] = [taken(bench.base), taken(bench.top)]
    const blocks = blocksOf(changes(top.size))
    const problem = await compareExport(bench, top, base, blocks, signal)
    return problem === undefined ? ok(`block table and data of ${blocks.length} blocks right`) : wrong(vhdDelta, problem)
  },
}

export const dataDestroy: Check = {
  id: 'data-destroy',
  title: 'Snapshot reduced to its record',
  needs: ['changed-blocks'],
  costs: 'the snapshot of each run keeps its data until the next one: space on the source',
  mend: 'look at the log of the storage on the host (/var/log/SMlog)',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const { ref } = taken(bench.base)
    await whenDetached(xapi, ref, signal, () => xapi.call('VDI.data_destroy', [ref], { signal, timeoutMs: 120_000 }))
    const type = await xapi.call<string>('VDI.get_type', [ref], { signal })
    if (type !== 'cbt_metadata') return lacking(dataDestroy, `the call succeeds, and the snapshot is still of type ${type}`)
    return compareList(bench, signal, 'without its data the list is the same')
  },
}

export const diskClone: Check = {
  id: 'disk-clone',
  title: 'Clone of a snapshot’s disk',
  needs: ['snapshot'],
  costs: 'a replica’s disk that was left half written can’t be replaced by its last restore point: a full copy instead',
  mend: 'look at the log of the storage on the host (/var/log/SMlog)',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const { ref } = taken(bench.top)
    const make = (late: AbortSignal) => xapi.callAsync('VDI.clone', [ref, {}], { signal: late })
    const clone = await whenDetached(xapi, ref, signal, () => making<Ref<'VDI'>>(signal, make))
    const [config, of] = await Promise.all([
      xapi.call<Record<string, string>>('VDI.get_other_config', [clone], { signal }),
      xapi.call<Record<string, string>>('VDI.get_other_config', [ref], { signal }),
    ])
    const lost = Object.keys(of).filter((key) => key.startsWith('understudy:') && config[key] !== of[key])
    return lost.length === 0
      ? ok('made, with the marks of its origin')
      : lacking(diskClone, `the clone lacks ${listed(lost)} of its origin`)
  },
}
