/** Whether a snapshot of a source and a VM on the target, made of it by any means, can be linked into a chain. Pure. */
import { type Reason, ROUNDING } from './base.ts'
import { isExcludedByName } from './exclusion.ts'

/** A disk as it hangs on a VM or a snapshot VM. */
export interface SeedDisk {
  readonly userdevice: string
  readonly uuid: string
  readonly name: string
  readonly size: number
  /** uuid of its storage repository */
  readonly sr: string
  /** Its data was destroyed, only the record of changes is left. */
  readonly withoutData: boolean
  /** Names of other VMs that it is attached to. */
  readonly heldBy: readonly string[]
}

export interface SeedSnapshot {
  readonly uuid: string
  readonly name: string
  readonly takenAt: number
  /** The VM that it was taken of; absent: that is gone. */
  readonly source: { readonly uuid: string; readonly name: string } | undefined
  readonly disks: readonly SeedDisk[]
}

export interface SeedVm {
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  /** Milliseconds; undefined: never, as far as its pool knows. */
  readonly startedAt: number | undefined
  readonly disks: readonly SeedDisk[]
  /** The chain whose replica or restore point it is already. */
  readonly of: { readonly job: string; readonly vm: string } | undefined
  /** uuid of the snapshot that its marks say it is a copy of. */
  readonly copyOf: string | undefined
}

/** What the chain has on the target already. */
export interface SeedChain {
  readonly job: string
  readonly replica: string | undefined
  readonly points: readonly { readonly uuid: string; readonly copyOf: string | undefined }[]
}

export interface SeedPair {
  readonly userdevice: string
  readonly source: SeedDisk
  readonly target: SeedDisk
}

export type SeedRefusalCode =
  | 'SEED_SNAPSHOT_UNUSABLE'
  | 'SEED_VM_UNUSABLE'
  | 'SEED_VM_NOT_HALTED'
  | 'SEED_VM_WAS_STARTED'
  | 'SEED_VM_TAKEN'
  | 'SEED_CHAIN_EXISTS'
  | 'SEED_DISKS_DIFFER'

export type SeedJudgement =
  | { readonly kind: 'link'; readonly sr: string; readonly pairs: readonly SeedPair[]; readonly warnings: readonly Reason[] }
  /** The restore point is there: only what the source's side lacks is to be done. */
  | { readonly kind: 'linked'; readonly sr: string; readonly pairs: readonly SeedPair[]; readonly restorePoint: string }
  | { readonly kind: 'refused'; readonly code: SeedRefusalCode; readonly text: string; readonly hint: string }

const refuse = (code: SeedRefusalCode, text: string, hint: string): SeedJudgement => ({ kind: 'refused', code, text, hint })

/** @param compared whether the whole content is compared afterwards: then a VM that was started may still be right. */
export function judgeSeed(snapshot: SeedSnapshot, vm: SeedVm, chain: SeedChain, compared: boolean): SeedJudgement {
  if (snapshot.source === undefined) {
    return refuse(
      'SEED_SNAPSHOT_UNUSABLE',
      `the VM that snapshot "${snapshot.name}" was taken of is gone`,
      'take a new snapshot of the VM to be protected, and seed with that',
    )
  }
  const wanted = snapshot.disks.filter(({ name }) => !isExcludedByName(name))
  const empty = wanted.find(({ withoutData }) => withoutData)
  if (empty !== undefined) {
    return refuse(
      'SEED_SNAPSHOT_UNUSABLE',
      `disk ${empty.userdevice} of snapshot "${snapshot.name}" has no data any more, only its record of changes`,
      'take a new snapshot of the VM to be protected, and seed with that',
    )
  }
  const paired = pairDisks(wanted, vm)
  if ('kind' in paired) return paired
  const { pairs, sr } = paired
  const point = chain.points.find(({ copyOf }) => copyOf === snapshot.uuid)
  if (chain.replica === vm.uuid && point !== undefined) return { kind: 'linked', sr, pairs, restorePoint: point.uuid }
  if (vm.powerState !== 'Halted') {
    return refuse(
      'SEED_VM_NOT_HALTED',
      `"${vm.name}" is ${vm.powerState.toLowerCase()}`,
      'a seed must never run: what it writes makes it differ from its source. Make the copy again from the snapshot',
    )
  }
  if (vm.of !== undefined && (vm.of.job !== chain.job || vm.of.vm !== snapshot.source.uuid)) {
    return refuse(
      'SEED_VM_TAKEN',
      `"${vm.name}" is a replica already: of VM ${vm.of.vm} in job ${vm.of.job}`,
      'make another copy of the snapshot for this job',
    )
  }
  // What the original's tool has tagged is taken over; anything else is a chain that goes on by itself.
  const others = chain.points.filter(({ uuid }) => uuid !== vm.uuid)
  if (others.length > 0 || (chain.replica !== undefined && chain.replica !== vm.uuid)) {
    return refuse(
      'SEED_CHAIN_EXISTS',
      `job ${chain.job} has a replica of this VM on the storage already`,
      'run the job: it sends a delta. A seed is for a job that has no copy yet',
    )
  }
  const held = [...pairs.map(({ target }) => target)].find(({ heldBy }) => heldBy.length > 0)
  if (held !== undefined) {
    return refuse(
      'SEED_VM_TAKEN',
      `disk ${held.userdevice} of "${vm.name}" is attached to "${held.heldBy[0]}" as well`,
      'detach it there, or make another copy of the snapshot',
    )
  }
  if (vm.startedAt !== undefined && !compared) {
    return refuse(
      'SEED_VM_WAS_STARTED',
      `"${vm.name}" was started at ${new Date(vm.startedAt).toISOString()}, and has written to its disks since`,
      'make the copy again from the snapshot, or compare all of it: --verify full',
    )
  }
  return { kind: 'link', sr, pairs, warnings: [] }
}

type Pairing = { readonly pairs: readonly SeedPair[]; readonly sr: string } | Extract<SeedJudgement, { kind: 'refused' }>

function pairDisks(wanted: readonly SeedDisk[], vm: SeedVm): Pairing {
  const differ = (text: string) =>
    refuse(
      'SEED_DISKS_DIFFER',
      `${text}: "${vm.name}" is no copy of the snapshot as it is`,
      'export the snapshot with all its disks and import it again, and leave the disks where they are',
    ) as Extract<SeedJudgement, { kind: 'refused' }>
  if (wanted.length === 0) return differ('the snapshot has no disks to protect')
  if (wanted.length !== vm.disks.length) return differ(`the snapshot has ${count(wanted.length)}, "${vm.name}" has ${vm.disks.length}`)
  const pairs: SeedPair[] = []
  for (const source of wanted) {
    const target = vm.disks.find(({ userdevice }) => userdevice === source.userdevice)
    if (target === undefined) return differ(`nothing is at position ${source.userdevice}, where the snapshot has "${source.name}"`)
    if (target.size < source.size || target.size - source.size >= ROUNDING) {
      return differ(`disk ${source.userdevice} has ${target.size} bytes, that of the snapshot ${source.size}`)
    }
    pairs.push({ userdevice: source.userdevice, source, target })
  }
  const repositories = new Set(pairs.map(({ target }) => target.sr))
  if (repositories.size > 1) {
    return refuse('SEED_VM_UNUSABLE', `the disks of "${vm.name}" are on several storage repositories`, 'import it to one') as Extract<
      SeedJudgement,
      { kind: 'refused' }
    >
  }
  return { pairs, sr: [...repositories][0] as string }
}

const count = (disks: number) => `${disks} ${disks === 1 ? 'disk' : 'disks'}`
