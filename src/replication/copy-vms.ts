/**
 * Copies that are VMs by themselves, no snapshots: the original's layout before its version 6.3 (one VM for each run), and what its
 * cr-seed tags (@xen-orchestra/cr-seed-cli: keys on the VM, its disks say no more than what they are copies of). A clone that a user
 * makes of one inherits every key, so the keys alone tell nothing.
 */
import { MARK, parseDatetime, readMarks } from '../core/marks.ts'
import type { RestorePoint, RestorePointDisk } from '../core/observation.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { disksOf, holdersOf, type PoolView } from './pool-view.ts'

type Vm = RecordOf['VM']

interface Chain {
  readonly job: string
  readonly vm: string
  readonly sr: string
}

/** When a VM was last started, in milliseconds; undefined: never, as far as its pool knows. */
export type AskStarted = (vm: Ref<'VM'>) => Promise<number | undefined>

export interface CopyVms {
  readonly points: readonly RestorePoint[]
  /** VMs with the chain's marks that may be copies and may be somebody's own: left alone, and told of. */
  readonly doubtful: readonly { readonly uuid: string; readonly name: string; readonly why: string }[]
}

/**
 * Whether the VM has what a copy has as long as nobody took it over: the chain's marks, its start blocked, and that it is at rest. What
 * carries a key of ours is a clone of a restore point of ours, or the replica.
 */
export function looksLikeCopyVm(vm: Vm, { job, vm: of, sr }: Chain): boolean {
  if (vm.is_a_snapshot || vm.is_a_template || vm.is_control_domain) return false
  const marks = readMarks(vm.other_config)
  if (marks.job !== job || marks.vm !== of || marks.sr !== sr || marks.copyOf === undefined) return false
  if (Object.keys(vm.other_config).some((key) => key.startsWith('understudy:'))) return false
  return vm.power_state === 'Halted' && 'start' in vm.blocked_operations
}

/** @param snapshots the chain's restore points that are snapshots, by reference */
export async function findCopyVms(
  view: PoolView,
  chain: Chain,
  snapshots: ReadonlyMap<Ref<'VM'>, Vm>,
  askStarted: AskStarted,
): Promise<CopyVms> {
  // In the newer layout the VM whose snapshots are the restore points carries the marks while a run of the original lives.
  const live = new Set([...snapshots.values()].map(({ snapshot_of: of }) => of))
  const taken = new Set([...snapshots.values()].map(({ other_config: config }) => config[MARK.copyOf]))
  const found = [...view.VM].filter(([ref, vm]) => looksLikeCopyVm(vm, chain) && !live.has(ref))
  const named = found.map(([, vm]) => vm).filter(isNamedForItsTime)
  const points: RestorePoint[] = []
  const doubtful: CopyVms['doubtful'][number][] = []
  for (const [ref, vm] of found) {
    const copyOf = vm.other_config[MARK.copyOf]
    const rivals = named.filter((other) => other.other_config[MARK.copyOf] === copyOf).length
    const point = copyPoint(view, chain, ref, vm)
    const why =
      point === undefined
        ? 'it is not complete'
        : !named.includes(vm)
          ? 'its name does not end with its time, as Xen Orchestra names a copy: it may be a clone that somebody made'
          : rivals > 1 || taken.has(copyOf)
            ? 'others have the same marks: it may be a clone that somebody made'
            : ((await askStarted(ref)) ?? Number.NEGATIVE_INFINITY) > point.takenAt
              ? 'it was started since it was made'
              : undefined
    if (why !== undefined) doubtful.push({ uuid: vm.uuid, name: vm.name_label, why })
    else if (point !== undefined) points.push(point)
  }
  return { points, doubtful }
}

/**
 * The original names a copy `<vm> - <job> - (<time>)`, its cr-seed `<vm> (<time>)`, where the time is that of `xo:backup:datetime`. A
 * user's clone is named by the user.
 */
function isNamedForItsTime(vm: Vm): boolean {
  const time = timeOfName(vm)
  return time !== undefined && time === timeOf(vm)
}

const timeOfName = (vm: Vm) => parseDatetime(/\(([^()]*)\)$/.exec(vm.name_label)?.[1])
/** The oldest copies have it in their name only. A transfer that was interrupted leaves the epoch as the key's value, which is no time. */
const timeOf = (vm: Vm) => (MARK.datetime in vm.other_config ? parseDatetime(vm.other_config[MARK.datetime]) : timeOfName(vm))

/** Undefined when it lacks something. */
function copyPoint(view: PoolView, chain: Chain, ref: Ref<'VM'>, vm: Vm): RestorePoint | undefined {
  const marks = readMarks(vm.other_config)
  const takenAt = timeOf(vm)
  const attached = disksOf(view, vm)
  if (takenAt === undefined || !attached.every(({ record }) => MARK.copyOf in record.other_config)) return undefined
  if (attached.some(({ record }) => view.SR.get(record.SR)?.uuid !== chain.sr)) return undefined
  const disks = attached.map(({ record, vbdRecord }): RestorePointDisk => {
    const { uuid, virtual_size: size } = record
    return { userdevice: vbdRecord.userdevice, uuid, copyOf: readMarks(record.other_config).copyOf, snapshotOf: undefined, size }
  })
  const spare =
    vm.snapshots.length > 0
      ? 'somebody took snapshots of it'
      : attached.some(({ record }) => holdersOf(view, record).some(({ vm: holder }) => holder !== ref))
        ? 'another VM has a disk of it'
        : undefined
  return {
    uuid: vm.uuid,
    name: vm.name_label,
    schedule: marks.schedule,
    takenAt,
    generation: 0,
    copyOf: marks.copyOf,
    disks,
    complete: true,
    copyVm: { spare },
  }
}
