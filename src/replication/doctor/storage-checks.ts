/** The storage itself: there, plugged, with room; makes a disk, grows it, tells of it by events and tasks. */
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { type Bench, taken, xapiOf } from './bench.ts'
import { type Check, lacking, ok, reserve } from './check.ts'
import { scratchConfig } from './scratch.ts'
import { createScratchDisk, MIB, SCRATCH_SIZE } from './scratch-disk.ts'

const GIB = 1024 * MIB

export const storage: Check = {
  id: 'storage',
  title: 'Storage plugged',
  needs: ['login'],
  costs: 'no disk on it can be read or written',
  mend: 'name a storage repository for disks that is plugged (xe sr-list, xe pbd-plug)',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const [srs, pbds, hosts] = await Promise.all([
      xapi.records('SR', { signal }),
      xapi.records('PBD', { signal }),
      xapi.records('host', { signal }),
    ])
    const wanted = await wantedStorage(bench, xapi, signal)
    if (typeof wanted === 'string') return lacking(storage, wanted)
    const ref = wanted.sr ?? [...srs].find(([, { uuid }]) => uuid === bench.pool.sr)?.[0]
    const record = ref && srs.get(ref)
    if (ref === undefined || record === undefined) {
      return lacking(storage, bench.pool.sr === undefined ? 'the pool has no default storage' : `the pool has no storage ${bench.pool.sr}`)
    }
    const called = `"${record.name_label}" (${record.type}, ${record.shared ? 'shared' : 'local'})`
    if (record.content_type === 'iso') return lacking(storage, `${called} holds ISO images, not disks`)
    const plugged = record.PBDs.filter((pbd) => pbds.get(pbd)?.currently_attached)
    if (plugged.length === 0) return lacking(storage, `${called} is not plugged into any host`)
    bench.storage = { ref, record, free: freeOf(record) }
    const expected = record.shared ? hosts.size : 1
    if (plugged.length < expected) {
      const costs = 'transfers that land on a host without it are redirected or fail'
      return reserve(`${called}: plugged into ${plugged.length} of ${hosts.size} hosts`, costs, 'plug it into every host (xe pbd-plug)')
    }
    return ok(called)
  },
}

/** The storage of the VM named, or else the pool's default one; a text: why there is none. */
async function wantedStorage({ pool }: Bench, xapi: Xapi, signal: AbortSignal): Promise<{ readonly sr: Ref<'SR'> | undefined } | string> {
  if (pool.sr !== undefined) return { sr: undefined }
  if (pool.vm === undefined) {
    const found = [...(await xapi.records('pool', { signal })).values()][0]
    return { sr: found?.default_SR }
  }
  const [vms, vbds, vdis] = await Promise.all([
    xapi.records('VM', { signal }),
    xapi.records('VBD', { signal }),
    xapi.records('VDI', { signal }),
  ])
  const vm = [...vms.values()].find(({ uuid }) => uuid === pool.vm)
  if (vm === undefined) return `the pool has no VM ${pool.vm}`
  const first = vm.VBDs.map((ref) => vbds.get(ref))
    .filter((vbd) => vbd?.type === 'Disk' && !vbd.empty)
    .sort((a, b) => Number(a?.userdevice) - Number(b?.userdevice))[0]
  const sr = first && vdis.get(first.VDI)?.SR
  return sr === undefined ? `"${vm.name_label}" has no disk, so it names no storage` : { sr }
}

function freeOf({ physical_size: size, physical_utilisation: used }: RecordOf['SR']): number | undefined {
  return size > 0 ? Math.max(0, size - used) : undefined
}

/** What the checks take at once on a storage that takes the full size of every snapshot, without the disk for throughput. */
const LEAST_FREE = 256 * MIB

export const space: Check = {
  id: 'space',
  title: 'Free space',
  needs: ['storage'],
  costs: 'no disk can be made there: neither the first copy nor a snapshot for a delta',
  mend: 'free space on it, or name another storage',
  async run(bench, signal) {
    const { ref } = taken(bench.storage)
    const xapi = xapiOf(bench)
    // The record is as old as the last scan.
    await xapi.call('SR.scan', [ref], { signal, timeoutMs: 120_000 })
    const record = await xapi.record('SR', ref, { signal })
    const free = freeOf(record)
    bench.storage = { ref, record, free }
    if (free === undefined) return ok('this storage does not tell its size')
    const figures = { freeBytes: free }
    const detail = `${sizeOf(free)} free of ${sizeOf(record.physical_size)}`
    if (free < LEAST_FREE) return { ...lacking(space, `${detail}; the checks need ${sizeOf(LEAST_FREE)}`), figures }
    if (free < record.physical_size / 10) {
      return reserve(detail, 'snapshots and deltas fill it up, and a full storage stops the VMs on it', space.mend, figures)
    }
    return ok(detail, figures)
  },
}

const sizeOf = (bytes: number) => (bytes >= GIB ? `${(bytes / GIB).toFixed(1)} GiB` : `${(bytes / MIB).toFixed(1)} MiB`)

export const disk: Check = {
  id: 'disk',
  title: 'Makes a disk',
  needs: ['space'],
  costs: 'no replica can be made there',
  mend: 'look at the log of the storage on the host (/var/log/SMlog)',
  async run(bench, signal) {
    const started = performance.now()
    const ref = await createScratchDisk(bench, 'disk', SCRATCH_SIZE, signal)
    const seconds = (performance.now() - started) / 1000
    const record = await xapiOf(bench).record('VDI', ref, { signal })
    bench.scratch = { ref, size: record.virtual_size, content: Buffer.alloc(record.virtual_size) }
    const mark = Object.entries(scratchConfig(bench.owner)).every(([key, value]) => record.other_config[key] === value)
    if (!mark) return lacking(disk, 'the disk lacks the marks given as it was made')
    if (record.virtual_size < SCRATCH_SIZE) return lacking(disk, `it has ${record.virtual_size} bytes instead of ${SCRATCH_SIZE}`)
    return ok(`in ${seconds.toFixed(1)} s`, { createSeconds: seconds })
  },
}

export const tasks: Check = {
  id: 'tasks',
  title: 'Tasks: progress and end',
  needs: ['storage'],
  costs: 'Understudy would not notice when a long operation has ended',
  mend: 'restart the toolstack of the master (xe-toolstack-restart)',
  async run(bench, signal) {
    const progress: number[] = []
    const onProgress = (fraction: number) => progress.push(fraction)
    await xapiOf(bench).callAsync('SR.scan', [taken(bench.storage).ref], { signal, timeoutMs: 120_000, onProgress })
    return ok(`progress told: ${progress.length === 0 ? 'none' : progress.join(', ')}; then the end`)
  },
}

export const grow: Check = {
  id: 'grow',
  title: 'Grows a disk',
  needs: ['disk'],
  costs: 'when a disk of the source grows, its replica can’t follow: the run fails, or copies it whole to a new disk',
  mend: 'use a kind of storage whose disks can grow',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const { ref, size } = taken(bench.scratch)
    const wanted = size + 2 * MIB
    await xapi.callAsync('VDI.resize', [ref, wanted], { signal, timeoutMs: 120_000 })
    const now = await xapi.call<number>('VDI.get_virtual_size', [ref], { signal })
    bench.scratch = { ref, size: now, content: Buffer.alloc(now) }
    return now < wanted ? lacking(grow, `the call succeeds, and the disk has ${now} bytes`) : ok('by 2 MiB')
  },
}

const EVENT_ROUNDS = 5
const EVENT_TIMEOUT_MS = 30_000
/** Milliseconds from which waiting on events is slower than it should be. */
const SLOW_EVENT_MS = 1_000

export const events: Check = {
  id: 'events',
  title: 'Events arrive',
  needs: ['disk'],
  costs: 'everything that is waited for takes longer, or is never noticed',
  mend: 'restart the toolstack of the master (xe-toolstack-restart); look for a proxy that cuts long requests',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const { ref } = taken(bench.scratch)
    const times: number[] = []
    for (let round = 0; round < EVENT_ROUNDS; round++) {
      const text = `Made by understudy doctor to try this storage (event ${round})`
      const watching = Promise.withResolvers<void>()
      const told = xapi
        .waitFor(
          'VDI',
          ref,
          (record) => {
            watching.resolve()
            return record?.name_description === text
          },
          { signal, timeoutMs: EVENT_TIMEOUT_MS },
        )
        .then(() => performance.now())
      told.catch(watching.reject)
      await watching.promise
      await xapi.call('VDI.set_name_description', [ref, text], { signal })
      const changed = performance.now()
      times.push(Math.max(0, (await told) - changed))
    }
    const median = times.sort((a, b) => a - b)[Math.floor(EVENT_ROUNDS / 2)] as number
    const detail = `${median.toFixed(0)} ms after the change (median of ${EVENT_ROUNDS})`
    return median <= SLOW_EVENT_MS ? ok(detail, { eventMs: median }) : reserve(detail, events.costs, events.mend, { eventMs: median })
  },
}
