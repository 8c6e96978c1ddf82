/** Reads a snapshot of the source and a VM on the target into the facts that `judgeSeed` decides on. */
import { Failure } from '../../core/failure.ts'
import { parseDatetime, readMarks, readReplicaMark } from '../../core/marks.ts'
import type { SeedDisk, SeedSnapshot, SeedVm } from '../../core/seed.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { disksOf, findByUuid, holdersOf, type PoolView } from '../pool-view.ts'

export interface Seen<F> {
  readonly ref: Ref<'VM'>
  readonly record: RecordOf['VM']
  readonly facts: F
}

/** Failure SEED_SNAPSHOT_UNUSABLE when the uuid is none of a VM's snapshot. */
export function inspectSeedSnapshot(view: PoolView, uuid: string): Seen<SeedSnapshot> {
  const unusable = (text: string) =>
    new Failure('SEED_SNAPSHOT_UNUSABLE', text, 'name the snapshot that was exported: xe snapshot-list on the source lists them')
  const found = findByUuid(view.VM, uuid)
  if (found === undefined) throw unusable(`the source pool has no snapshot ${uuid}`)
  const [ref, record] = found
  if (!record.is_a_snapshot) throw unusable(`${uuid} ("${record.name_label}") is a VM, not a snapshot of one`)
  const of = view.VM.get(record.snapshot_of)
  return {
    ref,
    record,
    facts: {
      uuid,
      name: record.name_label,
      takenAt: parseDatetime(record.snapshot_time) ?? 0,
      source: of && { uuid: of.uuid, name: of.name_label },
      disks: seedDisks(view, ref, record),
    },
  }
}

/** Failure SEED_VM_UNUSABLE when it can't become a replica. A template is fine: what is exported of a snapshot comes back as one. */
export function inspectSeedVm(view: PoolView, uuid: string, startedAt: number | undefined): Seen<SeedVm> {
  const [ref, record] = findSeedVm(view, uuid)
  const marks = readMarks(record.other_config)
  const own = readReplicaMark(record.other_config, record.uuid)
  const chain = own ?? (marks.job !== undefined && marks.vm !== undefined ? { job: marks.job, vm: marks.vm } : undefined)
  return {
    ref,
    record,
    facts: {
      uuid,
      name: record.name_label,
      powerState: record.power_state,
      startedAt,
      disks: seedDisks(view, ref, record),
      of: chain && { job: chain.job, vm: chain.vm },
      copyOf: marks.copyOf,
    },
  }
}

export function findSeedVm(view: PoolView, uuid: string): [Ref<'VM'>, RecordOf['VM']] {
  const unusable = (text: string) =>
    new Failure('SEED_VM_UNUSABLE', text, 'name the VM that the import made: xe vm-list (or template-list) on the target lists it')
  const found = findByUuid(view.VM, uuid)
  if (found === undefined) throw unusable(`the target pool has no VM ${uuid}`)
  const { is_a_snapshot: snapshot, is_control_domain: control, is_default_template: standard, name_label: name } = found[1]
  if (snapshot || control || standard) {
    throw unusable(
      `${uuid} ("${name}") is a ${snapshot ? 'snapshot' : control ? 'control domain' : 'template of the pool'}, not an imported VM`,
    )
  }
  return found
}

function seedDisks(view: PoolView, vm: Ref<'VM'>, record: RecordOf['VM']): SeedDisk[] {
  return disksOf(view, record).map(({ record: disk, vbdRecord }) => ({
    userdevice: vbdRecord.userdevice,
    uuid: disk.uuid,
    name: disk.name_label,
    size: disk.virtual_size,
    sr: view.SR.get(disk.SR)?.uuid ?? '',
    withoutData: disk.type === 'cbt_metadata',
    heldBy: holdersOf(view, disk).flatMap((holder) => (holder.vm === vm ? [] : [holder.vmRecord.name_label])),
  }))
}
