/**
 * Which fields mirror a reference of another class. The mirrored side is kept by the database and can't be set; a change of the
 * referring side changes the mirrored object too, and so makes an event for it (xen-api ocaml/idl/datamodel.ml, all_relations).
 */
import { classes } from '../../xapi/model.ts'

export interface Relation {
  /** Class and field that hold the reference (or set of references). */
  readonly from: string
  readonly field: string
  /** Class and field that list the objects which refer to it. */
  readonly to: string
  readonly mirror: string
}

const all: readonly Relation[] = (
  [
    ['VM', 'snapshot_of', 'VM', 'snapshots'],
    ['VDI', 'snapshot_of', 'VDI', 'snapshots'],
    ['VM', 'parent', 'VM', 'children'],
    ['task', 'subtask_of', 'task', 'subtasks'],
    ['PIF', 'bond_slave_of', 'Bond', 'slaves'],
    ['Bond', 'master', 'PIF', 'bond_master_of'],
    ['VLAN', 'tagged_PIF', 'PIF', 'VLAN_slave_of'],
    ['PBD', 'host', 'host', 'PBDs'],
    ['PBD', 'SR', 'SR', 'PBDs'],
    ['VBD', 'VDI', 'VDI', 'VBDs'],
    ['VBD', 'VM', 'VM', 'VBDs'],
    ['crashdump', 'VDI', 'VDI', 'crash_dumps'],
    ['crashdump', 'VM', 'VM', 'crash_dumps'],
    ['VIF', 'VM', 'VM', 'VIFs'],
    ['VIF', 'network', 'network', 'VIFs'],
    ['PIF', 'host', 'host', 'PIFs'],
    ['PIF', 'network', 'network', 'PIFs'],
    ['VDI', 'SR', 'SR', 'VDIs'],
    ['VTPM', 'VM', 'VM', 'VTPMs'],
    ['console', 'VM', 'VM', 'consoles'],
    ['VM', 'resident_on', 'host', 'resident_VMs'],
    ['VM', 'appliance', 'VM_appliance', 'VMs'],
    ['VDI', 'metadata_of_pool', 'pool', 'metadata_VDIs'],
    ['Feature', 'host', 'host', 'features'],
    ['Certificate', 'host', 'host', 'certificates'],
  ] as const
)
  .map(([from, field, to, mirror]) => ({ from, field, to, mirror }))
  .filter(({ from, field, to, mirror }) => classes[from]?.fields[field] && classes[to]?.fields[mirror])

function by<K extends keyof Relation>(key: K): ReadonlyMap<string, readonly Relation[]> {
  const out = new Map<string, Relation[]>()
  for (const relation of all) out.set(relation[key], [...(out.get(relation[key]) ?? []), relation])
  return out
}

const outgoing = by('from')
const incoming = by('to')

/** Relations whose reference is held by objects of this class. */
export function relationsFrom(className: string): readonly Relation[] {
  return outgoing.get(className) ?? []
}

/** Relations that give this class a mirrored field. */
export function relationsTo(className: string): readonly Relation[] {
  return incoming.get(className) ?? []
}
