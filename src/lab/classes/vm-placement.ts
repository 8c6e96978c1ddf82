/** Where a VM can run, and which device names it has left (ocaml/xapi/xapi_vm_helpers.ml). */
import { type Call, type LabPool, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { freeDiskNumbers } from './device-number.ts'
import { count, flag, isNullRef, map, text, texts } from './fields.ts'
import { assertVmAccepts } from './operation-lock.ts'
import { freeMemory, isTrue, neededMemory } from './vm-facts.ts'

const MIB = 1024 * 1024

/** Whether a VM runs (or will) with an emulated machine around it. */
export function hasEmulation(vm: Row): boolean {
  return text(vm, 'domain_type') === 'hvm' && !flag(vm, 'is_control_domain')
}

/** The first reason why a VM can't run on a host, memory apart. */
export function assertCanRun(pool: LabPool, vm: Refstring, host: Refstring): void {
  const row = pool.db.get('VM', vm)
  assertBasics(vm, row)
  const where = pool.db.get('host', host)
  const metrics = pool.db.find('host_metrics', text(where, 'metrics'))
  if (!metrics || !flag(metrics, 'live')) throw new XapiFailure('HOST_NOT_LIVE')
  const staysThere = text(row, 'power_state') === 'Running' && text(row, 'resident_on') === host
  if (!flag(where, 'enabled') && !flag(row, 'is_control_domain') && !staysThere) throw new XapiFailure('HOST_DISABLED', [host])
  for (const sr of storagesOf(pool, row)) {
    if (!isPlugged(pool, sr, host)) throw new XapiFailure('VM_REQUIRES_SR', [vm, sr])
  }
  for (const vif of texts(row, 'VIFs')) {
    const network = text(pool.db.get('VIF', vif), 'network')
    if (!isConnected(pool, network, host)) throw new XapiFailure('VM_REQUIRES_NETWORK', [vm, network])
  }
}

/** Whether a host has a network: those without any interface are made where they are needed. */
function isConnected({ db }: LabPool, network: Refstring, host: Refstring): boolean {
  const row = db.find('network', network)
  if (!row) return false
  const interfaces = texts(row, 'PIFs').map((pif) => db.get('PIF', pif))
  return interfaces.length === 0 || interfaces.some((pif) => text(pif, 'host') === host)
}

/** HOST_NOT_ENOUGH_FREE_MEMORY [needed, available], in bytes. */
export function assertEnoughMemory(pool: LabPool, vm: Refstring, host: Refstring): void {
  const needed = neededMemory(pool.db.get('VM', vm))
  const available = freeMemory(pool, host)
  if (needed > available) throw new XapiFailure('HOST_NOT_ENOUGH_FREE_MEMORY', [String(needed), String(available)])
}

export function isPlugged(pool: LabPool, sr: Refstring, host: Refstring): boolean {
  const storage = pool.db.find('SR', sr)
  if (!storage) return false
  return texts(storage, 'PBDs').some((ref) => {
    const pbd = pool.db.get('PBD', ref)
    return text(pbd, 'host') === host && flag(pbd, 'currently_attached')
  })
}

function storagesOf(pool: LabPool, vm: Row): Set<Refstring> {
  const disks = texts(vm, 'VBDs').map((vbd) => pool.db.get('VBD', vbd))
  const vdis = disks.filter((vbd) => !flag(vbd, 'empty')).map((vbd) => text(vbd, 'VDI'))
  if (text(vm, 'power_state') === 'Suspended') vdis.push(text(vm, 'suspend_VDI'))
  return new Set(vdis.filter((vdi) => !isNullRef(vdi)).map((vdi) => text(pool.db.get('VDI', vdi), 'SR')))
}

/** What VM.create did not look at. */
function assertBasics(vm: Refstring, row: Row): void {
  const maximum = count(row, 'VCPUs_max')
  const initial = count(row, 'VCPUs_at_startup')
  if (maximum < 1) throw new XapiFailure('INVALID_VALUE', ['VCPUs_max', String(maximum)])
  if (initial < 1 || initial > maximum) throw new XapiFailure('INVALID_VALUE', ['VCPUs_at_startup', String(initial)])
  if (count(row, 'memory_static_max') < 16 * MIB) throw new XapiFailure('VM_MEMORY_SIZE_TOO_LOW', [vm])
  if (count(row, 'HVM_shadow_multiplier') < 1)
    throw new XapiFailure('INVALID_VALUE', ['multiplier', String(count(row, 'HVM_shadow_multiplier'))])
}

function passes(assertion: () => void): boolean {
  try {
    assertion()
    return true
  } catch (error) {
    if (error instanceof XapiFailure) return false
    throw error
  }
}

function possibleHosts({ pool }: Call, vm: Refstring): Refstring[] {
  return pool.db.refs('host').filter((host) =>
    passes(() => {
      assertCanRun(pool, vm, host)
      assertEnoughMemory(pool, vm, host)
    }),
  )
}

/**
 * The host for a VM that is to start anywhere: its affinity where that can be, else where most memory is free. XAPI throws dice among
 * the others (xapi_vm_placement.ml). Hosts without the memory come last: then that is the error told. NO_HOSTS_AVAILABLE.
 */
export function chooseHost(pool: LabPool, vm: Refstring): Refstring {
  const able = pool.db.refs('host').filter((host) => passes(() => assertCanRun(pool, vm, host)))
  const roomy = able.filter((host) => passes(() => assertEnoughMemory(pool, vm, host)))
  const affinity = text(pool.db.get('VM', vm), 'affinity')
  const [best] = (roomy.length > 0 ? roomy : able).sort(
    (a, b) => Number(b === affinity) - Number(a === affinity) || freeMemory(pool, b) - freeMemory(pool, a),
  )
  if (best === undefined) throw new XapiFailure('NO_HOSTS_AVAILABLE')
  return best
}

/** Device names in use on a VM, both as users gave them and as the guest sees them. */
export function usedDiskNames(pool: LabPool, vm: Row): string[] {
  return texts(vm, 'VBDs').flatMap((ref) => {
    const vbd = pool.db.get('VBD', ref)
    return [text(vbd, 'device'), text(vbd, 'userdevice')]
  })
}

export const vmPlacementMessages: MessageTable = {
  'VM.get_possible_hosts': possibleHosts,
  'VM.assert_can_boot_here': (call, vm: Refstring, host: Refstring) => {
    assertCanRun(call.pool, vm, host)
    assertEnoughMemory(call.pool, vm, host)
    return undefined
  },
  'VM.assert_agile': (call, vm: Refstring) => {
    const { db } = call.pool
    for (const sr of storagesOf(call.pool, db.get('VM', vm))) {
      if (!flag(db.get('SR', sr), 'shared')) throw new XapiFailure('HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED', [sr])
    }
    return undefined
  },
  'VM.get_allowed_VBD_devices': (call, vm: Refstring) => {
    const row = call.pool.db.get('VM', vm)
    return freeDiskNumbers(usedDiskNames(call.pool, row), hasEmulation(row))
  },
  'VM.get_allowed_VIF_devices': (call, vm: Refstring) => {
    const used = texts(call.pool.db.get('VM', vm), 'VIFs').map((vif) => text(call.pool.db.get('VIF', vif), 'device'))
    return Array.from({ length: 16 }, (_, device) => String(device)).filter((device) => !used.includes(device))
  },
  'VM.assert_operation_valid': (call, vm: Refstring, operation: string) => {
    assertVmAccepts(call.pool, vm, operation)
    return undefined
  },
  'VM.get_SRs_required_for_recovery': (call, vm: Refstring) => [...storagesOf(call.pool, call.pool.db.get('VM', vm))],
  'VM.retrieve_wlb_recommendations': () => {
    throw new XapiFailure('WLB_NOT_INITIALIZED')
  },
  'VM.get_secureboot_readiness': (call, vm: Refstring) => {
    const row = call.pool.db.get('VM', vm)
    if (map(row, 'HVM_boot_params').firmware !== 'uefi') return 'not_supported'
    if (!isTrue(map(row, 'platform').secureboot)) return 'disabled'
    return map(row, 'NVRAM')['EFI-variables'] === undefined ? 'first_boot' : 'setup_mode'
  },
}
