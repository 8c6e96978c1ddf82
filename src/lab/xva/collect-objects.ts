/** Which objects an archive of a VM holds, under which names, and what of their records (xen-api ocaml/xapi/export.ml). */
import { EPOCH, flag, isNullRef, map, NULL_REF, text, texts } from '../classes/fields.ts'
import { vtpmContents } from '../classes/vtpm-contents.ts'
import type { LabPool, Refstring, Row } from '../pool.ts'
import type { ArchiveObject } from './ova-xml.ts'

export interface Collecting {
  /** Whether snapshots come along and stay snapshots (metadata), or whatever is exported becomes a VM of its own (a full export). */
  readonly snapshots: boolean
  readonly preservePowerState: boolean
  /** Also the disks that a disk's `vhd-parent` names. */
  readonly vhdParents: boolean
  /** `VIF`, `VBD`, `VTPM`… */
  readonly excluded: ReadonlySet<string>
}

export const FULL_EXPORT = { snapshots: false, vhdParents: false, excluded: new Set<string>() } as const

/** Reference → name in the archive. Numbers are given in the order in which objects are met: disks are sent sorted by these names. */
export type NameTable = Map<Refstring, string>

/** References that lead nowhere get names too, the null reference among them: so do XAPI's, and an importer finds nothing by them. */
export function collectNames(pool: LabPool, vms: readonly Refstring[], options: Collecting): NameTable {
  const { db } = pool
  const names: NameTable = new Map()
  const add = (ref: Refstring) => {
    if (!names.has(ref)) names.set(ref, `Ref:${names.size}`)
  }
  const addDisk = (vdi: Refstring) => {
    add(vdi)
    const row = db.get('VDI', vdi)
    add(text(row, 'SR'))
    const parent = map(row, 'sm_config')['vhd-parent']
    const ref = options.vhdParents && parent !== undefined ? db.byUuid('VDI', parent) : undefined
    if (ref !== undefined && !names.has(ref)) addDisk(ref)
  }
  const devices = (row: Row, kind: string) => (options.excluded.has(kind) ? [] : texts(row, `${kind}s`))
  const addVm = (vm: Refstring, withSnapshots: boolean) => {
    const row = db.find('VM', vm)
    if (!row || names.has(vm)) return
    add(vm)
    for (const vif of devices(row, 'VIF')) {
      add(vif)
      add(text(db.get('VIF', vif), 'network'))
    }
    for (const vbd of devices(row, 'VBD')) {
      add(vbd)
      const device = db.get('VBD', vbd)
      if (!flag(device, 'empty') && db.find('VDI', text(device, 'VDI'))) addDisk(text(device, 'VDI'))
    }
    for (const vtpm of devices(row, 'VTPM')) add(vtpm)
    if (withSnapshots) for (const snapshot of texts(row, 'snapshots')) addVm(snapshot, false)
    const image = text(row, 'suspend_VDI')
    if (options.preservePowerState && text(row, 'power_state') === 'Suspended' && db.find('VDI', image)) addDisk(image)
    for (const link of ['metrics', 'guest_metrics', 'resident_on', 'affinity']) add(text(row, link))
    if (withSnapshots && !isNullRef(text(row, 'parent'))) addVm(text(row, 'parent'), false)
  }
  for (const vm of vms) addVm(vm, options.snapshots)
  return names
}

const IN_ORDER = ['host', 'VM', 'VM_metrics', 'VM_guest_metrics', 'VBD', 'VIF', 'network', 'VDI', 'SR', 'VTPM']

export function collectObjects(pool: LabPool, names: NameTable, options: Collecting): ArchiveObject[] {
  return IN_ORDER.flatMap((className) =>
    pool.db.refs(className).flatMap((ref) => {
      const id = names.get(ref)
      return id === undefined ? [] : [{ className, id, record: archived(pool, names, options, className, ref) }]
    }),
  )
}

/** The record with its references renamed, and without what has a meaning only where it comes from. */
function archived(pool: LabPool, names: NameTable, options: Collecting, className: string, ref: Refstring): Row {
  const row = pool.db.get(className, ref)
  const one = (field: string) => ({ [field]: names.get(text(row, field)) ?? NULL_REF })
  const some = (field: string) => ({ [field]: texts(row, field).flatMap((each) => names.get(each) ?? []) })
  const idle = { current_operations: {}, allowed_operations: [] }
  const attached = { currently_attached: options.preservePowerState && flag(row, 'currently_attached') }
  switch (className) {
    case 'host':
      return { ...row, ...HOST_BARE, ...one('crash_dump_sr'), ...one('suspend_image_sr'), ...some('resident_VMs') }
    case 'VM':
      return {
        ...row,
        ...idle,
        ...(options.preservePowerState ? one('suspend_VDI') : { power_state: 'Halted', suspend_VDI: NULL_REF }),
        ...(options.snapshots
          ? { ...one('snapshot_of'), ...one('parent') }
          : { is_a_snapshot: false, snapshot_of: NULL_REF, snapshots: [], snapshot_time: EPOCH, parent: NULL_REF }),
        ...(!options.snapshots && { transportable_snapshot_id: '' }),
        ...some('VIFs'),
        ...some('VBDs'),
        ...some('VGPUs'),
        ...some('VTPMs'),
        ...one('resident_on'),
        ...one('affinity'),
        ...one('metrics'),
        ...one('guest_metrics'),
        ...{ crash_dumps: [], consoles: [], protection_policy: NULL_REF, blobs: {} },
      }
    case 'VBD':
      return { ...row, ...idle, ...attached, ...one('VDI'), ...one('VM'), metrics: NULL_REF }
    case 'VIF':
      return { ...row, ...idle, ...attached, ...one('network'), ...one('VM'), metrics: NULL_REF }
    case 'network':
      return { ...row, ...idle, ...some('VIFs'), PIFs: [] }
    case 'VDI':
      return { ...row, ...idle, ...some('VBDs'), ...one('SR'), crash_dumps: [] }
    case 'SR':
      return { ...row, ...idle, ...some('VDIs'), PBDs: [] }
    case 'VTPM':
      return { ...row, ...one('VM'), content: vtpmContents(pool, ref) }
    default:
      return row
  }
}

const HOST_BARE: Row = {
  ...{ PIFs: [], PBDs: [], PGPUs: [], PCIs: [], host_CPUs: [], license_params: {}, blobs: {} },
  ...{ external_auth_type: '', external_auth_service_name: '', external_auth_configuration: {}, metrics: NULL_REF },
  ...{ patches: [], crashdumps: [], logging: {}, supported_bootloaders: [], cpu_configuration: {}, other_config: {} },
  ...{ capabilities: [], software_version: {}, sched_policy: '', ha_statefiles: [], ha_network_peers: [], tags: [] },
}
