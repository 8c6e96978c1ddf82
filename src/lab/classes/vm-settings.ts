/** Setters of VMs that do more than write their field (ocaml/xapi/xapi_vm.ml). */
import { xapiDate } from '../database/xapi-date.ts'
import { type Call, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { completedBiosStrings } from './bios-strings.ts'
import { createBlob } from './blob.ts'
import { count, flag, isNullRef, map, NULL_REF, type StringMap, text, without } from './fields.ts'
import { withVmOperation } from './operation-lock.ts'
import { domainTypeOf } from './vm-create.ts'
import { memoryOverhead } from './vm-memory.ts'
import { assertPowerState } from './vtpm.ts'

function set(call: Call, vm: Refstring, fields: Row): undefined {
  call.pool.db.update('VM', vm, fields)
}

const invalid = (what: string, value: number | string) => new XapiFailure('INVALID_VALUE', [what, String(value)])

async function setIsATemplate(call: Call, vm: Refstring, value: boolean): Promise<undefined> {
  const { db } = call.pool
  const metrics = text(db.get('VM', vm), 'metrics')
  if (!value) return installed(call, vm)
  return withVmOperation(call, { vm, operation: 'make_into_template' }, () => {
    if (db.find('VM_metrics', metrics)) db.delete('VM_metrics', metrics)
    return set(call, vm, { is_a_template: true, ha_always_run: false, metrics: NULL_REF, groups: [] })
  })
}

function setRestartPriority(call: Call, vm: Refstring, value: string): undefined {
  if (!['restart', 'best-effort', ''].includes(value)) throw invalid('ha_restart_priority', value)
  const running = text(call.pool.db.get('VM', vm), 'power_state') === 'Running'
  return set(call, vm, { ha_restart_priority: value, ...(running && { ha_always_run: value === 'restart' }) })
}

const CPU_RULE = 'VCPU values must satisfy: 0 < VCPUs_at_startup ≤ VCPUs_max'

function setMaximumCpus(call: Call, vm: Refstring, value: number): Promise<undefined> {
  return withVmOperation(call, { vm, operation: 'changing_VCPUs' }, () => {
    const row = call.pool.db.get('VM', vm)
    if (value < 1 || value < count(row, 'VCPUs_at_startup')) throw invalid(CPU_RULE, value)
    return set(call, vm, { VCPUs_max: value, memory_overhead: memoryOverhead({ ...row, VCPUs_max: value }) })
  })
}

function setInitialCpus(call: Call, vm: Refstring, value: number): undefined {
  const row = call.pool.db.get('VM', vm)
  if (flag(call.pool.db.get('VM', vm), 'is_control_domain'))
    throw new XapiFailure('OPERATION_NOT_ALLOWED', ['set_VCPUs_at_startup is not allowed on dom0'])
  if (value < 1 || value > count(row, 'VCPUs_max')) throw invalid(CPU_RULE, value)
  return set(call, vm, { VCPUs_at_startup: value })
}

function setLiveCpus(call: Call, vm: Refstring, value: number): Promise<undefined> {
  return withVmOperation(call, { vm, operation: 'changing_VCPUs_live' }, () => {
    const { db } = call.pool
    const row = db.get('VM', vm)
    if (value < 1 || value > count(row, 'VCPUs_max')) throw invalid(CPU_RULE, value)
    if (db.find('VM_metrics', text(row, 'metrics'))) db.update('VM_metrics', text(row, 'metrics'), { VCPUs_number: value })
    return undefined
  })
}

function setBiosStrings(call: Call, vm: Refstring, value: StringMap): undefined {
  if (Object.keys(map(call.pool.db.get('VM', vm), 'bios_strings')).length > 0) throw new XapiFailure('VM_BIOS_STRINGS_ALREADY_SET')
  return set(call, vm, { bios_strings: completedBiosStrings(value) })
}

function copyBiosStrings(call: Call, vm: Refstring, host: Refstring): undefined {
  if (Object.keys(map(call.pool.db.get('VM', vm), 'bios_strings')).length > 0) throw new XapiFailure('VM_BIOS_STRINGS_ALREADY_SET')
  return set(call, vm, { bios_strings: map(call.pool.db.get('host', host), 'bios_strings'), affinity: host })
}

function changeNvram(call: Call, vm: Refstring, change: (now: StringMap) => StringMap): Promise<undefined> {
  return withVmOperation(call, { vm, operation: 'changing_NVRAM' }, () =>
    set(call, vm, { NVRAM: change(map(call.pool.db.get('VM', vm), 'NVRAM')) }),
  )
}

function addToNvram(call: Call, vm: Refstring, key: string, value: string): Promise<undefined> {
  return changeNvram(call, vm, (now) => {
    if (Object.hasOwn(now, key)) throw new XapiFailure('MAP_DUPLICATE_KEY', ['VM', 'NVRAM', vm, key])
    return { ...now, [key]: value }
  })
}

function setSuspendImage(call: Call, vm: Refstring, vdi: Refstring): undefined {
  assertPowerState(call, vm, ['Suspended'])
  if (text(call.pool.db.get('VDI', vdi), 'type') === 'cbt_metadata') throw new XapiFailure('VDI_INCOMPATIBLE_TYPE', [vm, 'CBT metadata'])
  return set(call, vm, { suspend_VDI: vdi })
}

function setAppliance(call: Call, vm: Refstring, appliance: Refstring): undefined {
  const row = call.pool.db.get('VM', vm)
  if (flag(row, 'is_control_domain') || flag(row, 'is_a_template') || flag(row, 'is_a_snapshot')) {
    throw new XapiFailure('OPERATION_NOT_ALLOWED', ['Control domains, templates and snapshots cannot be assigned to appliances.'])
  }
  if (!isNullRef(appliance)) call.pool.db.get('VM_appliance', appliance)
  return set(call, vm, { appliance })
}

function setNotNegative(field: string) {
  return (call: Call, vm: Refstring, value: number): undefined => {
    if (value < 0) throw invalid(`${field} must be non-negative`, value)
    return set(call, vm, { [field]: value })
  }
}

function setShadowMultiplier(operation: 'changing_shadow_memory' | 'changing_shadow_memory_live') {
  return (call: Call, vm: Refstring, value: number): Promise<undefined> =>
    withVmOperation(call, { vm, operation }, () => {
      if (value < 1) throw invalid('multiplier', value)
      return set(call, vm, { HVM_shadow_multiplier: value })
    })
}

function setHasVendorDevice(call: Call, vm: Refstring, value: boolean): undefined {
  assertPowerState(call, vm, ['Halted'])
  const version = count(call.pool.db.get('VM', vm), 'hardware_platform_version')
  return set(call, vm, { has_vendor_device: value, hardware_platform_version: value ? Math.max(2, version) : version })
}

function setDomainType(call: Call, vm: Refstring, value: string): undefined {
  if (value === 'unspecified') throw invalid('domain_type', value)
  return set(call, vm, { domain_type: value, HVM_boot_policy: value === 'hvm' ? 'BIOS order' : '' })
}

/** A template becomes a VM. Disks that a template describes in other_config would have to be made; no template of a lab pool does. */
function provision(call: Call, vm: Refstring): Promise<undefined> {
  return withVmOperation(call, { vm, operation: 'provision' }, () => {
    const disks = map(call.pool.db.get('VM', vm), 'other_config').disks
    if (disks !== undefined) throw new XapiFailure('NOT_IMPLEMENTED', ['provisioning of disks'])
    return installed(call, vm)
  })
}

/** From template to VM counts as its installation. */
function installed(call: Call, vm: Refstring): undefined {
  const { db } = call.pool
  const metrics = text(db.get('VM', vm), 'metrics')
  if (db.find('VM_metrics', metrics)) db.update('VM_metrics', metrics, { install_time: xapiDate(call.pool.now()) })
  return set(call, vm, { is_a_template: false })
}

/** A choice that only a VM with outdated certificates has; a second time it changes nothing. */
function updateCertificatesOnBoot(call: Call, vm: Refstring, mark: boolean): undefined {
  const [from, to] = mark ? ['update_available', 'update_on_boot'] : ['update_on_boot', 'update_available']
  const state = text(call.pool.db.get('VM', vm), 'secureboot_certificates_state')
  if (state === to) return
  if (state !== from) {
    const what = `Cannot ${mark ? 'set' : 'clear'} update_on_boot: VM.secureboot_certificates_state is not in a valid state`
    throw new XapiFailure('OPERATION_NOT_ALLOWED', [what])
  }
  return set(call, vm, { secureboot_certificates_state: to as string })
}

export const vmSettingsMessages: MessageTable = {
  'VM.set_is_a_template': setIsATemplate,
  'VM.provision': provision,
  'VM.update_secureboot_certificates_on_boot': updateCertificatesOnBoot,
  'VM.set_ha_restart_priority': setRestartPriority,
  'VM.set_ha_always_run': (call, vm: Refstring, value: boolean) => setRestartPriority(call, vm, value ? 'restart' : ''),
  'VM.set_VCPUs_max': setMaximumCpus,
  'VM.set_VCPUs_at_startup': setInitialCpus,
  'VM.set_VCPUs_number_live': setLiveCpus,
  'VM.add_to_VCPUs_params_live': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'changing_VCPUs_live' }, () => {
      throw new XapiFailure('NOT_IMPLEMENTED', ['add_to_VCPUs_params_live'])
    }),
  'VM.set_bios_strings': setBiosStrings,
  'VM.copy_bios_strings': copyBiosStrings,
  'VM.set_NVRAM': (call, vm: Refstring, value: StringMap) => changeNvram(call, vm, () => value),
  'VM.add_to_NVRAM': addToNvram,
  'VM.remove_from_NVRAM': (call, vm: Refstring, key: string) => changeNvram(call, vm, (now) => without(now, key)),
  'VM.set_suspend_VDI': setSuspendImage,
  'VM.set_appliance': setAppliance,
  'VM.set_start_delay': setNotNegative('start_delay'),
  'VM.set_shutdown_delay': setNotNegative('shutdown_delay'),
  'VM.set_order': setNotNegative('order'),
  'VM.set_HVM_shadow_multiplier': setShadowMultiplier('changing_shadow_memory'),
  'VM.set_shadow_multiplier_live': setShadowMultiplier('changing_shadow_memory_live'),
  'VM.set_has_vendor_device': setHasVendorDevice,
  'VM.set_domain_type': setDomainType,
  'VM.set_HVM_boot_policy': (call, vm: Refstring, value: string) =>
    set(call, vm, { HVM_boot_policy: value, domain_type: domainTypeOf(value) }),
  'VM.set_protection_policy': () => {
    throw new XapiFailure('MESSAGE_REMOVED')
  },
  'VM.get_cooperative': (call, vm: Refstring) => {
    call.pool.db.get('VM', vm)
    return true
  },
  'VM.get_boot_record': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'get_boot_record' }, () => call.pool.db.get('VM', vm)),
  // Computed when it is read: only an event is due.
  'VM.update_allowed_operations': (call, vm: Refstring) => {
    call.pool.db.touch('VM', vm)
    return undefined
  },
  'VM.create_new_blob': (call, vm: Refstring, name: string, mimeType: string, isPublic = false) => {
    const blobs = map(call.pool.db.get('VM', vm), 'blobs')
    const blob = createBlob(call, { mimeType, isPublic })
    set(call, vm, { blobs: { ...blobs, [name]: blob } })
    return blob
  },
  'VM.send_sysrq': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'send_sysrq' }, () => {
      throw new XapiFailure('NOT_IMPLEMENTED', ['send_sysrq'])
    }),
  'VM.send_trigger': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'send_trigger' }, () => {
      throw new XapiFailure('NOT_IMPLEMENTED', ['send_trigger'])
    }),
  'VM.query_services': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'query_services' }, () => {
      throw new XapiFailure('NOT_IMPLEMENTED', ['query_services'])
    }),
  'VM.get_data_sources': (call, vm: Refstring) => withVmOperation(call, { vm, operation: 'data_source_op' }, () => []),
}
