/**
 * One VM made from another: what snapshot, checkpoint, clone and copy have in common (ocaml/xapi/xapi_vm_clone.ml). Disks first, then
 * every record in one step, so that no VM is ever seen without its disks; when something fails the new disks go again.
 */
import { randomUUID } from 'node:crypto'
import { xapiDate } from '../database/xapi-date.ts'
import { type Call, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { copyMetrics, copyOtherDevices, copyVbd, type VbdCopy } from './device-copy.ts'
import { copyDisk, copyDisks, type DiskCopy, destroyDisks } from './disk-copies.ts'
import { EPOCH, flag, isNullRef, map, NULL_REF, type StringMap, text, texts, without } from './fields.ts'
import { freshGenerationId } from './generation-id.ts'
import { copyGuest } from './guest-tools.ts'
import { snapshotMetadata } from './snapshot-metadata.ts'
import type { PowerState } from './vm-operations.ts'

export interface VmCopy {
  readonly vm: Refstring
  readonly name: string
  readonly kind: 'snapshot' | 'checkpoint' | 'clone' | 'copy'
  /** Target SR of a copy; absent: each disk into its own. */
  readonly sr?: Refstring
  /** Disks that a snapshot leaves out. */
  readonly ignoredDisks?: readonly Refstring[]
  /** Power state to note in a checkpoint, when the VM was suspended for it. */
  readonly stateToNote?: PowerState
}

const COPIED = [
  ...['name_description', 'user_version', 'affinity', 'memory_overhead', 'memory_target', 'memory_static_max', 'memory_dynamic_max'],
  ...['memory_dynamic_min', 'memory_static_min', 'VCPUs_max', 'VCPUs_at_startup', 'VCPUs_params', 'actions_after_softreboot'],
  ...['actions_after_shutdown', 'actions_after_reboot', 'actions_after_crash', 'HVM_boot_policy', 'HVM_boot_params'],
  ...['HVM_shadow_multiplier', 'platform', 'PV_kernel', 'PV_ramdisk', 'PV_args', 'PV_bootloader', 'PV_bootloader_args'],
  ...['PV_legacy_args', 'PCI_bus', 'last_boot_CPU_flags', 'is_control_domain', 'last_booted_record', 'recommendations'],
  ...['xenstore_data', 'ha_restart_priority', 'tags', 'bios_strings', 'hardware_platform_version', 'has_vendor_device'],
  ...['reference_label', 'domain_type', 'NVRAM', 'secureboot_certificates_state'],
]

export async function copyVm(call: Call, request: VmCopy): Promise<Refstring> {
  const { db } = call.pool
  const { vm, kind } = request
  const isSnapshot = kind === 'snapshot' || kind === 'checkpoint'
  const before = db.get('VM', vm)
  const ignored = isSnapshot ? (request.ignoredDisks ?? []) : []
  const vbds = texts(before, 'VBDs').filter((vbd) => !ignored.includes(text(db.get('VBD', vbd), 'VDI')))
  const how: DiskCopy = isSnapshot
    ? { kind: 'snapshot' }
    : kind === 'clone'
      ? { kind }
      : { kind: 'copy', ...(request.sr && { sr: request.sr }) }
  const disks = await copyDisks(call, vbds, how)
  let suspendImage: Refstring = NULL_REF
  try {
    const image = text(before, 'suspend_VDI')
    if (!isNullRef(image) && kind !== 'snapshot') suspendImage = await copyDisk(call, image, how)
    // The source may have been destroyed or changed meanwhile; from here on nothing waits.
    return createRecords(call, request, disks.copies, suspendImage)
  } catch (error) {
    await disks.undo()
    if (!isNullRef(suspendImage)) await destroyDisks(call, [suspendImage])
    throw error
  }
}

function createRecords(call: Call, request: VmCopy, disks: readonly VbdCopy[], suspendImage: Refstring): Refstring {
  const { pool } = call
  const { db } = pool
  const { vm, kind } = request
  const row = db.get('VM', vm)
  for (const { vbd, vdi } of disks) {
    db.get('VBD', vbd)
    if (!isNullRef(vdi)) db.get('VDI', vdi)
  }
  const isSnapshot = kind === 'snapshot' || kind === 'checkpoint'
  const { metrics, guestMetrics } = copyMetrics(call, row)
  const fields: Row = {
    ...Object.fromEntries(COPIED.map((name) => [name, row[name] as Row[string]])),
    name_label: request.name,
    power_state: copiedState(kind, text(row, 'power_state') as PowerState),
    is_a_template: isSnapshot || flag(row, 'is_a_template'),
    is_a_snapshot: isSnapshot,
    snapshot_of: isSnapshot ? vm : NULL_REF,
    snapshot_time: isSnapshot ? xapiDate(pool.now()) : EPOCH,
    snapshot_info: isSnapshot ? snapshotInfo(request.stateToNote ?? text(row, 'power_state')) : {},
    snapshot_metadata: isSnapshot ? snapshotMetadata(row) : '',
    parent: isSnapshot ? text(row, 'parent') : NULL_REF,
    other_config: copiedOtherConfig(row, isSnapshot),
    generation_id: freshGenerationId(text(row, 'generation_id')),
    suspend_VDI: suspendImage,
    metrics,
    guest_metrics: guestMetrics,
    domid: -1,
  }
  const made = db.create('VM', fields)
  for (const disk of disks) copyVbd(call, made, disk, true)
  copyOtherDevices(call, vm, made, isSnapshot)
  copyGuest(pool, vm, made)
  if (isSnapshot) db.update('VM', vm, { parent: made })
  return made
}

/** A snapshot is halted; a clone stays what its source is. A checkpoint holds the memory, so it is suspended. */
function copiedState(kind: VmCopy['kind'], state: PowerState): PowerState {
  if (kind === 'checkpoint') return state === 'Running' || state === 'Suspended' ? 'Suspended' : 'Halted'
  return kind !== 'snapshot' && state === 'Suspended' ? 'Suspended' : 'Halted'
}

function snapshotInfo(state: string): StringMap {
  return { 'power-state-at-snapshot': state, 'disk-snapshot-type': 'crash_consistent' }
}

function copiedOtherConfig(row: Row, isSnapshot: boolean): StringMap {
  const config = without(map(row, 'other_config'), 'default_template', 'xensource_internal')
  const template = flag(row, 'is_a_template') && !Object.hasOwn(config, 'base_template_name')
  return {
    ...config,
    ...(!isSnapshot && { mac_seed: randomUUID() }),
    ...(template && { base_template_name: text(row, 'name_label') }),
  }
}

export function assertNotIsoSr(call: Call, sr: Refstring): void {
  if (text(call.pool.db.get('SR', sr), 'content_type') === 'iso') {
    throw new XapiFailure('OPERATION_NOT_ALLOWED', ["Cannot copy a VM's disks to an ISO SR"])
  }
}
