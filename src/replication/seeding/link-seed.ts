/**
 * Links a first copy that was made by hand: a snapshot of the source, and a VM on the target that was made of it by any means. It is
 * checked before anything is written; then the VM becomes the job's replica, a snapshot of it the first restore point, and the source
 * snapshot the base of the next delta. Both the keys of the original and ours are written, so that either product continues from it.
 */
import { randomUUID } from 'node:crypto'
import type { ByteBudget } from '../../block/block.ts'
import type { Reason } from '../../core/base.ts'
import { Failure } from '../../core/failure.ts'
import { claimsOf, readMarks, readRunMark, replicaBlocked } from '../../core/marks.ts'
import { planVifs } from '../../core/networks.ts'
import type { VerifyReport } from '../../core/report.ts'
import { judgeSeed, type SeedJudgement, type SeedPair } from '../../core/seed.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { holdChain } from '../chain-lock.ts'
import { commitRestorePoint } from '../commit.ts'
import { digestOf } from '../disk-report.ts'
import { inspectSource } from '../inspect-source.ts'
import { inspectRecorded } from '../inspect-target.ts'
import { nbdTransport } from '../nbd-transport.ts'
import { disksOf, drivesOf, findByUuid, type PoolView, viewPools } from '../pool-view.ts'
import { askStarted } from '../prepare-run.ts'
import { refreshReplica } from '../replica-vm.ts'
import type { RunContext } from '../session.ts'
import { confirmSnapshot, readSnapshot, type SourceSnapshot } from '../source-snapshot.ts'
import { adoptAttachedDisk } from '../target-disk.ts'
import { verifyWhole } from '../verify.ts'
import { carryVtpm } from '../vtpm.ts'
import { compareSamples } from './compare-disks.ts'
import { findSeedVm, inspectSeedSnapshot, inspectSeedVm } from './inspect-seed.ts'

export const SEED_CHECKS = ['sample', 'full', 'off'] as const
export type SeedCheck = (typeof SEED_CHECKS)[number]

export interface LinkSeedOptions {
  readonly source: Xapi
  readonly target: Xapi
  /** uuid of the snapshot VM on the source */
  readonly snapshot: string
  /** uuid of the VM on the target */
  readonly vm: string
  readonly job: string
  readonly schedule: string
  readonly check: SeedCheck
  readonly networks: ReadonlyMap<string, string | null>
  readonly allowInsecureNbd?: boolean
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  readonly onProgress?: (userdevice: string, bytesDone: number, bytesExpected: number) => void
  readonly onLog?: (message: string) => void
}

export interface SeedReport {
  readonly status: 'linked' | 'already-linked'
  readonly job: string
  readonly schedule: string
  readonly source: { readonly vm: string; readonly name: string; readonly snapshot: string; readonly takenAt: string }
  readonly replica: string
  readonly sr: string
  readonly restorePoint: string
  readonly disks: readonly {
    readonly userdevice: string
    readonly source: string
    readonly target: string
    readonly size: number
    /** What was compared: `bytes` of 0 when nothing was. */
    readonly check: SeedCheck
    readonly bytesCompared: number
  }[]
  readonly warnings: readonly Reason[]
}

/** Throws Failure (SEED_…), and has then changed nothing; killed in the middle, the same call again completes it. */
export async function linkSeed(options: LinkSeedOptions): Promise<SeedReport> {
  const { source, target, signal } = options
  const { views, snapshot, vm, of, sr, ids, found, judged } = await lookAtLink(options)
  if (judged.kind === 'refused') throw new Failure(judged.code, judged.text, judged.hint)

  const lock = await holdChain(target, (found as [Ref<'SR'>, unknown])[0], ids, signal)
  try {
    const allowed = options.allowInsecureNbd ?? false
    const context: RunContext = {
      ids,
      source,
      target,
      signal: AbortSignal.any([signal, lock.signal]),
      budget: options.budget,
      stillHeld: () => lock.check(),
      transportOf: (xapi) => nbdTransport((xapi === source ? views.source : views.target).network, allowed),
      log: (message) => options.onLog?.(message),
    }
    const carried = await readSnapshot(context, snapshot.ref)
    const only = { ...carried, disks: carried.disks.filter(({ uuid }) => judged.pairs.some((pair) => pair.source.uuid === uuid)) }
    const linking = { options, context, views, snapshot: only, vm }
    const common = {
      job: options.job,
      schedule: options.schedule,
      source: { vm: ids.vm, name: of?.name ?? '', snapshot: options.snapshot, takenAt: new Date(snapshot.facts.takenAt).toISOString() },
      replica: options.vm,
      sr,
    }
    const disksWith = (compared: ReadonlyMap<string, VerifiedPair>, check: SeedCheck) =>
      judged.pairs.map(({ userdevice, source: { uuid, size }, target: copy }) => {
        return { userdevice, source: uuid, target: copy.uuid, size, check, bytesCompared: compared.get(userdevice)?.bytes ?? 0 }
      })
    if (judged.kind === 'linked') {
      await confirmSource(context, views.source, only)
      return { status: 'already-linked', ...common, restorePoint: judged.restorePoint, disks: disksWith(new Map(), 'off'), warnings: [] }
    }
    const compared = await comparePairs(linking, judged.pairs)
    const warnings = [...judged.warnings, ...warningsOf(options, snapshot.facts.takenAt, only)]
    const point = await makeRestorePoint(linking, judged.pairs, compared)
    await confirmSource(context, views.source, only)
    return { status: 'linked', ...common, restorePoint: point, disks: disksWith(compared, options.check), warnings }
  } finally {
    await lock.release()
  }
}

/** What linking would say, before any content is compared; changes nothing. Throws Failure (SEED_…). */
export const checkSeed = async (options: LookOptions): Promise<SeedJudgement> => (await lookAtLink(options)).judged

type LookOptions = Pick<LinkSeedOptions, 'source' | 'target' | 'snapshot' | 'vm' | 'job' | 'schedule' | 'check' | 'signal'>

async function lookAtLink(options: LookOptions) {
  const { source, target } = options
  const views = await viewPools(options)
  const [vmRef] = findSeedVm(views.target, options.vm)
  const snapshot = inspectSeedSnapshot(views.source, options.snapshot)
  const vm = inspectSeedVm(views.target, options.vm, await askStarted(options)(vmRef))
  const of = snapshot.facts.source
  // Without its VM or a disk there is no chain to look for; judgeSeed says what is wrong.
  const sr = vm.facts.disks[0]?.sr ?? ''
  const ids = { run: randomUUID(), job: options.job, schedule: options.schedule, vm: of?.uuid ?? '', sr }
  const found = findByUuid(views.target.SR, sr)
  const chain = of && found && (await inspectRecorded(views.target, ids, source === target || source.url === target.url))
  const known = { job: options.job, replica: chain?.replica?.record.uuid, points: chain?.facts.restorePoints ?? [] }
  const judged = judgeSeed(snapshot.facts, vm.facts, known, options.check === 'full')
  return { views, snapshot, vm, of, sr, ids, found, judged }
}

interface Linking {
  readonly options: LinkSeedOptions
  readonly context: RunContext
  readonly views: { readonly source: PoolView; readonly target: PoolView }
  readonly snapshot: SourceSnapshot
  readonly vm: ReturnType<typeof inspectSeedVm>
}

interface VerifiedPair {
  readonly bytes: number
  readonly report: VerifyReport | undefined
}

/** Failure SEED_CONTENT_DIFFERS when any disk is not the same. */
async function comparePairs({ options, context, views }: Linking, pairs: readonly SeedPair[]): Promise<Map<string, VerifiedPair>> {
  const out = new Map<string, VerifiedPair>()
  if (options.check === 'off') return out
  for (const { userdevice, source, target } of pairs) {
    context.signal.throwIfAborted()
    const from = { xapi: options.source, disk: { ref: refOf(views.source, source.uuid), size: source.size } }
    const to = { xapi: options.target, disk: { ref: refOf(views.target, target.uuid), size: target.size } }
    const onProgress = (done: number, expected: number) => options.onProgress?.(userdevice, done, expected)
    const differs = (near: string) =>
      new Failure(
        'SEED_CONTENT_DIFFERS',
        `disk ${userdevice} of the VM on the target is not equal to that of the snapshot${near}`,
        'nothing was linked. Export the snapshot and import it again; do not start the VM in between',
      )
    if (options.check === 'full') {
      const report = await verifyWhole(context, from, to, onProgress).catch((error: unknown) => {
        throw error instanceof Failure && error.code === 'VERIFY_DIFFERS' ? differs('') : error
      })
      out.set(userdevice, { bytes: report.bytes, report })
      continue
    }
    const { bytes, differsNear } = await compareSamples(context, from, to, `${source.uuid} ${target.uuid}`, onProgress)
    if (differsNear !== undefined) throw differs(` (first difference found after byte ${differsNear})`)
    out.set(userdevice, { bytes, report: undefined })
  }
  return out
}

function refOf(view: PoolView, uuid: string): Ref<'VDI'> {
  const found = findByUuid(view.VDI, uuid)
  if (found === undefined) throw new Error(`the disk ${uuid} was there a moment ago`)
  return found[0]
}

/** The VM is protected first (G4), then configured as its source, marked, and snapshotted with all marks in place (G1). */
async function makeRestorePoint(
  { options, context, views, snapshot, vm }: Linking,
  pairs: readonly SeedPair[],
  compared: ReadonlyMap<string, VerifiedPair>,
): Promise<string> {
  const { target, signal, ids } = context
  const live = inspectSource(views.source, ids)
  const { networks } = (await inspectRecorded(views.target, ids)).facts
  const blocked = { ...vm.record.blocked_operations, ...replicaBlocked() }
  await target.call('VM.set_blocked_operations', [vm.ref, blocked], { signal })
  const config = { ...snapshot.record, name_label: live.record.name_label }
  const parts = {
    vifs: planVifs(live.facts.vifs, live.facts.networks, networks, options.networks),
    cds: drivesOf(views.source, live.record),
    view: views.target,
  }
  const withoutVtpm = await carryVtpm(context, snapshot.record, { ref: vm.ref, vtpms: vm.record.VTPMs })
  if (withoutVtpm !== undefined) context.log(withoutVtpm.text)
  const protectedVm = { ...vm.record, blocked_operations: blocked }
  const replica = await refreshReplica(context, config, { ref: vm.ref, record: protectedVm }, parts)
  // What becomes of a VM that has our mark is decided by its snapshots: it comes after everything that could fail for good.
  await target.call('VM.set_other_config', [vm.ref, replica.config], { signal })
  const attached = disksOf(views.target, vm.record)
  const disks = await Promise.all(
    pairs.map(async (pair) => {
      const { ref, record } = attached.find(({ record: { uuid } }) => uuid === pair.target.uuid) as (typeof attached)[number]
      const copied = snapshot.disks.find(({ uuid }) => uuid === pair.source.uuid) as SourceSnapshot['disks'][number]
      const follows = views.source.VDI.get(copied.of)
      const wanted = { name: follows?.name_label ?? pair.source.name, follows: follows?.uuid ?? '', otherConfig: copied.config }
      const disk = await adoptAttachedDisk(context, { ref, record }, wanted, pair.source.uuid)
      const digest = digestOf(copied.size, compared.get(pair.userdevice)?.report)
      return { userdevice: pair.userdevice, disk, copyOf: pair.source.uuid, digest }
    }),
  )
  const time = new Date(snapshot.takenAt).toISOString().slice(0, 16).replace('T', ' ')
  const point = await commitRestorePoint(context, {
    replica,
    name: live.record.name_label,
    takenAt: snapshot.takenAt,
    generation: 1,
    copyOf: snapshot.record.uuid,
    disks,
    description: `Replica of "${live.record.name_label}" (${ids.vm}) kept by Understudy, seeded by hand. Newest restore point: ${time} UTC`,
  })
  return point.uuid
}

/** Last: a source snapshot that says it was carried over, and was not, would be a base for nothing. */
export async function confirmSource(context: RunContext, view: PoolView, snapshot: SourceSnapshot): Promise<void> {
  const isConfirmed = ({ ref }: { readonly ref: Ref<'VDI'> }) => {
    const config = view.VDI.get(ref)?.other_config ?? {}
    const mark = readRunMark(config)
    return mark !== undefined && claimsOf(mark).includes(context.ids.sr) && readMarks(config).exported
  }
  if (!snapshot.disks.every(isConfirmed)) await confirmSnapshot(context, snapshot, [context.ids.sr], 0, false)
}

function warningsOf(options: LinkSeedOptions, takenAt: number, snapshot: SourceSnapshot): Reason[] {
  const out: Reason[] = []
  if (options.check === 'off') {
    out.push({
      code: 'seed-not-compared',
      text: 'the content of the disks was not compared: whether they are equal is taken on trust',
      avoid: 'link with --verify sample or full, or let the next run compare everything once (--verify full)',
    })
  }
  if (snapshot.disks.some(({ cbt }) => !cbt)) {
    out.push({
      code: 'seed-not-tracked',
      text: 'change tracking was off when the snapshot was taken: the first delta is found by an export, in blocks of 2 MiB',
      avoid: 'turn change tracking on before the snapshot for a seed is taken',
    })
  }
  if (takenAt === 0) out.push({ code: 'seed-without-time', text: 'the snapshot does not say when it was taken' })
  return out
}
