/** Carries one disk over: chooses how to read it, gets the target's disk ready, copies, and says what it did. */
import type { BlockSink, Extent } from '../block/block.ts'
import { copyBlocks } from '../block/copy.ts'
import { subtract } from '../block/extents.ts'
import type { Landing, Reason } from '../core/base.ts'
import { Failure } from '../core/failure.ts'
import type { SentDiskPlan } from '../core/plan.ts'
import { XapiError } from '../xapi/errors.ts'
import { type BaseDisk, type Fallbacks, type Known, type Opened, openSource } from './block-source.ts'
import type { Want } from './open-for-all.ts'
import { assertDiskIsOurs } from './overtaken.ts'
import { segmentedSink } from './segmented.ts'
import type { RunContext } from './session.ts'
import { openChunkedSink, openVhdSink } from './sinks.ts'
import type { SnapshotDisk } from './source-snapshot.ts'
import type { TargetDisk } from './target-disk.ts'

/** Zeroes are left out of a first copy in pieces of this size: the block size of most file systems below. */
const ZERO_GRANULE = 65536

export interface TransferRequest {
  readonly plan: SentDiskPlan
  readonly snapshot: SnapshotDisk
  readonly base: BaseDisk | undefined
  /** The target's disk that a repair compares with. */
  readonly compare?: Known['compare']
  /** Opens the disk, together with the other targets of the run that want it. */
  readonly open: (want: Want) => Promise<Opened>
  /** Whether a planned delta that turns out impossible may become a full copy. */
  readonly mayBeFull: boolean
  /** Gets the target's disk ready; called once it is known how it will be written. */
  readonly prepare: (landing: Landing, from: string | null, willWrite: boolean) => Promise<TargetDisk>
  /** What differs between two disks of the target, by its change tracking; undefined: it can't tell. */
  readonly writtenOnTarget: (since: string, disk: string) => Promise<readonly Extent[] | undefined>
  /** Records on the target's disk that everything below a byte is in place. */
  readonly checkpoint: (disk: TargetDisk, done: number) => Promise<void>
  readonly onProgress: (bytesDone: number, bytesExpected: number | undefined) => void
  readonly beforeWrite?: (bytes: number) => Promise<void> | void
  /** Asked once it is known how many bytes differ; what it returns is told of every piece that is sent. */
  readonly remember?: (changedBytes: number) => (offset: number, data: Buffer) => void
}

export interface TransferResult {
  readonly disk: TargetDisk
  readonly mode: 'delta' | 'full'
  readonly reason: Reason
  readonly fallbacks: readonly Reason[]
  readonly read: string | undefined
  readonly written: string | undefined
  readonly changedBytes: number
  readonly bytesRead: number
  readonly bytesSent: number
  readonly bytesWritten: number
  readonly seconds: number
  /** Whether the snapshot may be reduced to its record of changes: the next delta can be read without its data. */
  readonly reducible: boolean
}

export async function transferDisk(context: RunContext, request: TransferRequest): Promise<TransferResult> {
  const { plan, snapshot, base, onProgress } = request
  const started = performance.now()
  const fallbacks: Fallbacks = []
  const done = plan.choice.landing.kind === 'resume' ? plan.choice.landing.done : 0
  const compare = plan.choice.landing.kind === 'repair' ? request.compare : undefined
  let opened = await request.open({ context, base, done, compare, fallbacks })
  let target: TargetDisk
  try {
    let landing = await proveLanding(landingFor(plan, opened), opened, request)
    if (landing.kind === 'clone' && plan.choice.landing.kind === 'resume') {
      // What lies below the checkpoint is missing from a clone: the source is opened anew, from the beginning.
      if (opened.kind === 'blocks') await opened.source.close()
      opened = await openSource(context, snapshot, base, 0, fallbacks, { changes: opened.delta ? opened.covers : undefined })
      if (!opened.delta) landing = { kind: 'create' }
    }
    if (plan.mode === 'delta' && !opened.delta && !request.mayBeFull) {
      throw new Failure(
        'FULL_REFUSED',
        `disk ${plan.userdevice} would have to be sent whole: ${fallbacks.map(({ text }) => text).join('; ')}`,
        'mend that, or allow it with --on-broken-chain full',
      )
    }
    // A disk under repair holds neither nothing nor a base: no later run can build on it.
    const from = landing.kind === 'repair' ? 'repair' : opened.delta && plan.choice.kind === 'delta' ? plan.choice.base.uuid : null
    target = await request.prepare(landing, from, opened.kind === 'blocks')
  } catch (error) {
    if (opened.kind === 'blocks') await opened.source.close()
    throw error
  }
  const finish = (
    more: Pick<TransferResult, 'read' | 'written' | 'bytesRead' | 'bytesSent' | 'bytesWritten' | 'reducible'>,
  ): TransferResult => ({
    disk: target,
    mode: opened.delta ? 'delta' : 'full',
    reason: reasonFor(plan, opened),
    fallbacks,
    changedBytes: opened.changedBytes,
    seconds: (performance.now() - started) / 1000,
    ...more,
  })
  if (opened.kind === 'unchanged') {
    onProgress(0, 0)
    return finish({ read: undefined, written: undefined, bytesRead: 0, bytesSent: 0, bytesWritten: 0, reducible: snapshot.cbt })
  }

  const { source, extents, segments } = opened
  let uploads = 0
  const sink = segmentedSink(
    segments,
    async (segment) => {
      // The first one comes right after the disk was marked; the next ones while the check of the one before is still to come.
      if (uploads++ > 0) await assertDiskIsOurs(context, target.ref)
      return openSink(context, target, snapshot.size, segment?.extents ?? extents, fallbacks)
    },
    async (end) => {
      await assertDiskIsOurs(context, target.ref)
      await request.checkpoint(target, end)
    },
  )
  // A new disk's blocks may all be zero, and what is compared may be equal: only then nothing at all is written.
  if (segments.length > 0 && !target.blank && opened.repair !== true) sink.begin()
  const copied = await copyBlocks(source, async () => sink, {
    signal: context.signal,
    budget: context.budget,
    onProgress: ({ bytesDone, bytesExpected }) => onProgress(bytesDone, bytesExpected),
    ...(request.beforeWrite === undefined ? {} : { beforeWrite: request.beforeWrite }),
    ...(request.remember === undefined ? {} : { onWrite: request.remember(opened.changedBytes) }),
    // What isn't written to a new disk is zero already; on any other disk a zero may be news.
    ...(target.blank ? { skipZeroes: ZERO_GRANULE } : {}),
  }).catch(async (error: unknown) => {
    // Before the first block the copy knows of no sink, but an upload may stand already.
    await sink.abort(error).catch(() => undefined)
    throw error
  })
  return finish({
    read: source.kind,
    written: copied.bytesWritten > 0 ? sink.kind : undefined,
    bytesRead: source.bytesRead + opened.bytesReadBefore,
    bytesSent: sink.bytesSent,
    bytesWritten: copied.bytesWritten,
    reducible: snapshot.cbt && opened.nbd,
  })
}

/** The planned landing, unless the way of reading that was left does not fit it. */
function landingFor(plan: SentDiskPlan, opened: Opened): Landing {
  const { choice } = plan
  if (choice.landing.kind === 'resume' && mayResume(choice, opened)) return choice.landing
  if (choice.landing.kind === 'repair' && opened.kind === 'blocks' && opened.repair) return choice.landing
  if (!opened.delta || choice.kind === 'full') return { kind: 'create' }
  const { landing, base } = choice
  if (landing.kind === 'resume') return { kind: 'clone', of: landing.otherwise as string, why: NOT_RESUMABLE }
  if (landing.kind !== 'continue' || opened.tracked) return landing
  // Without tracking nothing says that this delta covers what the broken run wrote.
  return {
    kind: 'clone',
    of: landing.otherwise,
    why: { code: 'interrupted', text: `an interrupted run wrote to the disk, and the changes since ${base.uuid} can't be listed` },
  }
}

/**
 * A disk that a broken run began to write is built on only when all that was written to it since its restore point is part of this
 * transfer, or of the one that it takes up: somebody else may have written to it, too, and change tracking tells not who it was.
 */
async function proveLanding(landing: Landing, opened: Opened, { writtenOnTarget }: TransferRequest): Promise<Landing> {
  // A first copy has no restore point to compare with: its verification reads everything.
  if (landing.kind !== 'continue' && !(landing.kind === 'resume' && landing.otherwise !== undefined)) return landing
  const of = landing.otherwise as string
  const written = await writtenOnTarget(of, landing.disk)
  const again = opened.covers
  if (written !== undefined && again !== undefined && subtract(written, again).length === 0) return landing
  const text = 'an interrupted run wrote to the disk, and nothing proves that nobody else did'
  return { kind: 'clone', of, why: { code: 'interrupted', text } }
}

const NOT_RESUMABLE: Reason = { code: 'not-resumable', text: 'what is left of the interrupted transfer can not be told any more' }

/** The same kind of transfer as the interrupted one, with what is to come known: otherwise what lies below the checkpoint means nothing. */
function mayResume(choice: SentDiskPlan['choice'], opened: Opened): boolean {
  if (opened.delta !== (choice.kind === 'delta') || (opened.delta && !opened.tracked)) return false
  return opened.kind === 'unchanged' || opened.extents !== undefined
}

function reasonFor(plan: SentDiskPlan, opened: Opened): Reason {
  if (plan.mode === 'full' || opened.delta) return plan.reason
  return {
    code: 'delta-not-possible',
    text: 'a delta was planned, but no way to read it worked (see the fallbacks)',
    avoid: 'mend what the fallbacks name',
  }
}

async function openSink(
  context: RunContext,
  disk: TargetDisk,
  size: number,
  extents: Parameters<typeof openVhdSink>[2]['extents'] | undefined,
  fallbacks: Fallbacks,
): Promise<BlockSink> {
  const { target, signal } = context
  try {
    return await openChunkedSink(target, disk.ref, signal)
  } catch (error) {
    if (!refusesChunks(error) || extents === undefined) throw error
    fallbacks.push({ code: 'chunked-import-refused', text: `the target host refuses the chunked import: ${(error as Error).message}` })
    return openVhdSink(target, disk.ref, { size, extents }, signal)
  }
}

/** XAPI answers 404 and fails the task with INTERNAL_ERROR for a combination of parameters that it does not know. */
const refusesChunks = (error: unknown) => error instanceof XapiError && error.code === 'INTERNAL_ERROR'
