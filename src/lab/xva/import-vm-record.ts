/** A VM of an archive (module VM in xen-api ocaml/xapi/import.ml). */
import { randomUUID } from 'node:crypto'
import { count, flag, map, NULL_REF, text, without } from '../classes/fields.ts'
import { freshGenerationId } from '../classes/generation-id.ts'
import { setGuest } from '../classes/guest-tools.ts'
import { hasDriverVersion } from '../classes/vm-facts.ts'
import { type Refstring, type Row, XapiFailure } from '../pool.ts'
import { type ImportState, imported } from './import-state.ts'
import type { ArchiveObject } from './ova-xml.ts'

export async function importVm(state: ImportState, { id, record }: ArchiveObject): Promise<void> {
  const { db } = state.pool
  const standard = standardTemplate(state, record)
  if (standard !== undefined) {
    state.table.set(id, standard)
    state.vms.push(standard)
    return
  }
  const existing = state.options.restore ? db.byUuid('VM', text(record, 'uuid')) : undefined
  if (existing !== undefined) {
    if (!mayReplace(state, existing, record)) return
    await removeVm(state, existing)
  }
  await createVm(state, id, record)
}

/** A template that comes with the software is not imported: the one of that name stands for it. */
function standardTemplate({ pool }: ImportState, record: Row): Refstring | undefined {
  const standard =
    flag(record, 'is_default_template') || (flag(record, 'is_a_template') && map(record, 'other_config').default_template === 'true')
  if (!standard) return undefined
  return pool.db.refs('VM').find((vm) => text(pool.db.get('VM', vm), 'name_label') === text(record, 'name_label'))
}

/** False: with `force`, a VM that is not halted is left as it is, and the archive's left out. */
function mayReplace({ pool, options }: ImportState, vm: Refstring, record: Row): boolean {
  const row = pool.db.get('VM', vm)
  const state = text(row, 'power_state')
  if (state !== 'Halted') {
    if (options.force) return false
    throw new XapiFailure('VM_BAD_POWER_STATE', [vm, 'Halted', state])
  }
  const [here, there] = [count(row, 'version'), count(record, 'version')]
  if (here >= there && !options.force) throw new XapiFailure('VM_TO_IMPORT_IS_NOT_NEWER_VERSION', [vm, String(here), String(there)])
  return true
}

async function removeVm({ pool }: ImportState, vm: Refstring): Promise<void> {
  const row = pool.db.get('VM', vm)
  for (const vif of row.VIFs as Refstring[]) await pool.invoke('VIF.destroy', vif)
  for (const vbd of row.VBDs as Refstring[]) await pool.invoke('VBD.destroy', vbd)
  await pool.invoke('VM.destroy', vm)
}

async function createVm(state: ImportState, id: string, record: Row): Promise<void> {
  const { pool, options, task } = state
  const { db } = pool
  const { restore, force } = options
  const vm = (await pool.invoke('VM.create', createdRecord(record, options))) as Refstring
  state.undo.push(async () => {
    db.update('VM', vm, { current_operations: without(map(db.get('VM', vm), 'current_operations'), task), power_state: 'Halted' })
    await pool.invoke('VM.destroy', vm)
  })
  const replaced = text(db.get('VM', vm), 'metrics')
  const metrics = state.table.get(text(record, 'metrics'))
  db.update('VM', vm, {
    ...(restore && { uuid: text(record, 'uuid') }),
    last_booted_record: text(record, 'last_booted_record'),
    last_boot_CPU_flags: map(record, 'last_boot_CPU_flags'),
    other_config: { ...map(db.get('VM', vm), 'other_config'), import_task: task },
    ...suspension(state, record),
    is_control_domain: flag(record, 'is_control_domain'),
    resident_on: state.table.get(text(record, 'resident_on')) ?? NULL_REF,
    affinity: state.table.get(text(record, 'affinity')) ?? NULL_REF,
    is_a_snapshot: flag(record, 'is_a_snapshot'),
    snapshot_info: map(record, 'snapshot_info'),
    snapshot_time: text(record, 'snapshot_time'),
    transportable_snapshot_id: text(record, 'transportable_snapshot_id'),
    suspend_SR: db.find('SR', text(record, 'suspend_SR')) ? text(record, 'suspend_SR') : NULL_REF,
    bios_strings: map(record, 'bios_strings'),
    ...(metrics !== undefined && { metrics }),
    guest_metrics: state.table.get(text(record, 'guest_metrics')) ?? NULL_REF,
    // With `force` the VM would stay locked when something goes wrong.
    ...(!force && { current_operations: { [task]: 'import' } }),
  })
  if (metrics !== undefined) db.delete('VM_metrics', replaced)
  else if (text(record, 'power_state') === 'Suspended') db.update('VM_metrics', replaced, { current_domain_type: domainType(record) })
  // The tools are on the disks that come along.
  const guest = db.find('VM_guest_metrics', text(db.get('VM', vm), 'guest_metrics'))
  if (guest && hasDriverVersion(guest)) {
    const { name } = map(guest, 'os_version')
    setGuest(pool, vm, { tools: true, ...(name !== undefined && { osName: name }) })
  }
  state.table.set(id, vm)
  state.vms.push(vm)
}

const domainType = (record: Row) =>
  text(record, 'domain_type') === 'unspecified' ? (text(record, 'HVM_boot_policy') === '' ? 'pv' : 'hvm') : text(record, 'domain_type')

function createdRecord(record: Row, { restore, force }: ImportState['options']): Row {
  const config = without(map(record, 'other_config'), 'grant_api_access', ...(force ? [] : ['default_template']))
  const priority = text(record, 'ha_restart_priority')
  return {
    ...record,
    other_config: restore ? config : { ...config, mac_seed: randomUUID() },
    // A template is not going to start; a VM must know that its disks have another future now.
    generation_id: flag(record, 'is_a_template') ? text(record, 'generation_id') : freshGenerationId(text(record, 'generation_id')),
    version: restore ? count(record, 'version') + 1 : 0,
    appliance: NULL_REF,
    affinity: NULL_REF,
    domain_type: domainType(record),
    suspend_VDI: NULL_REF,
    power_state: 'Halted',
    // Older archives have an order here.
    ...(/^[0-3]$/.test(priority) && { ha_restart_priority: 'restart', order: Number(priority) }),
  }
}

/** A VM is suspended again when its memory came along, or is there. */
function suspension(state: ImportState, record: Row): Row {
  if (text(record, 'power_state') !== 'Suspended') return { power_state: 'Halted' }
  const image = text(record, 'suspend_VDI')
  if (state.options.force && !state.table.has(image)) return { power_state: 'Halted' }
  return { power_state: 'Suspended', suspend_VDI: imported(state, image) }
}

/** DUPLICATE_MAC_SEED [seed] when a VM here, which is not the same, nor its snapshot, has the seed of one in the archive. */
export function assertSeedsAreFree({ pool, objects }: Pick<ImportState, 'pool' | 'objects'>): void {
  const { db } = pool
  const here = db.refs('VM').map((ref) => db.get('VM', ref))
  const originHere = (row: Row) => text(db.find('VM', text(row, 'snapshot_of')) ?? {}, 'uuid')
  for (const { className, record } of objects) {
    const seed = className === 'VM' ? map(record, 'other_config').mac_seed : undefined
    if (seed === undefined) continue
    const parent = objects.find((object) => object.className === 'VM' && object.id === text(record, 'snapshot_of'))
    const origin = parent ? text(parent.record, 'uuid') : originHere(record)
    for (const row of here) {
      if (map(row, 'other_config').mac_seed !== seed) continue
      const mine = flag(record, 'is_a_snapshot') ? origin : text(record, 'uuid')
      const theirs = flag(row, 'is_a_snapshot') ? originHere(row) : text(row, 'uuid')
      if (mine === '' || mine !== theirs) throw new XapiFailure('DUPLICATE_MAC_SEED', [seed])
    }
  }
}
