/** What a failover will do, what it will not, and what it costs: decided, and told, before anything is touched. Pure. */
import type { Reason } from '../base.ts'
import type { PowerState, Replica, RestorePoint, TargetFacts } from '../observation.ts'
import { newestFirst } from '../restore-point-order.ts'
import { type CopyVifPlan, macClashes } from './copy-networks.ts'
import type { FailoverMark } from './marks.ts'

export interface TakeOverDisk {
  readonly userdevice: string
  /** uuid of the restore point's disk, and of the replica's that is in its place now. */
  readonly of: string
  readonly now: string | undefined
  /** `as-is`: the replica's own disk is proven to hold it. `replaced`: by a clone of the restore point's. */
  readonly how: 'as-is' | 'replaced'
  readonly reason: Reason
}

export interface TakeOverPlan {
  readonly kind: 'planned' | 'unplanned'
  readonly clone: boolean
  readonly chain: { readonly job: string; readonly vm: string; readonly sr: string }
  readonly replica: { readonly uuid: string; readonly name: string } | undefined
  readonly point: { readonly uuid: string; readonly name: string; readonly takenAt: string; readonly newest: boolean }
  /** What the source wrote in these last seconds is lost (its clock, and ours, permitting). */
  readonly lossSeconds: number
  /** A failover of the same VM that was begun is continued. */
  readonly continues: boolean
  readonly disks: readonly TakeOverDisk[]
  /** Disks that the replica has and the restore point has not. */
  readonly dropDisks: readonly { readonly userdevice: string; readonly uuid: string }[]
  readonly vifs: readonly CopyVifPlan[]
  readonly happens: readonly Reason[]
  readonly lost: readonly Reason[]
  readonly costs: readonly Reason[]
  readonly warnings: readonly Reason[]
}

/** What is known of the source VM at this moment. */
export type SourceLook =
  /** Nobody named its pool. */
  | { readonly kind: 'not-asked' }
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'gone' }
  | { readonly kind: 'there'; readonly name: string; readonly powerState: PowerState; readonly startBlocked: boolean }

export interface TakeOverRefusal {
  readonly code: 'source-runs' | 'replica-not-found' | 'already-failed-over' | 'replica-in-use' | 'foreign-disk'
  readonly text: string
  readonly hint: string
}

export interface TakeOverRequest {
  readonly kind: 'planned' | 'unplanned'
  readonly clone: boolean
  readonly chain: TakeOverPlan['chain']
  readonly target: Pick<TargetFacts, 'replica' | 'restorePoints'>
  readonly point: RestorePoint
  /** What the replica's VM says of an earlier failover. */
  readonly mark: FailoverMark | undefined
  /** When the replica was last started, as far as its pool knows; milliseconds. */
  readonly startedAt: number | undefined
  readonly vifs: readonly CopyVifPlan[]
  /** Names of other VMs here that took over from the same source and run. */
  readonly others: readonly string[]
  /** Absent for a planned one, which sees to the source itself. */
  readonly source?: SourceLook
  readonly evenIfSourceRuns?: boolean
  /** Milliseconds. */
  readonly now: number
}

export type TakeOverDecision =
  | { readonly kind: 'plan'; readonly plan: TakeOverPlan }
  | { readonly kind: 'refused'; readonly refusal: TakeOverRefusal }

export function planTakeOver(request: TakeOverRequest): TakeOverDecision {
  const { clone, chain, point, mark, now, vifs, target } = request
  const refusal = (clone ? undefined : refuse(request)) ?? refuseBesideSource(request)
  if (refusal !== undefined) return { kind: 'refused', refusal }
  const [newest] = newestFirst(target.restorePoints.filter(({ complete }) => complete))
  const isNewest = newest?.uuid === point.uuid
  const disks = clone ? [] : point.disks.map((disk) => judgeDisk(disk, target.replica, isNewest, point))
  const places = new Set(point.disks.map(({ userdevice }) => userdevice))
  const dropDisks = clone ? [] : (target.replica?.disks ?? []).filter(({ userdevice }) => !places.has(userdevice))
  const lossSeconds = Math.max(0, (now - point.takenAt) / 1000)
  const plan: TakeOverPlan = {
    kind: request.kind,
    clone,
    chain,
    replica: target.replica && { uuid: target.replica.uuid, name: target.replica.name },
    point: { uuid: point.uuid, name: point.name, takenAt: new Date(point.takenAt).toISOString(), newest: isNewest },
    lossSeconds,
    continues: mark?.state === 'preparing',
    disks,
    dropDisks: dropDisks.map(({ userdevice, uuid }) => ({ userdevice, uuid })),
    vifs,
    happens: happens(request, disks),
    lost: lost(request, disks, isNewest, newest),
    costs: costs(request, disks),
    warnings: warnings(request, isNewest),
  }
  return { kind: 'plan', plan }
}

function refuse({ target, mark, startedAt, point }: TakeOverRequest): TakeOverRefusal | undefined {
  const { replica } = target
  if (replica === undefined) {
    return {
      code: 'replica-not-found',
      text: `the VM that "${point.name}" was taken of is not there any more, or is no replica of this job`,
      hint: 'fail over to a clone of the restore point: --clone',
    }
  }
  if (mark !== undefined && mark.state !== 'preparing') {
    return {
      code: 'already-failed-over',
      text: `"${replica.name}" failed over already (${mark.kind}, ${mark.at})`,
      hint: 'start it as any VM if it is down; understudy failover status tells more',
    }
  }
  if (replica.powerState !== 'Halted' && mark === undefined) {
    const since = startedAt === undefined ? '' : ` since ${new Date(startedAt).toISOString()}`
    return {
      code: 'replica-in-use',
      text: `the replica "${replica.name}" is ${replica.powerState.toLowerCase()}${since}: somebody started it by other means`,
      hint: 'to keep what runs there as the failover, say so: --as-it-runs; to leave it alone, fail over to a clone: --clone',
    }
  }
  const foreign = replica.disks.find(({ ours }) => !ours)
  if (foreign !== undefined) {
    return {
      code: 'foreign-disk',
      text: `the replica holds a disk that is not its own at position ${foreign.userdevice} (${foreign.uuid})`,
      hint: 'detach it from the replica, or fail over to a clone: --clone',
    }
  }
  return undefined
}

const runs = (source: SourceLook | undefined) => source?.kind === 'there' && source.powerState !== 'Halted'
const meetsSource = ({ vifs }: TakeOverRequest) => vifs.some(({ mac, to }) => mac !== null && to.kind === 'network')

/** Two VMs with one identity must not run, unless somebody says that they may. */
function refuseBesideSource(request: TakeOverRequest): TakeOverRefusal | undefined {
  const { source, evenIfSourceRuns, clone, others } = request
  if (others.length > 0 && evenIfSourceRuns !== true) {
    return {
      code: 'already-failed-over',
      text: `${others.map((name) => `"${name}"`).join(', ')} took over from the same source, and runs`,
      hint: 'shut it down or undo it first (understudy failover undo), or accept that both run: --even-if-source-runs',
    }
  }
  if (source?.kind !== 'there' || !runs(source) || evenIfSourceRuns === true || (clone && !meetsSource(request))) return undefined
  const forClone = clone ? '; or give the clone new MACs (--mac new) or no network (--network none)' : ''
  return {
    code: 'source-runs',
    text: `the source "${source.name}" is ${source.powerState.toLowerCase()}: two VMs with its name, addresses and data would run`,
    hint: `shut it down, or fail over as planned (understudy failover planned), which loses nothing${forClone}; or accept it: --even-if-source-runs`,
  }
}

function judgeDisk(
  disk: RestorePoint['disks'][number],
  replica: Replica | undefined,
  isNewest: boolean,
  point: RestorePoint,
): TakeOverDisk {
  const live = replica?.disks.find(({ userdevice }) => userdevice === disk.userdevice)
  const common = { userdevice: disk.userdevice, of: disk.uuid, now: live?.uuid }
  const replaced = (code: string, text: string): TakeOverDisk => ({ ...common, how: 'replaced', reason: { code, text } })
  if (live === undefined) return replaced('disk-missing', 'the replica has no disk there now')
  if (!isNewest) return replaced('older-point', `the replica's disk is newer than "${point.name}"`)
  if (live.uuid !== disk.snapshotOf)
    return replaced('other-disk', 'the replica has another disk there now than the restore point was taken of')
  if (live.beingWritten) return replaced('half-written', 'a run was writing to the replica’s disk when it ended')
  switch (live.sinceRestorePoint) {
    case 'unchanged':
      return { ...common, how: 'as-is', reason: { code: 'proven', text: 'proven to hold what the restore point holds' } }
    case 'written':
      return replaced('written-since', 'somebody wrote to the replica’s disk after the restore point')
    case 'unknown':
      return replaced('not-provable', 'nothing tells whether the replica’s disk was written since the restore point')
  }
}

function happens({ clone, point, target, source }: TakeOverRequest, disks: readonly TakeOverDisk[]): Reason[] {
  const blocked =
    source?.kind === 'there' && source.powerState === 'Halted' && !source.startBlocked
      ? [{ code: 'source-blocked', text: `the start of the source "${source.name}" is blocked, so that nobody starts it by accident` }]
      : []
  if (clone)
    return [{ code: 'clone-started', text: `a clone of "${point.name}" is made and started; the replica stays a replica` }, ...blocked]
  const replaced = disks.filter(({ how }) => how === 'replaced')
  return [
    ...replaced.map(({ userdevice, reason }) => ({
      code: 'disk-replaced',
      text: `disk ${userdevice} is replaced by a clone of the restore point's: ${reason.text}`,
    })),
    ...blocked,
    { code: 'replica-started', text: `the start of "${target.replica?.name}" is no longer blocked, and it is started` },
  ]
}

function lost(
  { kind, point, now, target }: TakeOverRequest,
  disks: readonly TakeOverDisk[],
  isNewest: boolean,
  newest?: RestorePoint,
): Reason[] {
  const out: Reason[] = []
  if (kind === 'unplanned') {
    const seconds = Math.round((now - point.takenAt) / 1000)
    out.push({
      code: 'since-restore-point',
      text: `what the source wrote since ${new Date(point.takenAt).toISOString()} (${seconds} seconds ago)`,
    })
  }
  if (!isNewest && newest !== undefined) {
    const seconds = Math.round((newest.takenAt - point.takenAt) / 1000)
    out.push({
      code: 'older-point-chosen',
      text: `what is newer than the restore point chosen: "${newest.name}" is newer by ${seconds} seconds`,
      avoid: 'take the newest restore point',
    })
  }
  if (disks.some(({ reason }) => reason.code === 'written-since')) {
    out.push({
      code: 'writes-discarded',
      text: `what somebody wrote to the disks of "${target.replica?.name}" since its restore point`,
      avoid: 'clone the replica first (xe vm-clone), or fail over to a clone: --clone',
    })
  }
  return out
}

function costs({ clone }: TakeOverRequest, disks: readonly TakeOverDisk[]): Reason[] {
  if (clone) return [{ code: 'chain-goes-on', text: 'runs of the job go on: the clone is no part of the chain' }]
  return [
    {
      code: 'runs-refused',
      text: 'runs of the job are refused until it goes back, is turned round, or is undone; no newer restore points meanwhile',
    },
    ...(disks.some(({ how }) => how === 'replaced')
      ? [{ code: 'space-of-clones', text: 'the disks replaced take space for what is written to them; the restore points keep theirs' }]
      : []),
  ]
}

function warnings(request: TakeOverRequest, isNewest: boolean): Reason[] {
  const { target, startedAt, point, clone, vifs } = request
  const out: Reason[] = [...aboutSource(request), ...macClashes(vifs)]
  if (!clone && startedAt !== undefined && startedAt >= point.takenAt) {
    out.push({
      code: 'was-started',
      text: `the replica was started on ${new Date(startedAt).toISOString()}, after its restore point, by other means`,
    })
  }
  if (!clone && !isNewest) {
    out.push({
      code: 'newest-configuration',
      text: 'memory, CPUs and interfaces are those of the newest run, not of the restore point',
      avoid: 'fail over to a clone: --clone',
    })
  }
  if ((target.replica?.disks.length ?? 1) === 0)
    out.push({ code: 'no-disk', text: 'the replica has no disks: it is the configuration only' })
  return out
}

function aboutSource({ source }: TakeOverRequest): Reason[] {
  switch (source?.kind) {
    case undefined:
    case 'gone':
      return []
    case 'not-asked':
      return [
        {
          code: 'source-not-asked',
          text: 'nobody looked whether the source VM still runs',
          avoid: 'name its pool: --from; when that is back later, understudy failover fence keeps the source from being started',
        },
      ]
    case 'silent':
      return [
        {
          code: 'source-silent',
          text: `the source pool does not answer (${source.why}): whether the source VM still runs can't be told`,
          avoid: 'see that it can not come back on the same network; when its pool answers again: understudy failover fence',
        },
      ]
    case 'there':
      return runs(source)
        ? [
            {
              code: 'source-still-runs',
              text: `the source "${source.name}" is ${source.powerState.toLowerCase()}, and goes on running beside what takes over`,
            },
          ]
        : []
  }
}
