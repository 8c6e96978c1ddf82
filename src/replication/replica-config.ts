/** The configuration that a replica shares with its source. Pure: records in, what to create or change out. */
import { MARK, REPLICA_TAG, withoutMarks } from '../core/marks.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import { NULL_REF } from '../xapi/ref.ts'

type Vm = RecordOf['VM']

/**
 * Fields that a boot, or the administrator who boots, needs, and that have a setter of their own (memory has one call for all
 * four). What HA, appliances and host affinity mean belongs to the source's pool and is left neutral.
 */
const SET_ONE_BY_ONE = [
  'name_label',
  'user_version',
  'VCPUs_params',
  'actions_after_shutdown',
  'actions_after_reboot',
  'actions_after_crash',
  'PV_bootloader',
  'PV_kernel',
  'PV_ramdisk',
  'PV_args',
  'PV_bootloader_args',
  'PV_legacy_args',
  'HVM_boot_params',
  'HVM_boot_policy',
  'HVM_shadow_multiplier',
  'platform',
  'recommendations',
  'xenstore_data',
  'NVRAM',
  'has_vendor_device',
  'hardware_platform_version',
] as const satisfies readonly (keyof Vm)[]

/** In the order of VM.set_memory_limits' parameters. */
const MEMORY = ['memory_static_min', 'memory_static_max', 'memory_dynamic_min', 'memory_dynamic_max'] as const

/** `other_config` of the replica: the source's without marks of any replication and without what would start it by itself. */
export function replicaOtherConfig(source: Vm, marks: Readonly<Record<string, string>>): Record<string, string> {
  const { auto_poweron: autoPoweron, ...config } = withoutMarks(source.other_config)
  return { ...config, ...marks, ...(autoPoweron === undefined ? {} : { [MARK.autoPoweron]: autoPoweron }) }
}

/** Keys that VM.set_bios_strings takes (`settable_vm_bios_string_keys` of xapi_globs.ml); others come from the host at first start. */
const SETTABLE_BIOS = new Set([
  ...['bios-vendor', 'bios-version', 'system-manufacturer', 'system-product-name', 'system-version', 'system-serial-number'],
  ...['enclosure-asset-tag', 'baseboard-manufacturer', 'baseboard-product-name', 'baseboard-version', 'baseboard-serial-number'],
  ...['baseboard-asset-tag', 'baseboard-location-in-chassis'],
])

/** The BIOS strings that can be given to the replica: empty ones, which a started VM has, are refused. */
export function settableBiosStrings(source: Vm): Record<string, string> {
  return Object.fromEntries(Object.entries(source.bios_strings).filter(([key, value]) => value !== '' && SETTABLE_BIOS.has(key)))
}

export const replicaTags = (source: Vm): string[] => [...new Set([...source.tags, REPLICA_TAG])]

/** The argument of VM.create. As a template: it can't be started before `blocked_operations`, which creation drops, is set. */
export function newReplica(source: Vm, name: string, description: string, otherConfig: Record<string, string>): Record<string, unknown> {
  const copied: Record<string, unknown> = {}
  for (const field of SET_ONE_BY_ONE) if (source[field] !== undefined) copied[field] = source[field]
  for (const field of MEMORY) copied[field] = source[field]
  // Integer-looking floats are refused by some older servers, and 1 is the default.
  if (Number.isInteger(source.HVM_shadow_multiplier)) delete copied.HVM_shadow_multiplier
  return {
    ...copied,
    name_label: name,
    name_description: description,
    is_a_template: true,
    affinity: NULL_REF,
    VCPUs_max: source.VCPUs_max,
    VCPUs_at_startup: source.VCPUs_at_startup,
    PCI_bus: '',
    other_config: otherConfig,
    ha_always_run: false,
    ha_restart_priority: '',
    tags: replicaTags(source),
    blocked_operations: {},
    domain_type: source.domain_type,
    generation_id: source.generation_id,
    start_delay: source.start_delay,
    shutdown_delay: source.shutdown_delay,
    order: source.order,
    appliance: NULL_REF,
    suspend_SR: NULL_REF,
  }
}

export interface Setting {
  readonly method: string
  readonly params: readonly unknown[]
}

/** The calls (without the VM's reference) that bring an existing replica's configuration up to its source's; none when nothing differs. */
export function updateReplica(source: Vm, replica: Vm): Setting[] {
  const out: Setting[] = []
  for (const field of SET_ONE_BY_ONE) {
    if (source[field] === undefined || same(source[field], replica[field])) continue
    out.push({ method: `VM.set_${field}`, params: [source[field]] })
  }
  if (MEMORY.some((field) => source[field] !== replica[field])) {
    // One call: one by one they would break the order that XAPI demands between them.
    out.push({ method: 'VM.set_memory_limits', params: MEMORY.map((field) => source[field]) })
  }
  if (source.VCPUs_max !== replica.VCPUs_max || source.VCPUs_at_startup !== replica.VCPUs_at_startup) {
    const most: Setting = { method: 'VM.set_VCPUs_max', params: [source.VCPUs_max] }
    const start: Setting = { method: 'VM.set_VCPUs_at_startup', params: [source.VCPUs_at_startup] }
    // At start-up never more than the most: which goes first depends on the direction.
    out.push(...(source.VCPUs_max >= replica.VCPUs_max ? [most, start] : [start, most]))
  }
  const tags = replicaTags(source)
  if (!same(tags.toSorted(), [...replica.tags].sort())) out.push({ method: 'VM.set_tags', params: [tags] })
  if (replica.ha_restart_priority !== '') out.push({ method: 'VM.set_ha_restart_priority', params: [''] })
  return out
}

function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

/** JSON with the keys of maps in order: two servers need not list them alike. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
