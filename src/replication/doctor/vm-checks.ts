/** A tiny VM, halted and never started: its start must be refused; snapshot and clone of it hold what its disk holds. */
import { MARK, MIGRATION_BLOCKED_PREFIX } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import { NULL_REF, type Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { whenDetached } from '../destroy.ts'
import { type Bench, taken, xapiOf } from './bench.ts'
import { type Check, lacking, ok, reserve, wrong } from './check.ts'
import { scratchConfig, scratchName } from './scratch.ts'
import { firstDifference, listed, MIB, making, readBack } from './scratch-disk.ts'

const REASON = 'This VM was made by understudy doctor and is never started'
const MEMORY = 256 * MIB

/** As a template it can't be started before its start is blocked: creation drops `blocked_operations`. */
const vmRecord = (bench: Bench) => ({
  name_label: scratchName(bench.owner, 'VM'),
  name_description: 'Made by understudy doctor to try this pool; removed by it, or by its next run',
  user_version: 1,
  is_a_template: true,
  affinity: NULL_REF,
  memory_static_min: MEMORY,
  memory_dynamic_min: MEMORY,
  memory_dynamic_max: MEMORY,
  memory_static_max: MEMORY,
  VCPUs_params: {},
  VCPUs_max: 1,
  VCPUs_at_startup: 1,
  actions_after_shutdown: 'destroy',
  actions_after_reboot: 'restart',
  actions_after_crash: 'destroy',
  PV_bootloader: '',
  PV_kernel: '',
  PV_ramdisk: '',
  PV_args: '',
  PV_bootloader_args: '',
  PV_legacy_args: '',
  HVM_boot_policy: 'BIOS order',
  HVM_boot_params: { order: 'c' },
  platform: {},
  PCI_bus: '',
  recommendations: '',
  has_vendor_device: false,
  other_config: scratchConfig(bench.owner),
})

export const makeVm: Check = {
  id: 'vm',
  title: 'Makes a VM',
  needs: ['write'],
  costs: 'no replica can be made on this pool',
  mend: 'use an account of the role pool-admin or pool-operator; see the error for the rest',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const vm = await making<Ref<'VM'>>(signal, (late) => xapi.call('VM.create', [vmRecord(bench)], { signal: late }))
    await xapi.call('VM.set_blocked_operations', [vm, { start: REASON, start_on: REASON }], { signal })
    await xapi.call('VM.set_is_a_template', [vm, false], { signal })
    const vbd = {
      VM: vm,
      VDI: taken(bench.scratch).ref,
      userdevice: '0',
      bootable: true,
      mode: 'RW',
      type: 'Disk',
      empty: false,
      unpluggable: true,
      other_config: {},
      qos_algorithm_type: '',
      qos_algorithm_params: {},
    }
    await xapi.call('VBD.create', [vbd], { signal })
    bench.vm = vm
    return ok('halted, with a disk')
  },
}

export const blockedStart: Check = {
  id: 'blocked-start',
  title: 'Blocked start is refused',
  needs: ['vm'],
  costs: 'a replica could be started by hand or by auto power-on: its disk would no longer be what the next delta builds on',
  mend: 'do not replicate to this pool before it honours blocked_operations',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const vm = taken(bench.vm)
    const host = [...(await xapi.records('pool', { signal })).values()][0]?.master
    // Paused at its first instruction, should it start after all.
    const calls = [
      ['VM.start', [vm, true, false]],
      ['VM.start', [vm, true, true]],
      ['VM.start_on', [vm, host, true, false]],
    ] as const
    for (const [method, params] of calls) {
      try {
        await xapi.call(method, params, { signal })
      } catch (error) {
        if (!(error instanceof XapiError)) throw error
        if (error.code === 'OPERATION_BLOCKED') continue
        return lacking(blockedStart, `${method} is refused, but for another reason: ${error.code}`)
      }
      await xapi.call('VM.hard_shutdown', [vm], { signal })
      return lacking(blockedStart, `${method} started the VM although its start is blocked`)
    }
    return ok('start and start_on, with force too')
  },
}

export const vmSnapshot: Check = {
  id: 'vm-snapshot',
  title: 'Snapshot of a VM',
  needs: ['vm'],
  costs: 'neither source snapshots nor restore points can be made: no replication',
  mend: 'look at the logs of the host (/var/log/xensource.log, /var/log/SMlog)',
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const vm = taken(bench.vm)
    const disk = taken(bench.scratch)
    const started = performance.now()
    const take = (late: AbortSignal) => xapi.callAsync('VM.snapshot', [vm, scratchName(bench.owner, 'snapshot')], { signal: late })
    const made = await whenDetached(xapi, disk.ref, signal, () => making<Ref<'VM'>>(signal, take))
    const seconds = (performance.now() - started) / 1000
    bench.vmSnapshot = made
    const record = await xapi.record('VM', made, { signal })
    const mark = Object.entries(scratchConfig(bench.owner)).every(([key, value]) => record.other_config[key] === value)
    if (!record.is_a_snapshot || !mark) return lacking(vmSnapshot, 'the snapshot does not have what it should inherit')
    const disks = await disksOf(xapi, record, signal)
    if (disks.length !== 1) return lacking(vmSnapshot, `the snapshot has ${disks.length} disks instead of one`)
    const { content, by } = await readBack(bench, disks[0] as Ref<'VDI'>, disk.size, signal)
    const at = firstDifference(disk.content, content)
    if (at !== undefined) return wrong(vmSnapshot, `${by} of its disk differs from byte ${at} on`)
    return ok(`its disk is equal; ${seconds.toFixed(1)} s`, { vmSnapshotSeconds: seconds })
  },
}

async function disksOf(xapi: Xapi, vm: RecordOf['VM'], signal: AbortSignal): Promise<Ref<'VDI'>[]> {
  const vbds = await Promise.all(vm.VBDs.map((vbd) => xapi.record('VBD', vbd, { signal })))
  return vbds.filter(({ type, empty }) => type === 'Disk' && !empty).map(({ VDI }) => VDI)
}

export const vmClone: Check = {
  id: 'vm-clone',
  title: 'Clone of a restore point',
  needs: ['vm-snapshot'],
  costs: 'failing over to an older restore point, and testing a failover, need a full copy',
  mend: 'look at the logs of the host (/var/log/xensource.log, /var/log/SMlog)',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const disk = taken(bench.scratch)
    const params = [taken(bench.vmSnapshot), scratchName(bench.owner, 'clone')]
    const made = await making<Ref<'VM'>>(signal, (late) => xapi.callAsync('VM.clone', params, { signal: late }))
    const record = await xapi.record('VM', made, { signal })
    const disks = await disksOf(xapi, record, signal)
    if (disks.length !== 1) return lacking(vmClone, `the clone has ${disks.length} disks instead of one`)
    const { content, by } = await readBack(bench, disks[0] as Ref<'VDI'>, disk.size, signal)
    const at = firstDifference(disk.content, content)
    return at === undefined ? ok('its disk is equal') : wrong(vmClone, `${by} of its disk differs from byte ${at} on`)
  },
}

/** Of a disk: job and run. Of a source snapshot: job, target SRs with + between them, run. */
const HERE_BEFORE = /^understudy [0-9a-f-]{36}( [0-9a-f-]{36}(\+[0-9a-f-]{36})*)? [0-9a-f-]{36} \(being made\)$/

/** Looks for what runs of replication left that were broken off. Nothing of it is touched: its job's next run does that. */
export const leftOvers: Check = {
  id: 'left-overs',
  title: 'Left-overs of replication',
  needs: ['login'],
  costs: 'space; a VM whose migration stays blocked can’t be moved',
  mend: 'run the job again: it removes what is its own. Of jobs that are gone, remove it by hand',
  dispensable: true,
  async run(bench, signal) {
    const xapi = xapiOf(bench)
    const [vms, vdis] = await Promise.all([xapi.records('VM', { signal }), xapi.records('VDI', { signal })])
    const found: string[] = []
    for (const { name_label: name, uuid, is_a_snapshot: snapshot, blocked_operations: blocked } of vms.values()) {
      if (snapshot && HERE_BEFORE.test(name)) found.push(`an unfinished snapshot (${uuid})`)
      if (Object.values(blocked).some((text) => text.startsWith(MIGRATION_BLOCKED_PREFIX)))
        found.push(`blocked migration of "${name}" (${uuid})`)
    }
    for (const { name_label: name, uuid, managed, other_config: config } of vdis.values()) {
      if (managed && HERE_BEFORE.test(name)) found.push(`an unfinished disk (${uuid})`)
      else if (managed && MARK.writing in config) found.push(`a disk half written (${uuid})`)
    }
    if (found.length === 0) return ok('none')
    return reserve(`${listed(found)}: from runs broken off, or from one under way now`, leftOvers.costs, leftOvers.mend, {
      leftOvers: found.length,
    })
  },
}
