/** What is kept of each object of a pool: a fraction of its record, so that thousands of VMs take little, and most changes change nothing. */
import { MARK } from '../../core/marks.ts'
import type { ClassName, RecordOf } from '../../xapi/records.generated.ts'

/** One of each class that is watched; `undefined`: the object is of no interest, it only counts. */
const KEEP = {
  pool: ({ uuid, name_label, master }) => ({ uuid, name: name_label, master }),
  host: ({ uuid, name_label, address, enabled, metrics, software_version }) => ({
    uuid,
    name: name_label,
    address,
    enabled,
    metrics,
    version: [software_version.product_brand, software_version.product_version].filter(Boolean).join(' '),
  }),
  host_metrics: ({ live }) => ({ live }),
  SR: ({ uuid, name_label, type, content_type, shared, physical_size, physical_utilisation, is_tools_sr }) => ({
    uuid,
    name: name_label,
    type,
    holdsDisks: content_type !== 'iso' && type !== 'iso' && type !== 'udev' && !is_tools_sr,
    shared,
    size: physical_size,
    used: physical_utilisation,
  }),
  PBD: ({ SR, currently_attached }) => ({ sr: SR, attached: currently_attached }),
  network: ({ uuid, name_label, purpose }) => ({ uuid, name: name_label, purposes: purpose ?? [] }),
  PIF: ({ network, VLAN }) => ({ network, vlan: VLAN }),
  VM: (vm) => {
    if (vm.is_control_domain) return undefined
    const { 'xo:backup:job': job, 'xo:backup:vm': source } = vm.other_config
    // Of snapshots only what tells whose restore points they are; templates are nothing.
    if (vm.is_a_snapshot)
      return job && source ? { kind: 'snapshot' as const, uuid: vm.uuid, of: vm.snapshot_of, job, vm: source } : undefined
    if (vm.is_a_template) return undefined
    return {
      kind: 'vm' as const,
      uuid: vm.uuid,
      name: vm.name_label,
      description: vm.name_description,
      powerState: vm.power_state,
      tags: [...vm.tags].sort(),
      blocked: 'start' in vm.blocked_operations,
      config: marksOf(vm.other_config),
    }
  },
  VBD: ({ VM, VDI, userdevice, type, empty }) => (type === 'Disk' && !empty ? { vm: VM, vdi: VDI, userdevice } : undefined),
  VDI: ({ uuid, name_label, virtual_size, SR, physical_utilisation, sm_config }) => ({
    uuid,
    name: name_label,
    size: virtual_size,
    sr: SR,
    allocated: Math.max(0, physical_utilisation),
    // The image that it is a child of: another VDI's uuid, where its storage tells (behaviour.md 6).
    parent: sm_config?.['vhd-parent'] ?? '',
  }),
  VIF: ({ VM, network, device }) => ({ vm: VM, network, device }),
} as const satisfies { readonly [C in ClassName]?: (record: RecordOf[C]) => unknown }

export type WatchedClass = keyof typeof KEEP
export type Row<C extends WatchedClass> = NonNullable<ReturnType<(typeof KEEP)[C]>>

export const WATCHED: readonly WatchedClass[] = Object.keys(KEEP) as WatchedClass[]

/** A record as an event has it. */
export function rowOf(className: WatchedClass, record: unknown): object | undefined {
  return (KEEP[className] as (record: unknown) => object | undefined)(record)
}

/** Only the marks of replication: what else administrators note there is none of ours. */
function marksOf(config: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => key.startsWith('xo:backup:') || key === MARK.replica || key === MARK.failover),
  )
}
