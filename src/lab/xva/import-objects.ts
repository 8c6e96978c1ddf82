/** The objects of an archive made here, class after class (handle_all in xen-api ocaml/xapi/import.ml). */
import { flag, isNullRef, map, NULL_REF, text, without } from '../classes/fields.ts'
import { hasEmulation } from '../classes/vm-placement.ts'
import { createVtpm } from '../classes/vtpm-contents.ts'
import { type Refstring, type Row, XapiFailure } from '../pool.ts'
import { type ImportState, imported, inArchive, takeBack } from './import-state.ts'
import { importVm } from './import-vm-record.ts'
import type { ArchiveObject } from './ova-xml.ts'

type Importer = (state: ImportState, object: ArchiveObject) => void | Promise<void>

/** In this order: each class finds what it refers to. */
const IMPORTERS: readonly (readonly [className: string, importer: Importer])[] = [
  ['host', importHost],
  ['SR', importSr],
  ['VDI', importDisk],
  ['VM_guest_metrics', importMetrics],
  ['VM_metrics', importMetrics],
  ['VM', importVm],
  ['network', importNetwork],
  ['VBD', importVbd],
  ['VIF', importVif],
  ['VTPM', importVtpm],
]

/** When something fails, what was made is taken back, except with `force`. */
export async function importObjects(state: ImportState): Promise<void> {
  try {
    for (const [className, importer] of IMPORTERS) {
      for (const object of state.objects) if (object.className === className) await importer(state, object)
    }
    linkSnapshots(state)
  } catch (error) {
    if (!state.options.force) await takeBack(state)
    throw error
  }
}

function importHost({ pool, table }: ImportState, { id, record }: ArchiveObject): void {
  table.set(id, pool.db.byUuid('host', text(record, 'uuid')) ?? NULL_REF)
}

/** Discs come from libraries of this pool; everything else goes into the SR of the request. */
function importSr({ pool, table, options }: ImportState, { id, record }: ArchiveObject): void {
  const sr = options.sr ?? pool.db.byUuid('SR', text(record, 'uuid'))
  const isLibrary = options.sr !== undefined && text(record, 'content_type') === 'iso'
  if (sr !== undefined && !isLibrary) table.set(id, sr)
}

async function importDisk(state: ImportState, { id, record }: ArchiveObject): Promise<void> {
  const { pool, table, options, task } = state
  if (text(inArchive(state, text(record, 'SR')), 'content_type') === 'iso') {
    const disc = findDisc(state, text(record, 'location'))
    if (disc !== undefined) table.set(id, disc)
    return
  }
  if (options.sr === undefined) {
    const disk = findDisk(state, record)
    if (disk !== undefined) table.set(id, disk)
    return
  }
  const sr = imported(state, text(record, 'SR'))
  const given = { ...record, SR: sr, sm_config: { ...without(map(record, 'sm_config'), 'import_task'), import_task: task } }
  const vdi = (await pool.invoke('VDI.create', given)) as Refstring
  state.undo.push(() => pool.invoke('VDI.destroy', vdi))
  table.set(id, vdi)
}

/** A disc by the name of its file, in any library that is no drive of a host. */
function findDisc({ pool: { db } }: ImportState, location: string): Refstring | undefined {
  return db.refs('VDI').find((vdi) => {
    const row = db.get('VDI', vdi)
    const sr = db.find('SR', text(row, 'SR'))
    return text(row, 'location') === location && sr && text(sr, 'content_type') === 'iso' && text(sr, 'type') !== 'udev'
  })
}

/** The disk that records without contents are of: same SR, same place in it. */
function findDisk(state: ImportState, record: Row): Refstring | undefined {
  const { db } = state.pool
  const sr = state.table.get(text(record, 'SR'))
  const location = text(record, 'location')
  const isIt = (row: Row) => text(row, 'SR') === sr && text(row, 'location') === location
  const found = sr === undefined ? undefined : db.refs('VDI').find((vdi) => isIt(db.get('VDI', vdi)))
  if (found !== undefined || state.options.force) return found
  throw sr === undefined ? new XapiFailure('VDI_CONTENT_ID_MISSING') : new XapiFailure('VDI_LOCATION_MISSING', [sr, location])
}

function importMetrics({ pool, table, undo }: ImportState, { className, id, record }: ArchiveObject): void {
  const { uuid: _, ...fields } = record
  const ref = pool.db.create(className, fields)
  undo.push(() => {
    // It went with its VM, if that was made.
    if (pool.db.find(className, ref)) pool.db.delete(className, ref)
  })
  table.set(id, ref)
}

/** By name, else by the name of the bridge, else a new one. Uuids of networks mean nothing in another pool. */
async function importNetwork({ pool, table, undo, task }: ImportState, { id, record }: ArchiveObject): Promise<void> {
  const { db } = pool
  const byField = (field: string) => db.refs('network').find((ref) => text(db.get('network', ref), field) === text(record, field))
  const found = byField('name_label') ?? byField('bridge')
  if (found !== undefined) {
    table.set(id, found)
    return
  }
  const network = (await pool.invoke('network.create', record)) as Refstring
  undo.push(() => pool.invoke('network.destroy', network))
  db.update('network', network, { other_config: { ...map(record, 'other_config'), import_task: task } })
  table.set(id, network)
}

async function importVbd(state: ImportState, { id, record }: ArchiveObject): Promise<void> {
  const { pool, table } = state
  if (foundAgain(state, 'VBD', id, record)) return
  const vm = imported(state, text(record, 'VM'))
  const original = inArchive(state, text(record, 'VM'))
  const vdi = table.get(text(record, 'VDI'))
  const isDrive = text(record, 'type') !== 'Disk'
  const attached = flag(record, 'currently_attached')
  const emulated = hasEmulation(original)
  if (attached && vdi === undefined && !(text(record, 'type') === 'CD' && emulated))
    throw new XapiFailure('IMPORT_ERROR_ATTACHED_DISKS_NOT_FOUND')
  // A disk without content can't be; a drive whose disc is not here is opened.
  if (vdi === undefined && !isDrive) return
  const content = vdi === undefined ? { VDI: NULL_REF, empty: true } : { VDI: vdi }
  const given = { ...record, VM: vm, ...content, device: '', currently_attached: false }
  const vbd = (await pool.invoke('VBD.create', given)) as Refstring
  keep(state, 'VBD', id, record, vbd)
  pool.db.update('VBD', vbd, { currently_attached: attached })
}

async function importVif(state: ImportState, { id, record }: ArchiveObject): Promise<void> {
  const { pool, options } = state
  if (foundAgain(state, 'VIF', id, record)) return
  const vm = imported(state, text(record, 'VM'))
  const network = imported(state, text(record, 'network'))
  // Without an address one is derived from the VM's new seed.
  const given = { ...record, VM: vm, network, currently_attached: false, ...(!options.restore && { MAC: '' }) }
  const vif = (await pool.invoke('VIF.create', given)) as Refstring
  keep(state, 'VIF', id, record, vif)
  const live = text(pool.db.get('VM', vm), 'power_state') !== 'Halted'
  if (live) pool.db.update('VIF', vif, { currently_attached: flag(record, 'currently_attached') })
}

/** With `restore`, a device whose uuid is here already is taken for this one. */
function foundAgain({ pool, options, table }: ImportState, className: 'VBD' | 'VIF', id: string, record: Row): boolean {
  const found = options.restore ? pool.db.byUuid(className, text(record, 'uuid')) : undefined
  if (found !== undefined) table.set(id, found)
  return found !== undefined
}

function keep({ pool, options, table, undo }: ImportState, className: 'VBD' | 'VIF', id: string, record: Row, ref: Refstring): void {
  if (options.restore) pool.db.update(className, ref, { uuid: text(record, 'uuid') })
  undo.push(() => pool.invoke(`${className}.destroy`, ref))
  table.set(id, ref)
}

/** Undone with its VM. */
function importVtpm(state: ImportState, { record }: ArchiveObject): void {
  const { pool, options } = state
  const { db } = pool
  const uuid = text(record, 'uuid')
  if (options.restore && db.byUuid('VTPM', uuid) !== undefined)
    throw new XapiFailure('IMPORT_ERROR', [`A VTPM with UUID ${uuid} already exists`])
  const vm = imported(state, text(record, 'VM'))
  if (map(db.get('pool', pool.refs.pool), 'restrictions').restrict_vtpm !== 'false')
    throw new XapiFailure('FEATURE_RESTRICTED', ['restrict_vtpm'])
  const present = (db.get('VM', vm).VTPMs as Refstring[]).length
  if (present > 0) throw new XapiFailure('VTPM_MAX_AMOUNT_REACHED', [String(present)])
  const contents = text(record, 'content')
  const vtpm = createVtpm(pool, vm, { unique: flag(record, 'is_unique'), contents, ...(options.restore && { uuid }) })
  db.update('VTPM', vtpm, { is_protected: flag(record, 'is_protected') })
}

/** Snapshots and what they are of may come in any order. */
function linkSnapshots(state: ImportState): void {
  for (const { className, id, record } of state.objects) {
    const vm = className === 'VM' ? state.table.get(id) : undefined
    if (vm === undefined || !state.vms.includes(vm)) continue
    const source = text(record, 'snapshot_of')
    const snapshotOf = flag(record, 'is_a_snapshot') && !isNullRef(source) ? imported(state, source) : NULL_REF
    state.pool.db.update('VM', vm, { snapshot_of: snapshotOf, parent: state.table.get(text(record, 'parent')) ?? NULL_REF })
  }
}
