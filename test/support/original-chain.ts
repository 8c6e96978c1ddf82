/**
 * Replication chains as Xen Orchestra leaves them on two pools, made through XAPI by the steps that its sources show
 * (@xen-orchestra/backups: IncrementalXapi, IncrementalXapiWriter, _otherConfig): nothing of it is run or copied.
 */
import { FRAME_MAX_BYTES } from '../../src/block/chunked-frame.ts'
import { formatDatetime, formatNameDate } from '../../src/core/marks.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { exported, frame, imported } from './faulty-pool.ts'
import { type Chain, type MadeVm, withXapi } from './replicating.ts'

const BLOCKED = 'Start operation for this vm is blocked, clone it if you want to use it.'
/** What the original takes off a live VM and its disks; `xo:backup:sr` stays. */
const RESET = ['datetime', 'deltaChainLength', 'exported', 'job', 'schedule', 'vm', 'contentKey', 'includeNonNbdQcow2Fix']
  .map((key) => `xo:backup:${key}`)
  .concat('xo:copy_of')

export interface OriginalJob {
  readonly job: string
  readonly schedule: string
  /** `snapshots`: from version 6.3, one VM whose snapshots are the restore points. `vms`: before, one VM for each run. */
  readonly layout: 'snapshots' | 'vms'
  /** Whether the job reads over NBD with change tracking. */
  readonly cbt: boolean
  /** Whether it destroys the data of its source snapshots (needs `cbt`). */
  readonly purge?: boolean
  /** Restore points and source snapshots that it keeps; default 1 of these, and all of those. */
  readonly sourceRetention?: number
}

export interface OriginalRun {
  /** The restore point: a snapshot, or a VM by itself. */
  readonly point: string
  /** The VM that is not a snapshot. */
  readonly vm: string
  readonly sourceSnapshot: string
  /** By userdevice: uuid of the source snapshot's disk. */
  readonly bases: Readonly<Record<string, string>>
}

interface CopyDisk {
  readonly ref: Ref<'VDI'>
  readonly userdevice: string
}

/** Sets keys one by one, as the original's client does: removed first, then added. */
export async function setKeys(xapi: Xapi, className: 'VM' | 'VDI', ref: string, keys: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, value] of Object.entries(keys)) {
    await xapi.call(`${className}.remove_from_other_config`, [ref, key])
    await xapi.call(`${className}.add_to_other_config`, [ref, key, value])
  }
}

/** Disks of a VM as the pool tells them, by position. */
export async function attachedDisks(
  xapi: Xapi,
  vm: Ref<'VM'>,
): Promise<{ userdevice: string; ref: Ref<'VDI'>; record: RecordOf['VDI'] }[]> {
  const { VBDs } = await xapi.record('VM', vm)
  const vbds = (await Promise.all(VBDs.map((vbd) => xapi.record('VBD', vbd)))).filter(({ type, empty }) => type === 'Disk' && !empty)
  return Promise.all(vbds.map(async ({ userdevice, VDI }) => ({ userdevice, ref: VDI, record: await xapi.record('VDI', VDI) })))
}

/** Writes every byte of a disk as it is in the other pool. */
export async function copyDisk(from: Xapi, disk: Ref<'VDI'>, to: Xapi, copy: Ref<'VDI'>): Promise<void> {
  const bytes = await exported(from, disk)
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; at += FRAME_MAX_BYTES) frames.push(frame(at, bytes.subarray(at, at + FRAME_MAX_BYTES)))
  await imported(to, copy, ...frames)
}

/** A chain of the original that grows by `run`. Times of its runs are an hour apart, the last of them in the past. */
export function originalChain(chain: Chain, vm: MadeVm, job: OriginalJob) {
  const began = Date.now() - 48 * 3_600_000
  let count = 0
  let live: Ref<'VM'> | undefined
  let disks: CopyDisk[] = []
  const sourceSnapshots: { vm: Ref<'VM'> | undefined; disks: Ref<'VDI'>[] }[] = []

  const keysOf = (time: number) => ({
    'xo:backup:datetime': formatDatetime(time),
    'xo:backup:job': job.job,
    'xo:backup:schedule': job.schedule,
    'xo:backup:vm': chain.vm,
    ...(job.layout === 'snapshots' ? { 'xo:backup:includeNonNbdQcow2Fix': 'true' } : {}),
  })

  async function snapshotSource(source: Xapi, time: number) {
    const of = await source.byUuid('VM', vm.uuid)
    if (job.cbt) for (const { ref } of await attachedDisks(source, of)) await source.callAsync('VDI.enable_cbt', [ref])
    const ref = (await source.callAsync('VM.snapshot', [of, 'xo-backup-temp-snapshot-name'])) as Ref<'VM'>
    await source.call('VM.set_is_a_template', [ref, false])
    const found = await attachedDisks(source, ref)
    await setKeys(source, 'VM', ref, keysOf(time))
    for (const { ref: disk, record } of found) {
      // Content keys came with the newer layout.
      const key = job.layout === 'snapshots' ? { 'xo:backup:contentKey': record.uuid } : {}
      await setKeys(source, 'VDI', disk, { ...keysOf(time), ...key })
    }
    await source.call('VM.set_name_label', [ref, `[XO Backup ${job.job}] source`])
    return { ref, record: await source.record('VM', ref), disks: found }
  }

  async function makeVm(target: Xapi, source: RecordOf['VM'], name: string): Promise<Ref<'VM'>> {
    const { memory_static_min, memory_static_max, memory_dynamic_min, memory_dynamic_max } = source
    const memory = { memory_static_min, memory_static_max, memory_dynamic_min, memory_dynamic_max }
    const { VCPUs_max, VCPUs_at_startup, platform, HVM_boot_policy, HVM_boot_params, other_config } = source
    const record = {
      ...{ ...memory, VCPUs_max, VCPUs_at_startup, platform, HVM_boot_policy, HVM_boot_params, other_config },
      ...{ name_label: `[Importing…] ${name}`, name_description: '', is_a_template: false, affinity: 'OpaqueRef:NULL', user_version: 1 },
      ...{ VCPUs_params: {}, actions_after_shutdown: 'destroy', actions_after_reboot: 'restart', actions_after_crash: 'restart' },
      ...{ PV_bootloader: '', PV_kernel: '', PV_ramdisk: '', PV_args: '', PV_bootloader_args: '', PV_legacy_args: '' },
      ...{ PCI_bus: '', recommendations: '', ha_always_run: false, ha_restart_priority: '', tags: ['Continuous Replication'] },
    }
    const ref = await target.call<Ref<'VM'>>('VM.create', [record])
    for (const operation of ['start', 'start_on']) await target.call('VM.add_to_blocked_operations', [ref, operation, BLOCKED])
    return ref
  }

  async function attach(target: Xapi, to: Ref<'VM'>, disk: Ref<'VDI'>, userdevice: string): Promise<void> {
    const record = {
      ...{ VM: to, VDI: disk, userdevice, bootable: userdevice === '0', mode: 'RW', type: 'Disk', empty: false, unpluggable: true },
      ...{ other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} },
    }
    await target.call('VBD.create', [record])
  }

  const newDisk = (target: Xapi, sr: string, size: number) =>
    target.callAsync('VDI.create', [
      {
        ...{ name_label: 'disk', name_description: '', SR: sr, virtual_size: size, type: 'user' },
        ...{ sharable: false, read_only: false, other_config: {} },
      },
    ]) as Promise<Ref<'VDI'>>

  return {
    /** Names the VM that a later run writes to, when another product has replaced its disks in between. */
    async continueOn(uuid: string): Promise<void> {
      await withXapi(chain.target, async (target) => {
        live = await target.byUuid('VM', uuid)
        disks = await attachedDisks(target, live)
      })
    },
    /** One run, as complete as the original's own. `time`: default an hour after the run before. */
    run: (time = began + count * 3_600_000): Promise<OriginalRun> =>
      withXapi(chain.source, (source) =>
        withXapi(chain.target, async (target) => {
          count++
          const snapshot = await snapshotSource(source, time)
          const sr = await target.byUuid('SR', chain.sr)
          const name = job.layout === 'vms' ? `source - ${job.job} - (${formatNameDate(time)})` : 'source'
          const reuse = job.layout === 'snapshots' ? live : undefined
          const made = reuse ?? (await makeVm(target, snapshot.record, name))
          const next: CopyDisk[] = []
          for (const { userdevice, ref, record } of snapshot.disks) {
            const before = disks.find((disk) => disk.userdevice === userdevice)
            const copy =
              before === undefined
                ? await newDisk(target, sr, record.virtual_size)
                : reuse === undefined
                  ? ((await target.callAsync('VDI.clone', [before.ref, {}])) as Ref<'VDI'>)
                  : before.ref
            if (before === undefined || reuse === undefined) await attach(target, made, copy, userdevice)
            await copyDisk(source, ref, target, copy)
            const key = job.layout === 'snapshots' ? { 'xo:backup:contentKey': record.uuid } : {}
            await setKeys(target, 'VDI', copy, { ...keysOf(time), ...key, 'xo:copy_of': record.uuid, 'xo:backup:sr': chain.sr })
            next.push({ ref: copy, userdevice })
          }
          await setKeys(target, 'VM', made, { ...keysOf(time), 'xo:copy_of': snapshot.record.uuid, 'xo:backup:sr': chain.sr })
          await target.call('VM.set_name_label', [made, name])
          let point = made
          if (job.layout === 'snapshots') {
            const label = `source - ${job.job} / ${job.schedule} ${formatNameDate(time)}`
            point = (await target.callAsync('VM.snapshot', [made, label])) as Ref<'VM'>
            await target.call('VM.set_is_a_template', [point, false])
            for (const key of RESET) {
              await target.call('VM.remove_from_other_config', [made, key])
              for (const { ref } of next) await target.call('VDI.remove_from_other_config', [ref, key])
            }
          }
          live = made
          disks = next
          const done = { 'xo:backup:deltaChainLength': String(count - 1), 'xo:backup:exported': 'true' }
          await setKeys(source, 'VM', snapshot.ref, done)
          for (const { ref } of snapshot.disks) await setKeys(source, 'VDI', ref, done)
          if (job.purge === true) {
            await source.call('VM.destroy', [snapshot.ref])
            for (const { ref } of snapshot.disks) await source.callAsync('VDI.data_destroy', [ref])
          }
          sourceSnapshots.push({ vm: job.purge === true ? undefined : snapshot.ref, disks: snapshot.disks.map(({ ref }) => ref) })
          while (sourceSnapshots.length > (job.sourceRetention ?? 1)) {
            const old = sourceSnapshots.shift()
            for (const ref of old?.disks ?? []) await source.callAsync('VDI.destroy', [ref]).catch(() => undefined)
            if (old?.vm !== undefined) await source.call('VM.destroy', [old.vm])
          }
          return {
            point: (await target.record('VM', point)).uuid,
            vm: (await target.record('VM', made)).uuid,
            sourceSnapshot: snapshot.record.uuid,
            bases: Object.fromEntries(snapshot.disks.map(({ userdevice, record }) => [userdevice, record.uuid])),
          }
        }),
      ),
  }
}
