/**
 * The plan of one VM run: plain data made from what was seen on both pools. It says per disk what will be sent onto what and why,
 * what is made and what is removed. Pure: no clock, no random, no I/O.
 */

import { type BaseChoice, type CommonBase, chooseBase, chooseCommon, type Reason, resumeDisk } from './base.ts'
import { type BrokenChainPolicy, isBroken, repaired } from './broken-chain.ts'
import { judgeChains } from './chain-health.ts'
import { planVifs, type VifPlan } from './networks.ts'
import type { SourceDisk, SourceFacts, SourceSnapshotDisk, TargetFacts } from './observation.ts'
import { type JudgedOriginals, judgeOriginals, keepsData, warnOfOriginals } from './originals.ts'
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
  /** Time of the run, for retention by days and the like: the restore point to come belongs to today. */
  readonly now?: number
  /** Default: `full`. */
  readonly onBrokenChain?: BrokenChainPolicy
  /** By uuid of the source's disk. */
  readonly common?: ReadonlyMap<string, CommonBase>
}

export type DiskPlan =
  | { readonly mode: 'skipped'; readonly userdevice: string; readonly source: string; readonly name: string; readonly reason: Reason }
  | {
      readonly mode: 'delta' | 'full'
      readonly userdevice: string
      readonly source: string
      readonly name: string
      readonly size: number
      readonly reason: Reason
      readonly choice: BaseChoice
    }

export type SentDiskPlan = Exclude<DiskPlan, { mode: 'skipped' }>

export interface Removal {
  readonly side: 'source' | 'target'
  /** `copy-vm`: a VM by itself that is a restore point of the original's, with its disks. */
  readonly kind: 'vm-with-disks' | 'copy-vm' | 'disk'
  readonly uuid: string
  readonly name: string
  readonly reason: string
  /** `before`: left-overs, at the start of the run; `after`: once the new restore point exists. */
  readonly when: 'before' | 'after'
  /** Target SRs whose chains still have a claim on it: it is not removed, only this chain's claim on it. */
  readonly keptFor?: readonly string[]
}

export interface VmRunPlan {
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly targetSr: { readonly uuid: string; readonly name: string }
  readonly replica: { readonly kind: 'create' } | { readonly kind: 'reuse'; readonly uuid: string }
  /** An interrupted run is taken up again: no new source snapshot is made, the one named here is carried over to its end. */
  readonly resume?: { readonly snapshot: string }
  readonly disks: readonly DiskPlan[]
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

/** Why there can be no run at all. */
export interface Refusal {
  readonly code:
    | 'source-is-replica'
    | 'source-busy'
    | 'replica-in-use'
    | 'replica-failed-over'
    | 'shared-disk'
    | 'resetting-disk'
    | 'usb-device'
    | 'chain-too-long'
    | 'full-refused'
    | 'foreign-disk'
    | 'network-not-found'
    | 'no-space'
    | 'disk-too-large'
    | 'no-snapshots'
  readonly text: string
  readonly hint: string
}

export type Planned = { readonly kind: 'plan'; readonly plan: VmRunPlan } | { readonly kind: 'refused'; readonly refusal: Refusal }

const COMING = 'the restore point of this run'

export function planVmRun(source: SourceFacts, target: TargetFacts, policy: Policy): Planned {
  const refusal = refuse(source, target) ?? refuseMapping(target, policy)
  if (refusal !== undefined) return { kind: 'refused', refusal }
  const resumable = findResumable(source, target, (uuid) =>
    source.disks.some((disk) => disk.uuid === uuid && exclusion(disk) === undefined),
  )
  const disks = source.disks.map((disk) => planDisk(disk, target, resumable, policy))
  const impossible = withoutSnapshots(target) ?? tooLarge(disks, target)
  if (impossible !== undefined) return { kind: 'refused', refusal: impossible }
  const space = judgeSpace(disks, source.disks, target, makesRoom(disks, target))
  if (space.kind === 'refused') return { kind: 'refused', refusal: space.refusal }
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
  const originals = judgeOriginals(source, target, basesOf(disks))
  const { replica } = target
  return {
    kind: 'plan',
    plan: {
      vm: { uuid: source.uuid, name: source.name },
      targetSr: { uuid: target.sr.uuid, name: target.sr.name },
      replica: replica === undefined ? { kind: 'create' } : { kind: 'reuse', uuid: replica.uuid },
      ...(resumable === undefined ? {} : { resume: { snapshot: resumable.snapshot } }),
      disks,
      dropDisks: dropped(disks, target),
      vifs,
      removals: [
        ...sourceRemovals(source, disks, originals).filter(({ uuid }) => uuid !== resumable?.snapshot),
        ...targetRemovals(target, retention),
      ],
      retention,
      unblockMigration: source.migrationBlockedByUs,
      ...(keepsData(originals) ? { keepSourceData: true } : {}),
      warnings: [
        ...warnings(source, disks, vifs, policy),
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

function refuse(source: SourceFacts, target: TargetFacts): Refusal | undefined {
  if (source.isReplica) {
    return {
      code: 'source-is-replica',
      text: `"${source.name}" is itself a replica`,
      hint: 'replicate the VM it is a copy of, or fail over to it first',
    }
  }
  if (source.busyWith !== undefined) {
    return {
      code: 'source-busy',
      text: `"${source.name}" is in the middle of ${source.busyWith}`,
      hint: 'run again when that has ended',
    }
  }
  const shared = source.disks.find((disk) => disk.sharable && exclusion(disk) === undefined)
  if (shared !== undefined) {
    return {
      code: 'shared-disk',
      text: `disk ${shared.userdevice} ("${shared.name}") is shared between VMs and can't be snapshotted`,
      hint: 'replicate what uses it by other means, or exclude the disk with [NOBAK] in its name',
    }
  }
  const resetting = source.disks.find((disk) => disk.resets && exclusion(disk) === undefined)
  if (resetting !== undefined) {
    return {
      code: 'resetting-disk',
      text: `disk ${resetting.userdevice} ("${resetting.name}") is reset at each boot and can't be snapshotted`,
      hint: 'set its on_boot to persist, or exclude it with [NOBAK] in its name',
    }
  }
  if (source.usb) {
    return {
      code: 'usb-device',
      text: `"${source.name}" has a USB device passed through, and XAPI refuses to snapshot it`,
      hint: 'detach the USB device (xe vusb-destroy), or attach it only while it is needed',
    }
  }
  const chains = [judgeChains('source', source.disks), judgeChains('target', target.replica?.disks ?? [])] as const
  for (const [nth, { full }] of chains.entries()) {
    if (full === undefined) continue
    return {
      code: 'chain-too-long',
      text: `disk ${full.userdevice} ("${full.name}") on the ${nth === 0 ? 'source' : 'target'} is a chain of ${full.chainDepth} images: the storage refuses another snapshot`,
      hint:
        nth === 0
          ? 'delete snapshots of the VM and give the storage time to coalesce'
          : 'keep fewer restore points and give the storage time to coalesce',
    }
  }
  const failedOver = target.replica?.failedOver
  if (failedOver !== undefined) {
    return {
      code: 'replica-failed-over',
      text: `the replica "${target.replica?.name}" has failed over (${failedOver.kind}, ${failedOver.at}): what it holds is newer than the source`,
      hint: 'turn the protection round (understudy failover reprotect), go back (understudy failback), or give up what it wrote (understudy failover undo)',
    }
  }
  if (target.replica !== undefined && target.replica.powerState !== 'Halted') {
    return {
      code: 'replica-in-use',
      text: `the replica "${target.replica.name}" is ${target.replica.powerState.toLowerCase()}`,
      hint: 'to keep what it writes, replicate to another SR, or copy it first; once it is shut down, the next run discards what it wrote',
    }
  }
  if (target.replica !== undefined && !target.replica.protected) {
    return {
      code: 'replica-in-use',
      text: `the start of the replica "${target.replica.name}" is no longer blocked: somebody took it over`,
      hint: 'block its start again (xe vm-param-set uuid=… blocked-operations:start=replica) to have it overwritten, or keep it and replicate to another SR',
    }
  }
  const taken = new Set(source.disks.filter((disk) => exclusion(disk) === undefined).map(({ userdevice }) => userdevice))
  const foreign = target.replica?.disks.find(({ ours, userdevice }) => !ours && taken.has(userdevice))
  if (foreign !== undefined) {
    return {
      code: 'foreign-disk',
      text: `the replica holds a disk that is not its own at position ${foreign.userdevice} (${foreign.uuid})`,
      hint: 'detach it from the replica, then run again',
    }
  }
  const held = target.replica?.disks.find(({ ours, heldBy }) => ours && heldBy.length > 0)
  if (held !== undefined) {
    return {
      code: 'replica-in-use',
      text: `disk ${held.userdevice} of the replica (${held.uuid}) is attached to "${held.heldBy.join('", "')}" as well`,
      hint: 'detach it there, and attach a clone of a restore point’s disk instead',
    }
  }
  return undefined
}

/** A mapping that leads nowhere is a mistake to tell before anything is made. */
function refuseMapping(target: TargetFacts, { networks }: Policy): Refusal | undefined {
  const missing = [...networks.values()].find((uuid) => uuid !== null && !target.networks.some((network) => network.uuid === uuid))
  if (missing === undefined) return undefined
  return {
    code: 'network-not-found',
    text: `the target pool has no network ${missing}`,
    hint: 'correct the mapping of networks (--network)',
  }
}

/** G6: a job can ask before a full copy that it did not expect. */
function refuseFull(source: SourceFacts, disks: readonly DiskPlan[], target: TargetFacts): Refusal | undefined {
  const broken = source.disks.flatMap((disk) => {
    const plan = disks.find((candidate) => candidate.source === disk.uuid)
    return plan === undefined || plan.mode === 'skipped' || !isBroken(plan.choice, disk, target.restorePoints) ? [] : [plan]
  })
  if (broken.length === 0) return undefined
  return {
    code: 'full-refused',
    text: `a full copy would be needed: ${broken.map(({ userdevice, reason }) => `disk ${userdevice}: ${reason.text}`).join('; ')}`,
    hint: 'allow it with --on-broken-chain full, or have only the differences sent with --on-broken-chain repair',
  }
}

/** A mark in a disk's name that keeps it out, as the original understands it: in backups and replicas, or in snapshots altogether. */
const EXCLUDED = /\[(?:NOBAK|NOSNAP)\]/i

export const isExcludedByName = (name: string): boolean => EXCLUDED.test(name)

/** Why a disk is left out; undefined: it is not. */
function exclusion({ name, excludedByJob }: SourceDisk): Reason | undefined {
  if (excludedByJob === true) return { code: 'excluded-by-job', text: 'its job leaves it out' }
  return isExcludedByName(name) ? { code: 'excluded-by-name', text: 'its name carries [NOBAK] or [NOSNAP]' } : undefined
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
  return { mode: choice.kind, userdevice, source, name, size, reason: choice.reason, choice }
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

/** Source snapshots that this run makes superfluous, oldest first; what a base needs goes only after the new restore point exists. */
function sourceRemovals(source: SourceFacts, disks: readonly DiskPlan[], originals: JudgedOriginals): Removal[] {
  const bases = basesOf(disks)
  const judge = (uuids: readonly string[], exported: boolean): Pick<Removal, 'when' | 'reason'> => {
    if (uuids.some((uuid) => bases.has(uuid))) return { when: 'after', reason: 'base of this run, replaced by its snapshot' }
    if (exported) return { when: 'after', reason: 'older than what the newest restore point was made of' }
    return { when: 'before', reason: 'left behind by an interrupted run' }
  }
  const served = (uuids: readonly string[]) =>
    uuids.some((uuid) => originals.superseded.has(uuid)) && !uuids.some((uuid) => bases.has(uuid))
  const removable = source.snapshots.filter(({ byOriginal, disks: held }) => byOriginal !== true || served(held))
  const vms = removable.map(({ uuid, name, disks: held, unfinished, marks, alsoFor }): Removal => {
    return { side: 'source', kind: 'vm-with-disks', uuid, name, ...judge(held, marks.exported && !unfinished), ...kept(alsoFor) }
  })
  const strays = source.strayDisks
    .filter(({ byOriginal, uuid }) => byOriginal !== true || served([uuid]))
    .sort((a, b) => a.takenAt - b.takenAt)
    .filter((stray) => !holdsOthersTogether(stray, source, originals))
    .map(({ uuid, takenAt, marks, alsoFor }): Removal => {
      return {
        side: 'source',
        kind: 'disk',
        uuid,
        name: `record of changes of disk ${deviceOf(uuid, source)}, ${formatAge(takenAt)}`,
        ...judge([uuid], marks.exported),
        ...kept(alsoFor),
      }
    })
  return [...vms, ...strays]
}

const kept = (srs: readonly string[] | undefined): Pick<Removal, 'keptFor'> => (srs === undefined ? {} : { keptFor: srs })

/**
 * A file SR unlinks the log of a destroyed cbt_metadata disk before its neighbours are linked to each other, which breaks every
 * comparison across that place. So such a record goes only as the oldest link: not while somebody else's tracked snapshot is older.
 */
function holdsOthersTogether(stray: SourceSnapshotDisk, source: SourceFacts, { staying }: JudgedOriginals): boolean {
  if (stray.kind !== 'cbt-metadata') return false
  const disk = source.disks.find(({ snapshots }) => snapshots.some(({ uuid }) => uuid === stray.uuid))
  const theirs = disk?.snapshots.filter((snapshot) => snapshot.cbt && staying.includes(snapshot)) ?? []
  return [...theirs, ...(disk?.foreignCbtSnapshots ?? [])].some(({ takenAt }) => takenAt <= stray.takenAt)
}

const deviceOf = (snapshot: string, source: SourceFacts) =>
  source.disks.find(({ snapshots }) => snapshots.some(({ uuid }) => uuid === snapshot))?.userdevice ?? '(gone)'

const formatAge = (milliseconds: number) => new Date(milliseconds).toISOString()

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

function targetRemovals(target: TargetFacts, retention: readonly Kept[]): Removal[] {
  const points = retention
    .filter(({ keep }) => !keep)
    .map(({ uuid, reason }): Removal => {
      const point = target.restorePoints.find((candidate) => candidate.uuid === uuid)
      const kind = point?.copyVm === undefined ? 'vm-with-disks' : 'copy-vm'
      return { side: 'target', kind, uuid, name: point?.name ?? uuid, reason, when: point?.complete ? 'after' : 'before' }
    })
  const strays = target.strayDisks.map(
    ({ uuid, name }): Removal => ({
      side: 'target',
      kind: 'disk',
      uuid,
      name,
      reason: 'left behind by an interrupted run',
      when: 'before',
    }),
  )
  return [...points, ...strays]
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
  for (const device of source.passedThrough) {
    out.push({ code: 'passed-through', text: `the VM has ${device} of its host, which the replica has not: it starts without it` })
  }
  if (disks.every(({ mode }) => mode === 'skipped'))
    out.push({ code: 'no-disk', text: 'no disk is carried over: the replica is the configuration only' })
  return out
}
