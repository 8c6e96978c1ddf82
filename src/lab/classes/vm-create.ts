/** VM.create (ocaml/xapi/xapi_vm.ml, create). Little is checked here: what a VM needs to run is looked at when it starts. */
import { randomUUID } from 'node:crypto'
import { type Call, type LabPool, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { constructorFields } from './constructor-fields.ts'
import { count, EPOCH, flag, isNullRef, map, NULL_REF, text } from './fields.ts'
import { memoryOverhead } from './vm-memory.ts'

/** Keys that may be left out. Others of the record (blocked_operations, protection_policy, …) are taken and ignored. */
const DEFAULTS: Row = {
  name_label: '',
  name_description: '',
  power_state: 'Halted',
  suspend_VDI: NULL_REF,
  memory_target: 0,
  actions_after_softreboot: 'soft_reboot',
  HVM_shadow_multiplier: 1,
  last_boot_CPU_flags: {},
  last_booted_record: '',
  xenstore_data: {},
  ha_always_run: false,
  ha_restart_priority: '',
  tags: [],
  appliance: NULL_REF,
  start_delay: 0,
  shutdown_delay: 0,
  order: 0,
  suspend_SR: NULL_REF,
  version: 0,
  generation_id: '0:0',
  hardware_platform_version: 0,
  has_vendor_device: true,
  reference_label: '',
  domain_type: 'unspecified',
  NVRAM: {},
}

/** Links that every new VM starts without. */
export const UNLINKED: Row = {
  resident_on: NULL_REF,
  scheduled_to_be_resident_on: NULL_REF,
  snapshot_of: NULL_REF,
  snapshot_time: EPOCH,
  parent: NULL_REF,
  guest_metrics: NULL_REF,
  protection_policy: NULL_REF,
  snapshot_schedule: NULL_REF,
  domid: -1,
}

export function createVm(call: Call, given: Row): Refstring {
  const { db } = call.pool
  const fields = constructorFields('VM', given, DEFAULTS)
  const ref = `OpaqueRef:${randomUUID()}`
  const suspended = fields.power_state === 'Suspended'
  if (suspended && !canBeSuspended(fields)) throw new XapiFailure('VM_BAD_POWER_STATE', [ref, 'halted', 'suspended'])
  const otherConfig = map(fields, 'other_config')
  const domainType = fields.domain_type === 'unspecified' ? domainTypeOf(text(fields, 'HVM_boot_policy')) : text(fields, 'domain_type')
  const vendorVersion = flag(fields, 'has_vendor_device') ? 2 : 0
  const row: Row = {
    ...fields,
    ...UNLINKED,
    power_state: suspended ? 'Suspended' : 'Halted',
    suspend_VDI: suspended ? text(fields, 'suspend_VDI') : NULL_REF,
    last_booted_record: suspended ? text(fields, 'last_booted_record') : '',
    last_boot_CPU_flags: suspended ? map(fields, 'last_boot_CPU_flags') : {},
    other_config: Object.hasOwn(otherConfig, 'mac_seed') ? otherConfig : { ...otherConfig, mac_seed: randomUUID() },
    domain_type: domainType,
    hardware_platform_version: Math.max(count(fields, 'hardware_platform_version'), vendorVersion),
    metrics: createMetrics(call.pool, { current_domain_type: suspended ? domainType : 'unspecified' }),
    secureboot_certificates_state: 'ok',
  }
  db.create('VM', { ...row, memory_overhead: memoryOverhead(row) }, ref)
  return ref
}

/** A metrics record of a VM that has not run. */
export function createMetrics(pool: LabPool, fields: Row): Refstring {
  const never = { start_time: EPOCH, install_time: EPOCH, last_updated: EPOCH }
  return pool.db.create('VM_metrics', { VCPUs_utilisation: { 0: 0 }, ...never, ...fields })
}

/** The type that an old client means with its boot policy. */
export function domainTypeOf(bootPolicy: string): 'pv' | 'hvm' {
  return bootPolicy === '' ? 'pv' : 'hvm'
}

function canBeSuspended(fields: Row): boolean {
  const started = text(fields, 'last_booted_record') !== '' && Object.keys(map(fields, 'last_boot_CPU_flags')).length > 0
  return started && !isNullRef(text(fields, 'suspend_VDI'))
}

export const vmCreateMessages: MessageTable = { 'VM.create': (call, args: Row) => createVm(call, args) }
