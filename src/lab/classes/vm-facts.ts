/** Reads from the database what vm-operations.ts decides from. */
import type { Database, LabPool, Refstring, Row } from '../pool.ts'
import { count, flag, isNullRef, map, type StringMap, text, texts } from './fields.ts'
import type { PowerState, VmFacts } from './vm-operations.ts'

/** `row` may lack derived fields: they are not looked at. */
export function vmFacts(pool: LabPool, ref: Refstring, row: Row = pool.db.get('VM', ref)): VmFacts {
  const { db } = pool
  const metrics = db.find('VM_metrics', text(row, 'metrics'))
  const guest = db.find('VM_guest_metrics', text(row, 'guest_metrics'))
  const otherConfig = map(row, 'other_config')
  const platform = map(row, 'platform')
  const appliance = text(row, 'appliance')
  return {
    ref,
    powerState: text(row, 'power_state') as PowerState,
    isTemplate: flag(row, 'is_a_template'),
    isDefaultTemplate: flag(row, 'is_default_template') || isTrue(otherConfig.default_template),
    isSnapshot: flag(row, 'is_a_snapshot'),
    isControlDomain: flag(row, 'is_control_domain'),
    isDomainZero: isDomainZero(db, ref, row),
    blocked: map(row, 'blocked_operations'),
    current: map(row, 'current_operations'),
    hasDrivers: bootedParavirtualised(metrics) || hasDriverVersion(guest),
    features: guest ? map(guest, 'other') : {},
    noMigrate: metrics ? flag(metrics, 'nomigrate') : isTrue(platform.nomigrate),
    nestedVirt: metrics ? flag(metrics, 'nested_virt') : isTrue(platform['nested-virt']),
    resetDisk: texts(row, 'VBDs').some((vbd) => isResetDisk(db, vbd)),
    appliance: db.find('VM_appliance', appliance) ? appliance : undefined,
    vtpms: texts(row, 'VTPMs').length,
    isSystemDomain: isTrue(otherConfig.is_system_domain),
  }
}

/** Whether the guest's drivers told their version (ocaml/xapi/xapi_pv_driver_version.ml). */
export function hasDriverVersion(guestMetrics: Row | undefined): boolean {
  const version: StringMap = guestMetrics ? map(guestMetrics, 'PV_drivers_version') : {}
  return [version.major, version.minor].every((part) => part !== undefined && /^[0-9]+$/.test(part))
}

/** XAPI's reading of booleans in maps of strings. */
export function isTrue(value: string | undefined): boolean {
  return value === '1' || value?.toLowerCase() === 'true'
}

/** Whether XAPI exempts a VM from the sharing checks on disks: control domains and service VMs (ocaml/xapi/system_domains.ml). */
export function isSystemDomain(vm: Row): boolean {
  return flag(vm, 'is_control_domain') || isTrue(map(vm, 'other_config').is_system_domain)
}

/** Whether a VM has a domain. */
export function isLive(vm: Row): boolean {
  return ['Running', 'Paused'].includes(text(vm, 'power_state'))
}

/** Whether a VM is the control domain of a host, not a driver domain. */
function isDomainZero(db: Database, ref: Refstring, row: Row): boolean {
  return flag(row, 'is_control_domain') && db.find('host', text(row, 'resident_on'))?.control_domain === ref
}

/** Free memory of a host: all of it less what the VMs on it (the control domain included) hold. Bytes. */
export function freeMemory(pool: LabPool, ref: Refstring): number {
  const host = pool.db.get('host', ref)
  const metrics = pool.db.find('host_metrics', text(host, 'metrics'))
  let free = metrics ? count(metrics, 'memory_total') : 0
  for (const ref of texts(host, 'resident_VMs')) {
    const vm = pool.db.find('VM', ref)
    if (vm) free -= neededMemory(vm)
  }
  return Math.max(0, free)
}

/** Bytes that a VM takes of its host (ocaml/xapi/memory_check.ml, with dynamic_min and the overhead). */
export function neededMemory(vm: Row): number {
  return count(vm, 'memory_dynamic_min') + count(vm, 'memory_overhead')
}

function bootedParavirtualised(metrics: Row | undefined): boolean {
  return metrics !== undefined && ['pv', 'pv_in_pvh', 'pvh'].includes(text(metrics, 'current_domain_type'))
}

function isResetDisk(db: Database, vbd: Refstring): boolean {
  const device = db.find('VBD', vbd)
  const disk = device && !isNullRef(text(device, 'VDI')) ? db.find('VDI', text(device, 'VDI')) : undefined
  return disk !== undefined && text(disk, 'on_boot') === 'reset'
}
