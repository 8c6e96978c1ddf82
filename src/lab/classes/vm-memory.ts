/** Memory limits of VMs (ocaml/xapi/xapi_vm_memory_constraints.ml, message_forwarding.ml). All sizes in bytes. */
import { type Call, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { count, flag, text } from './fields.ts'
import { withVmOperation } from './operation-lock.ts'

const MIB = 1024 * 1024

/**
 * What a VM takes of the host beside its own memory: shadow pages, a megabyte per virtual CPU and the emulator's share. An estimate
 * of the same size as the real one (ocaml/xapi-idl/memory/memory.ml); nothing depends on the exact figure.
 */
export function memoryOverhead(vm: Row): number {
  if (text(vm, 'domain_type') === 'pv') return MIB
  const megabytes = Math.ceil(count(vm, 'memory_static_max') / MIB)
  const shadow = Math.ceil((1 + Math.max(1, count(vm, 'VCPUs_max')) + megabytes / 128) * Math.max(1, count(vm, 'HVM_shadow_multiplier')))
  return (shadow + 1 + 1) * MIB
}

export interface MemoryLimits {
  readonly staticMin: number
  readonly staticMax: number
  readonly dynamicMin: number
  readonly dynamicMax: number
}

/** Whether the limits are in order: static min ≤ dynamic min ≤ dynamic max ≤ static max. */
export function inOrder({ staticMin, staticMax, dynamicMin, dynamicMax }: MemoryLimits): boolean {
  return staticMin <= dynamicMin && dynamicMin <= dynamicMax && dynamicMax <= staticMax
}

function limitsOf(vm: Row): MemoryLimits {
  return {
    staticMin: count(vm, 'memory_static_min'),
    staticMax: count(vm, 'memory_static_max'),
    dynamicMin: count(vm, 'memory_dynamic_min'),
    dynamicMax: count(vm, 'memory_dynamic_max'),
  }
}

function change(call: Call, vm: Refstring, operation: string, wanted: (now: MemoryLimits) => MemoryLimits): Promise<undefined> {
  return withVmOperation(call, { vm, operation }, () => {
    const { db } = call.pool
    const row = db.get('VM', vm)
    const limits = wanted(limitsOf(row))
    if (flag(row, 'is_control_domain')) {
      // A control domain's memory has no range (assert_valid_and_pinned_at_static_max).
      const pinned = limits.dynamicMin === limits.dynamicMax && limits.dynamicMax === limits.staticMax && inOrder(limits)
      if (!pinned) throw new XapiFailure('MEMORY_CONSTRAINT_VIOLATION_MAXPIN', ['control domain'])
    } else if (!inOrder(limits)) {
      throw new XapiFailure('MEMORY_CONSTRAINT_VIOLATION_ORDER')
    }
    const fields = {
      memory_static_min: limits.staticMin,
      memory_static_max: limits.staticMax,
      memory_dynamic_min: limits.dynamicMin,
      memory_dynamic_max: limits.dynamicMax,
      memory_target: limits.dynamicMin,
    }
    const reboot = flag(row, 'is_control_domain') && text(row, 'power_state') === 'Running'
    const overhead = memoryOverhead({ ...row, ...fields })
    db.update('VM', vm, { ...fields, memory_overhead: overhead, ...(reboot && { requires_reboot: true }) })
    return undefined
  })
}

export const vmMemoryMessages: MessageTable = {
  'VM.set_memory_limits': (call, vm: Refstring, staticMin: number, staticMax: number, dynamicMin: number, dynamicMax: number) =>
    change(call, vm, 'changing_memory_limits', () => ({ staticMin, staticMax, dynamicMin, dynamicMax })),
  'VM.set_memory': (call, vm: Refstring, value: number) =>
    change(call, vm, 'changing_memory_limits', (now) => ({ ...now, staticMax: value, dynamicMin: value, dynamicMax: value })),
  'VM.set_memory_static_range': (call, vm: Refstring, min: number, max: number) =>
    change(call, vm, 'changing_static_range', (now) => ({ ...now, staticMin: min, staticMax: max })),
  'VM.set_memory_static_min': (call, vm: Refstring, value: number) =>
    change(call, vm, 'changing_static_range', (now) => ({ ...now, staticMin: value })),
  'VM.set_memory_static_max': (call, vm: Refstring, value: number) =>
    change(call, vm, 'changing_static_range', (now) => ({ ...now, staticMax: value })),
  'VM.set_memory_dynamic_range': (call, vm: Refstring, min: number, max: number) =>
    change(call, vm, 'changing_dynamic_range', (now) => ({ ...now, dynamicMin: min, dynamicMax: max })),
  'VM.set_memory_dynamic_min': (call, vm: Refstring, value: number) =>
    change(call, vm, 'changing_dynamic_range', (now) => ({ ...now, dynamicMin: value })),
  'VM.set_memory_dynamic_max': (call, vm: Refstring, value: number) =>
    change(call, vm, 'changing_dynamic_range', (now) => ({ ...now, dynamicMax: value })),
  // Accepted and without effect since ballooning goes by ranges (ocaml/xapi/xapi_vm.ml).
  'VM.set_memory_target_live': (call, vm: Refstring) => withVmOperation(call, { vm, operation: 'changing_memory_live' }, () => undefined),
  'VM.wait_memory_target_live': (call, vm: Refstring) => withVmOperation(call, { vm, operation: 'awaiting_memory_live' }, () => undefined),
  'VM.compute_memory_overhead': (call, vm: Refstring) => memoryOverhead(call.pool.db.get('VM', vm)),
  'VM.maximise_memory': (call, vm: Refstring, total: number) => {
    const row = call.pool.db.get('VM', vm)
    const free = (bytes: number) => total - bytes - memoryOverhead({ ...row, memory_static_max: bytes })
    let [low, high] = [0, total]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (free(middle) >= 0) low = middle
      else high = middle
    }
    return Math.floor(low / MIB) * MIB
  },
}
