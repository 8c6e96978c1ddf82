/** Turning protection round after a failover: whether the original becomes the replica in place, or a new VM beside it. Pure. */
import type { Reason } from '../base.ts'
import type { PowerState } from '../observation.ts'

/** A disk of the VM that failed over, and what the original's pool knows of its counterpart. */
export interface TurnedDisk {
  readonly userdevice: string
  /** uuid */
  readonly disk: string
  /** Snapshot disk on this side whose content both had, by uuid; undefined: there is none left. */
  readonly base: string | undefined
  /** Whether that snapshot was taken when it took over (else it is the restore point). */
  readonly ownBase: boolean
  /** The original's disk, by uuid; undefined: it is gone, or no longer the original's. */
  readonly original: string | undefined
  /** Bytes that the original's disk differs in from what both had; undefined: that can't be told, or it is being used. */
  readonly written: number | undefined
}

export interface ReprotectPlan {
  /** `in-place`: the original is updated. `beside`: it stays as it is, a new VM is made of clones of its disks. `new`: there is no original. */
  readonly kind: 'in-place' | 'beside' | 'new'
  readonly failedOver: { readonly uuid: string; readonly name: string }
  readonly original: { readonly uuid: string; readonly name: string; readonly powerState: PowerState } | undefined
  /** Chain of the direction back. */
  readonly chain: { readonly job: string; readonly vm: string; readonly sr: string }
  readonly disks: readonly (TurnedDisk & { readonly how: 'delta' | 'compare' | 'full' })[]
  readonly reason: Reason
  readonly happens: readonly Reason[]
  readonly costs: readonly Reason[]
}

export interface ReprotectFacts {
  /** It is protected in that direction already. */
  readonly turned: boolean
  readonly failedOver: ReprotectPlan['failedOver']
  readonly original: (NonNullable<ReprotectPlan['original']> & { readonly haPriority: string; readonly snapshots: number }) | undefined
  readonly chain: ReprotectPlan['chain']
  readonly disks: readonly TurnedDisk[]
}

export function planReprotect({ turned, failedOver, original, chain, disks }: ReprotectFacts): ReprotectPlan {
  if (turned) {
    const reason = { code: 'turned-already', text: 'it is protected in that direction already; what changed since is sent' }
    const named = original && { uuid: original.uuid, name: original.name, powerState: original.powerState }
    const ready = disks.map((disk) => ({ ...disk, how: 'delta' as const }))
    return { kind: 'in-place', failedOver, original: named, chain, disks: ready, reason, happens: [], costs: [] }
  }
  const obstacle = original === undefined ? undefined : whyNotInPlace(original, disks)
  const kind = original === undefined ? 'new' : obstacle === undefined ? 'in-place' : 'beside'
  const reason: Reason =
    original === undefined
      ? { code: 'original-gone', text: 'the original VM is not there any more' }
      : (obstacle ?? { code: 'original-unchanged', text: 'the original is halted and proven to hold what both sides had in common' })
  const how = (disk: TurnedDisk) =>
    disk.original === undefined
      ? 'full'
      : disk.base === undefined || (kind === 'beside' && disk.written === undefined && original?.powerState === 'Halted')
        ? 'compare'
        : 'delta'
  return {
    kind,
    failedOver,
    original: original && { uuid: original.uuid, name: original.name, powerState: original.powerState },
    chain,
    disks: disks.map((disk) => ({ ...disk, how: how(disk) })),
    reason,
    happens: happens(kind, failedOver.name, original),
    costs: costs(kind, original),
  }
}

function whyNotInPlace(original: NonNullable<ReprotectFacts['original']>, disks: readonly TurnedDisk[]): Reason | undefined {
  if (original.powerState !== 'Halted') {
    return {
      code: 'original-runs',
      text: `the original is ${original.powerState.toLowerCase()}`,
      avoid: 'shut it down, unless it is to stay as it is',
    }
  }
  for (const { userdevice, base, ownBase, original: disk, written } of disks) {
    if (base === undefined || !ownBase) {
      const text = `disk ${userdevice}: it has no snapshot of the moment it took over`
      return { code: 'no-common-snapshot', text, avoid: 'fail over with understudy, not by hand' }
    }
    if (disk === undefined)
      return {
        code: 'original-disk-gone',
        text: `disk ${userdevice}: the original has not the disk any more that both sides had in common`,
      }
    if (written === undefined) {
      return {
        code: 'original-not-provable',
        text: `disk ${userdevice}: nothing tells whether the original's disk was written since (its change tracking is off or broken)`,
      }
    }
    if (written > 0) {
      return {
        code: 'original-written',
        text: `disk ${userdevice}: the original wrote ${written} bytes that were never replicated; they stay with it`,
      }
    }
  }
  return undefined
}

function happens(kind: ReprotectPlan['kind'], name: string, original: ReprotectFacts['original']): Reason[] {
  const block = { code: 'original-blocked', text: `the start of "${original?.name}" is blocked` }
  switch (kind) {
    case 'in-place':
      return [
        block,
        {
          code: 'original-becomes-replica',
          text: `"${original?.name}" becomes the replica of "${name}": its state now is the first restore point`,
        },
      ]
    case 'beside':
      return [
        ...(original?.powerState === 'Halted' ? [block] : []),
        {
          code: 'new-beside-original',
          text: `a new VM is made beside "${original?.name}" of clones of its disks; nothing of the original is overwritten`,
        },
      ]
    case 'new':
      return [{ code: 'new-replica', text: 'a new replica is made, by a full copy' }]
  }
}

function costs(kind: ReprotectPlan['kind'], original: ReprotectFacts['original']): Reason[] {
  if (kind !== 'in-place' || original === undefined) return []
  return original.haPriority === ''
    ? []
    : [
        {
          code: 'ha-priority-off',
          text: `the original's HA priority ("${original.haPriority}") is off while it is a replica, and given back when it takes over again`,
        },
      ]
}
