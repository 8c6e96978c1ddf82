/**
 * Which operations a VM accepts, as XAPI decides it: one function from facts to the first error found, which both guards the
 * calls and gives `allowed_operations`. Order and conditions follow ocaml/xapi/xapi_vm_lifecycle.ml (check_operation_error).
 * Pure: no database.
 */
import { enums } from '../../xapi/model.ts'
import type { StringMap } from './fields.ts'

export type PowerState = 'Halted' | 'Paused' | 'Suspended' | 'Running'

/** What the decision depends on. */
export interface VmFacts {
  readonly ref: string
  readonly powerState: PowerState
  readonly isTemplate: boolean
  readonly isDefaultTemplate: boolean
  readonly isSnapshot: boolean
  readonly isControlDomain: boolean
  /** The control domain of the host itself, not a driver domain. */
  readonly isDomainZero: boolean
  readonly blocked: StringMap
  /** Task reference → operation. */
  readonly current: StringMap
  /** Full paravirtualised drivers were seen, or the VM booted paravirtualised: every feature is there. */
  readonly hasDrivers: boolean
  /** What the guest announced (`feature-suspend` → `1`). */
  readonly features: StringMap
  readonly noMigrate: boolean
  readonly nestedVirt: boolean
  /** Some disk forgets its writes at boot (`on_boot` = reset). */
  readonly resetDisk: boolean
  readonly appliance: string | undefined
  readonly vtpms: number
  readonly isSystemDomain: boolean
}

export type OperationError = readonly [code: string, ...params: string[]]

/** XAPI writes expected states in the order of its own lists, lower case. */
const STATES: Readonly<Record<string, readonly PowerState[]>> = {
  import: [],
  ...same(['changing_VCPUs', 'changing_static_range', 'changing_memory_limits', 'create_vtpm'], ['Halted']),
  ...same(['changing_shadow_memory', 'changing_NVRAM', 'make_into_template', 'provision', 'start', 'start_on'], ['Halted']),
  ...same(['unpause'], ['Paused']),
  ...same(['csvm', 'resume', 'resume_on'], ['Suspended']),
  ...same(['awaiting_memory_live', 'call_plugin', 'clean_reboot', 'clean_shutdown', 'changing_memory_live'], ['Running']),
  ...same(['changing_shadow_memory_live', 'changing_VCPUs_live', 'data_source_op', 'pause', 'pool_migrate'], ['Running']),
  ...same(['send_sysrq', 'send_trigger', 'snapshot_with_quiesce', 'sysprep', 'suspend'], ['Running']),
  ...same(['changing_dynamic_range'], ['Halted', 'Running']),
  ...same(['create_template', 'destroy', 'export'], ['Halted', 'Suspended']),
  ...same(['hard_reboot'], ['Paused', 'Running']),
  ...same(['checkpoint', 'get_boot_record', 'shutdown', 'hard_shutdown'], ['Paused', 'Suspended', 'Running']),
  ...same(['migrate_send'], ['Halted', 'Suspended', 'Running']),
}

const ALL_STATES: readonly PowerState[] = ['Halted', 'Paused', 'Suspended', 'Running']

function same(operations: readonly string[], states: readonly PowerState[]): Record<string, readonly PowerState[]> {
  return Object.fromEntries(operations.map((operation) => [operation, states]))
}

export function allowedPowerStates(vm: Pick<VmFacts, 'isSnapshot' | 'isControlDomain'>, operation: string): readonly PowerState[] {
  if (operation === 'clone' || operation === 'copy') return vm.isSnapshot ? ['Halted', 'Suspended'] : ['Halted']
  const states = STATES[operation] ?? ALL_STATES
  const forRunningControlDomain = ['changing_VCPUs', 'changing_static_range', 'changing_memory_limits']
  return vm.isControlDomain && forRunningControlDomain.includes(operation) ? [...states, 'Running'] : states
}

/** Whether an operation may run beside those under way. */
export function isAllowedConcurrently(operation: string, current: readonly string[]): boolean {
  const together = [['clone', 'copy', 'export'], ['snapshot', 'checkpoint'], ['get_boot_record']]
  if (together.some((group) => group.includes(operation) && current.every((other) => group.includes(other)))) return true
  if (operation === 'hard_shutdown') return !current.includes('hard_shutdown')
  if (operation === 'hard_reboot') return !current.includes('hard_shutdown') && !current.includes('hard_reboot')
  const during: Readonly<Record<string, readonly string[]>> = {
    snapshot: ['snapshot_with_quiesce'],
    metadata_export: ['migrate_send'],
    clean_shutdown: ['migrate_send'],
    clean_reboot: ['migrate_send'],
  }
  const only = during[operation]
  return only !== undefined && current.length === 1 && only.includes(current[0] as string)
}

const FOR_TEMPLATES = [
  'changing_dynamic_range',
  'changing_static_range',
  'changing_memory_limits',
  'changing_shadow_memory',
  'changing_VCPUs',
  'changing_NVRAM',
  'clone',
  'copy',
  'export',
  'metadata_export',
  'provision',
]
const FOR_SNAPSHOTS = ['revert', 'clone', 'copy', 'export', 'destroy', 'hard_shutdown', 'metadata_export']
const FOR_CONTROL_DOMAINS = [
  'data_source_op',
  'changing_memory_live',
  'awaiting_memory_live',
  'metadata_export',
  'changing_dynamic_range',
  'changing_memory_limits',
  'changing_static_range',
  'start',
  'start_on',
  'changing_VCPUs',
  'destroy',
]
const MOVING = ['suspend', 'checkpoint', 'pool_migrate', 'migrate_send']

/**
 * The first reason why an operation is refused now; undefined when it may go on. `strict` also asks for features that need the
 * guest's help (a call made with `force` leaves that out).
 */
export function operationError(vm: VmFacts, operation: string, strict: boolean): OperationError | undefined {
  return (
    blockedError(vm, operation) ??
    powerStateError(vm, operation) ??
    concurrencyError(vm, operation) ??
    kindError(vm, operation) ??
    mobilityError(vm, operation, strict) ??
    controlDomainError(vm, operation) ??
    featureError(vm, operation, strict) ??
    remainingError(vm, operation)
  )
}

function blockedError(vm: VmFacts, operation: string): OperationError | undefined {
  const reason = Object.hasOwn(vm.blocked, operation) ? vm.blocked[operation] : undefined
  return reason === undefined ? undefined : ['OPERATION_BLOCKED', vm.ref, reason]
}

function powerStateError(vm: VmFacts, operation: string): OperationError | undefined {
  const allowed = allowedPowerStates(vm, operation)
  if (allowed.includes(vm.powerState)) return undefined
  return ['VM_BAD_POWER_STATE', vm.ref, allowed.join(', ').toLowerCase(), vm.powerState.toLowerCase()]
}

function concurrencyError(vm: VmFacts, operation: string): OperationError | undefined {
  const current = Object.entries(vm.current)
  const names = current.map(([, name]) => name)
  if (current.length === 0 || isAllowedConcurrently(operation, names)) return undefined
  const tasks = current.map(([task]) => task)
  const several = (all: readonly string[]) => (all.length === 1 ? (all[0] as string) : `{${all.join(',')}}`)
  return ['OTHER_OPERATION_IN_PROGRESS', 'VM', vm.ref, several(names), several(tasks)]
}

function kindError(vm: VmFacts, operation: string): OperationError | undefined {
  if (vm.isTemplate && !vm.isSnapshot && !FOR_TEMPLATES.includes(operation)) {
    const ownTemplate = (operation === 'destroy' || operation === 'migrate_send') && !vm.isDefaultTemplate
    if (!ownTemplate) return ['VM_IS_TEMPLATE', vm.ref, operation]
  }
  if (vm.isSnapshot && !FOR_SNAPSHOTS.includes(operation)) return ['VM_IS_SNAPSHOT', vm.ref, operation]
  if (operation === 'provision' && !vm.isTemplate) return ['PROVISION_ONLY_ALLOWED_ON_TEMPLATE']
  if (operation === 'revert' && !vm.isSnapshot) return ['REVERT_ONLY_ALLOWED_ON_SNAPSHOT']
  return undefined
}

function mobilityError(vm: VmFacts, operation: string, strict: boolean): OperationError | undefined {
  if (!strict) return undefined
  if (MOVING.includes(operation) && (vm.noMigrate || vm.nestedVirt)) return ['VM_IS_IMMOBILE', vm.ref]
  if (operation === 'changing_dynamic_range' && vm.nestedVirt) return ['VM_IS_USING_NESTED_VIRT', vm.ref]
  return undefined
}

function controlDomainError(vm: VmFacts, operation: string): OperationError | undefined {
  if (vm.isDomainZero && (operation === 'changing_VCPUs' || operation === 'destroy')) {
    return ['OPERATION_NOT_ALLOWED', 'This operation is not allowed on dom0']
  }
  if (vm.isControlDomain && !FOR_CONTROL_DOMAINS.includes(operation)) {
    return ['OPERATION_NOT_ALLOWED', 'This operation is not allowed on a control domain']
  }
  return undefined
}

function featureError(vm: VmFacts, operation: string, strict: boolean): OperationError | undefined {
  const live = vm.powerState === 'Running' || vm.powerState === 'Paused'
  if (!live) return undefined
  const lacks = (...features: readonly string[]) => features.every((feature) => vm.features[feature] !== '1')
  const error: OperationError = ['VM_LACKS_FEATURE', vm.ref]
  if (MOVING.includes(operation)) {
    const reason = vm.features['data-cant-suspend-reason']
    if (reason !== undefined) return ['VM_NON_SUSPENDABLE', vm.ref, reason]
    return !vm.hasDrivers && strict && lacks('feature-suspend') ? error : undefined
  }
  if (vm.hasDrivers) return undefined
  if (operation === 'clean_shutdown' && strict && lacks('feature-shutdown', 'feature-poweroff')) return error
  if (operation === 'clean_reboot' && strict && lacks('feature-shutdown', 'feature-reboot')) return error
  return operation === 'changing_VCPUs_live' && lacks('feature-vcpu-hotplug') ? error : undefined
}

function remainingError(vm: VmFacts, operation: string): OperationError | undefined {
  if (operation === 'snapshot_with_quiesce') return ['VM_SNAPSHOT_WITH_QUIESCE_NOT_SUPPORTED', vm.ref]
  if (vm.resetDisk && ['checkpoint', 'snapshot', 'suspend'].includes(operation)) return ['VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION']
  if (operation === 'make_into_template' && vm.appliance !== undefined) return ['VM_IS_PART_OF_AN_APPLIANCE', vm.ref, vm.appliance]
  if (operation === 'query_services' && !vm.isSystemDomain) return ['NOT_SYSTEM_DOMAIN', vm.ref]
  if (operation === 'create_vtpm' && vm.vtpms > 0) return ['VTPM_MAX_AMOUNT_REACHED', String(vm.vtpms)]
  return undefined
}

/** Operations that XAPI never lists in `allowed_operations`, whatever the state. */
const UNLISTED = new Set([
  'create_template',
  'power_state_reset',
  'csvm',
  'get_boot_record',
  'send_sysrq',
  'send_trigger',
  'query_services',
  'shutdown',
  'call_plugin',
  'changing_memory_live',
  'awaiting_memory_live',
  'changing_memory_limits',
  'changing_shadow_memory_live',
  'changing_VCPUs',
  'assert_operation_valid',
  'data_source_op',
  'update_allowed_operations',
  'import',
  'reverting',
])

export function allowedOperations(vm: VmFacts): string[] {
  const all = enums.vm_operations as readonly string[]
  return all.filter((operation) => !UNLISTED.has(operation) && operationError(vm, operation, true) === undefined)
}
