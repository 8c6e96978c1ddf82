/**
 * The plan of one VM run: plain data made from what was seen on both pools. It says per disk what will be sent onto what and why,
 * what is made and what is removed. Pure: no clock, no random, no I/O.
 */

import { type BaseChoice, type CommonBase, chooseBase, chooseCommon, type Reason, resumeDisk } from './base.ts'
import { type BrokenChainPolicy, isBroken, repaired } from './broken-chain.ts'
import { judgeChains } from './chain-health.ts'
import { exclusion } from './exclusion.ts'
import { fitMemory, type MemoryPlan } from './memory.ts'
import { planVifs, type VifPlan } from './networks.ts'
import type { SourceDisk, SourceFacts, TargetFacts } from './observation.ts'
import { judgeOriginals, keepsData, warnOfOriginals } from './originals.ts'
import { type Refusal, refuse, refuseFull, refuseMapping } from './refusals.ts'
import { type Removal, sourceRemovals, targetRemovals } from './removals.ts'
import { findResumable, type Resumable } from './resume.ts'
import { judgeRestorePoints, type Kept, type RetentionRule } from './retention.ts'
import { judgeSpace, tooLarge, withoutSnapshots } from './space.ts'

export interface Policy {
  readonly job: string
  readonly schedule: string
  /** Restore points to keep; at least 1. */
  readonly retention: number | RetentionRule
  /** Source network uuid → target network uuid, null to leave disconnected. */
  readonly networks: ReadonlyMap<string, string | null>
  /** Disks that were named to be left out of this very VM, by uuid or position: those that it has not are told of. */
  readonly leftOut?: ReadonlySet<string>
  /** Time of the run, for retention by days and the like: the restore point to come belongs to today. */
  readonly now?: number
  /** Default: `full`. */
  readonly onBrokenChain?: BrokenChainPolicy
  /** By uuid of the source's disk. */
  readonly common?: ReadonlyMap<string, CommonBase>
  /** Carries the memory of the VM as well, where that is possible; default: not. */
  readonly memory?: boolean
}

export type DiskPlan =
  | { readonly mode: 'skipped'; readonly userdevice: string; readonly source: string; readonly name: string; readonly reason: Reason }
  | {
      readonly mode: 'delta' | 'full'
      readonly userdevice: string
      readonly source: string
      readonly name: string
      readonly size: number
      /** Of a full onto a new disk: bytes that will be read at most, by what the source's storage says it holds. What changed is not known before the snapshot. */
      readonly expectedBytes?: number
      readonly reason: Reason
      readonly choice: BaseChoice
    }

export type SentDiskPlan = Exclude<DiskPlan, { mode: 'skipped' }>

export interface VmRunPlan {
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly targetSr: { readonly uuid: string; readonly name: string }
  readonly replica: { readonly kind: 'create' } | { readonly kind: 'reuse'; readonly uuid: string }
  /** An interrupted run is taken up again: no new source snapshot is made, the one named here is carried over to its end. */
  readonly resume?: { readonly snapshot: string }
  readonly disks: readonly DiskPlan[]
  /** Absent: it is not asked for. */
  readonly memory?: MemoryPlan
  /** Disks of the replica that the source no longer has: taken off it after the run (restore points keep them). */
  readonly dropDisks: readonly { readonly uuid: string; readonly userdevice: string; readonly reason: string }[]
  readonly vifs: readonly VifPlan[]
  readonly removals: readonly Removal[]
  readonly retention: readonly Kept[]
  readonly unblockMigration: boolean
  /** The source snapshot must not be reduced to its record of changes: tracked snapshots of the original's stay before it. */
  readonly keepSourceData?: true
  readonly warnings: readonly Reason[]
}

export type Planned = { readonly kind: 'plan'; readonly plan: VmRunPlan } | { readonly kind: 'refused'; readonly refusal: Refusal }

const COMING = 'the restore point of this run'

export function planVmRun(source: SourceFacts, target: TargetFacts, policy: Policy): Planned {
  const refusal = refuse(source, target) ?? refuseMapping(target, policy.networks)
  if (refusal !== undefined) return { kind: 'refused', refusal }
  const resumable = findResumable(source, target, (uuid) =>
    source.disks.some((disk) => disk.uuid === uuid && exclusion(disk) === undefined),
  )
  const disks = source.disks.map((disk) => planDisk(disk, target, resumable, policy))
  const impossible = withoutSnapshots(target) ?? tooLarge(disks, target)
  if (impossible !== undefined) return { kind: 'refused', refusal: impossible }
  const freed = makesRoom(disks, target)
  const ofDisks = judgeSpace(disks, source.disks, target, freed)
  if (ofDisks.kind === 'refused') return { kind: 'refused', refusal: ofDisks.refusal }
  const refused = policy.onBrokenChain === 'refuse' ? refuseFull(source, disks, target) : undefined
  if (refused !== undefined) return { kind: 'refused', refusal: refused }
  const vifs = planVifs(source.vifs, source.networks, target.networks, policy.networks)
  // The restore point that this run will make counts among those to keep.
  const coming = {
    uuid: COMING,
    schedule: policy.schedule,
    takenAt: policy.now ?? Math.max(0, ...target.restorePoints.map(({ takenAt }) => takenAt)) + 1,
    generation: Number.POSITIVE_INFINITY,
    complete: true,
  }
  const retention = spared(judgeRestorePoints([...target.restorePoints, coming], policy.schedule, policy.retention), target).filter(
    ({ uuid }) => uuid !== COMING,
  )
  const bases = basesOf(disks)
  const leftOut = new Set(disks.flatMap((disk) => (disk.mode === 'skipped' ? [disk.source] : [])))
  const originals = judgeOriginals(source, target, bases)
  const { replica } = target
  const fitted = policy.memory ? fitMemory(source, target, disks, freed, resumable !== undefined) : undefined
  const memory = fitted?.memory
  const space = fitted?.space ?? ofDisks
  return {
    kind: 'plan',
    plan: {
      vm: { uuid: source.uuid, name: source.name },
      targetSr: { uuid: target.sr.uuid, name: target.sr.name },
      replica: replica === undefined ? { kind: 'create' } : { kind: 'reuse', uuid: replica.uuid },
      ...(resumable === undefined ? {} : { resume: { snapshot: resumable.snapshot } }),
      disks,
      ...(memory === undefined ? {} : { memory }),
      dropDisks: dropped(disks, target),
      vifs,
      removals: [
        ...sourceRemovals(source, bases, leftOut, originals).filter(({ uuid }) => uuid !== resumable?.snapshot),
        ...targetRemovals(target, retention),
      ],
      retention,
      unblockMigration: source.migrationBlockedByUs,
      ...(keepsData(originals) ? { keepSourceData: true } : {}),
      warnings: [
        ...warnings(source, disks, vifs, policy),
        ...(fitted?.warnings ?? []),
        ...warnOfOriginals(originals, target),
        ...onTrust(disks, target),
        ...(space.kind === 'warned' ? [space.warning] : []),
        ...judgeChains('source', source.disks).warnings,
        ...judgeChains('target', replica?.disks ?? []).warnings,
      ],
    },
  }
}

/** Whether left-overs, or disks that are replaced, go before anything is written. */
function makesRoom(disks: readonly DiskPlan[], { strayDisks, restorePoints, replica }: TargetFacts): boolean {
  const replaces = disks.some((disk) => disk.mode !== 'skipped' && disk.choice.landing.kind === 'create')
  return strayDisks.length > 0 || restorePoints.some(({ complete }) => !complete) || (replaces && (replica?.disks.length ?? 0) > 0)
}

function planDisk(disk: SourceDisk, target: TargetFacts, resumable: Resumable | undefined, policy: Policy): DiskPlan {
  const { userdevice, uuid: source, name, size } = disk
  const excluded = exclusion(disk)
  if (excluded !== undefined) return { mode: 'skipped', userdevice, source, name, reason: excluded }
  const live = resumable?.disks.get(source)?.live
  const resumed = live && resumeDisk(disk, live, target.restorePoints)
  const chosen = resumed ?? chooseBase(disk, target.replica?.disks ?? [], target.restorePoints)
  const common = chosen.kind === 'full' ? policy.common?.get(source) : undefined
  const shared = common && chooseCommon(disk, common)
  if (shared !== undefined) return { mode: shared.kind, userdevice, source, name, size, reason: shared.reason, choice: shared }
  const broken = isBroken(chosen, disk, target.restorePoints)
  const choice = broken && policy.onBrokenChain === 'repair' ? repaired(chosen, disk, target.restorePoints) : chosen
  return { mode: choice.kind, userdevice, source, name, size, ...expected(disk, choice), reason: choice.reason, choice }
}

function expected({ size, allocated }: SourceDisk, { landing }: BaseChoice): { readonly expectedBytes?: number } {
  return landing.kind === 'create' && allocated !== undefined ? { expectedBytes: Math.min(allocated.most, size) } : {}
}

function dropped(disks: readonly DiskPlan[], target: TargetFacts): VmRunPlan['dropDisks'] {
  const used = new Set(
    disks.flatMap((disk) => (disk.mode === 'skipped' || disk.choice.landing.kind === 'create' ? [] : [landed(disk.choice)])),
  )
  return (target.replica?.disks ?? [])
    .filter(({ uuid, ours }) => ours && !used.has(uuid))
    .map(({ uuid, userdevice, follows }) => {
      const replaced = disks.some((disk) => disk.userdevice === userdevice && disk.mode !== 'skipped')
      const leftOut = disks.some(({ mode, source }) => mode === 'skipped' && source === follows)
      const gone = leftOut ? 'the disk that it follows is left out' : 'the source no longer has this disk'
      return { uuid, userdevice, reason: replaced ? 'replaced by this run' : gone }
    })
}

function landed(choice: BaseChoice): string {
  const { landing } = choice
  return 'disk' in landing ? landing.disk : ''
}

const basesOf = (disks: readonly DiskPlan[]): ReadonlySet<string> =>
  new Set(disks.flatMap((disk) => (disk.mode === 'delta' && disk.choice.kind === 'delta' ? [disk.choice.base.uuid] : [])))

/** Retention with copies kept that are not ours to remove. */
function spared(retention: readonly Kept[], target: TargetFacts): Kept[] {
  return retention.map((judged) => {
    const spare = target.restorePoints.find(({ uuid }) => uuid === judged.uuid)?.copyVm?.spare
    return judged.keep || spare === undefined ? judged : { ...judged, keep: true, reason: spare }
  })
}

/** A VM by itself can be written to, other than a snapshot, and there is no record of changes to ask. */
function onTrust(disks: readonly DiskPlan[], target: TargetFacts): Reason[] {
  const bases = new Set(disks.flatMap((disk) => (disk.mode === 'delta' && disk.choice.kind === 'delta' ? [disk.choice.restorePoint] : [])))
  return target.restorePoints
    .filter(({ uuid, copyVm }) => copyVm !== undefined && bases.has(uuid))
    .map(({ name }) => ({
      code: 'base-on-trust',
      text: `"${name}" is taken for what it says it is: its start is blocked and it was not started, but nothing records whether its disks were written`,
      avoid: 'run once with --verify full, or understudy verify afterwards',
    }))
}

function warnings(source: SourceFacts, disks: readonly DiskPlan[], vifs: readonly VifPlan[], policy: Policy): Reason[] {
  const out: Reason[] = []
  for (const vif of vifs) {
    if (vif.reason.code === 'no-counterpart') {
      out.push({ ...vif.reason, text: `interface ${vif.device} of the replica stays disconnected: ${vif.reason.text}` })
    }
  }
  for (const network of policy.networks.keys()) {
    if (source.vifs.some((vif) => vif.network === network)) continue
    out.push({ code: 'mapping-unused', text: `the VM has no interface on network ${network}, which the mapping of networks names` })
  }
  for (const disk of policy.leftOut ?? []) {
    if (source.disks.some(({ uuid, userdevice }) => disk === uuid || disk === userdevice)) continue
    out.push({ code: 'exclusion-unused', text: `the VM has no disk ${disk}, which was to be left out` })
  }
  for (const device of source.passedThrough) {
    out.push({ code: 'passed-through', text: `the VM has ${device} of its host, which the replica has not: it starts without it` })
  }
  if (disks.every(({ mode }) => mode === 'skipped'))
    out.push({ code: 'no-disk', text: 'no disk is carried over: the replica is the configuration only' })
  return out
}
