/** What a run is given, and its first half: both sides are looked at and a plan is made; nothing is changed. */
import type { ByteBudget } from '../block/block.ts'
import type { CommonBase } from '../core/base.ts'
import type { BrokenChainPolicy } from '../core/broken-chain.ts'
import { asCode } from '../core/errors/registry.ts'
import { Failure } from '../core/failure.ts'
import { parseDatetime } from '../core/marks.ts'
import type { SourceFacts } from '../core/observation.ts'
import { type Policy, planVmRun, type VmRunPlan } from '../core/plan.ts'
import type { RunEvent, RunStage, VerifyMode } from '../core/report.ts'
import type { RetentionRule } from '../core/retention.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { decodeChangedBlocks } from './block-source.ts'
import type { AskStarted } from './copy-vms.ts'
import { isGone, whenDetached } from './destroy.ts'
import { type Inspected, inspectSource } from './inspect-source.ts'
import { type AskWritten, type InspectedTarget, inspectTarget } from './inspect-target.ts'
import { type PoolView, viewPools } from './pool-view.ts'
import type { RunIds } from './session.ts'
import { storageLimits } from './storage-limits.ts'
import { memoryFacts } from './suspend-storage.ts'

export interface RunOptions {
  readonly source: Xapi
  readonly target: Xapi
  readonly ids: RunIds
  readonly retention: number | RetentionRule
  readonly verify: VerifyMode
  readonly networks: ReadonlyMap<string, string | null>
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  /** Disks carried over at once. */
  readonly disksAtOnce?: number
  readonly beforeWrite?: (bytes: number) => Promise<void> | void
  /** See RunContext. */
  readonly leastSegment?: number
  /** Default: `full`. */
  readonly onBrokenChain?: BrokenChainPolicy
  /** See Policy. */
  readonly common?: ReadonlyMap<string, CommonBase>
  /** See Policy. */
  readonly memory?: boolean
  /** Reads over NBD without encryption where a pool offers nothing else; default: not. */
  readonly allowInsecureNbd?: boolean
  readonly onEvent?: (event: RunEvent) => void
  /** Told of the plan before anything is done. */
  readonly onPlan?: (plan: VmRunPlan) => void
  /** Source disks that are left out, by uuid or position. */
  readonly excludeDisks?: ReadonlySet<string>
  /** Whether these were named for this VM alone, so that one it has not is a mistake to tell; default: not. */
  readonly excludeDisksOfThisVm?: boolean
  /** How long a VM on its way elsewhere, or a chain that its storage is merging, is waited for (prepare-when-free.ts); default: not. */
  readonly waitMs?: number
  /** See RunContext. */
  readonly stillHeld?: () => Promise<void>
  /** The target's storage repositories, when somebody has just asked for them. */
  readonly storage?: PoolView['SR']
  /** What is on a pool, for all targets of a run together; undefined: each looks for itself. */
  readonly views?: (xapi: Xapi) => Promise<PoolView>
  /** How often a run tells that it lives, and how long others wait for a sign of it. */
  readonly lockTiming?: { readonly beatMs: number; readonly patienceMs: number }
}

/** What was seen and decided, before anything is changed. */
export interface PreparedRun {
  readonly plan: VmRunPlan
  readonly source: Inspected
  readonly target: InspectedTarget
  readonly views: { readonly source: PoolView; readonly target: PoolView }
}

/** Looks at both sides and plans; changes nothing. Throws Failure where there can be no run. */
export async function prepareRun(options: RunOptions): Promise<PreparedRun> {
  const { ids } = options
  const stage = stageOf(options)
  stage('inspect')
  const views = await viewBoth(options)
  const inspected = inspectSource(views.source, ids)
  const samePool = views.source === views.target
  const seen = await inspectTarget(views.target, ids, samePool, askByTracking(options), askStarted(options))
  const largest = Math.max(0, ...inspected.facts.disks.map(({ size }) => size))
  const limits = await storageLimits(options.target, seen.srRecord, largest, options.signal)
  const inspectedTarget = { ...seen, facts: { ...seen.facts, sr: { ...seen.facts.sr, ...limits } } }
  stage('plan')
  const policy: Policy = {
    job: ids.job,
    schedule: ids.schedule,
    retention: options.retention,
    now: Date.now(),
    networks: options.networks,
    onBrokenChain: options.onBrokenChain ?? 'full',
    ...(options.common === undefined ? {} : { common: options.common }),
    ...(options.memory ? { memory: true } : {}),
    ...(options.excludeDisksOfThisVm && options.excludeDisks ? { leftOut: options.excludeDisks } : {}),
  }
  const memory = options.memory ? await memoryFacts(options.source, views.source, inspected.record, options.signal) : undefined
  const facts = { ...leavingOut(inspected.facts, options.excludeDisks), ...(memory === undefined ? {} : { memory }) }
  const planned = planVmRun(facts, inspectedTarget.facts, policy)
  if (planned.kind === 'refused') {
    const { code, text, hint } = planned.refusal
    throw new Failure(asCode(code), text, hint)
  }
  options.onPlan?.(planned.plan)
  return { plan: planned.plan, source: inspected, target: inspectedTarget, views }
}

/** @param excluded uuids or positions of disks */
function leavingOut(facts: SourceFacts, excluded: ReadonlySet<string> = new Set()): SourceFacts {
  if (excluded.size === 0) return facts
  return {
    ...facts,
    disks: facts.disks.map((disk) => (excluded.has(disk.uuid) || excluded.has(disk.userdevice) ? { ...disk, excludedByJob: true } : disk)),
  }
}

async function viewBoth({ source, target, signal, storage, views }: RunOptions): Promise<PreparedRun['views']> {
  if (views === undefined) {
    // Of the source's storage nothing is needed.
    return viewPools(
      { source, target, signal },
      { source: { SR: new Map() }, ...(storage === undefined ? {} : { target: { SR: storage } }) },
    )
  }
  const [one, other] = await Promise.all([views(source), views(target)])
  return { source: one, target: other }
}

export function askByTracking({ target, signal }: Pick<RunOptions, 'target' | 'signal'>): AskWritten {
  return async (snapshot, disk, size) => {
    try {
      // A plain call: both disks are at rest, and when it takes too long there is another way to be sure.
      const ask = () => target.call<string>('VDI.list_changed_blocks', [snapshot, disk], { signal, timeoutMs: PROOF_TIMEOUT_MS })
      // What verified the last restore point may still be attached.
      const bitmap = decodeChangedBlocks(await whenDetached(target, disk, signal, ask), size)
      return bitmap.every((byte) => byte === 0) ? 'unchanged' : 'written'
    } catch {
      // Not provable is an answer: the plan then takes a clone of the restore point instead.
      signal.throwIfAborted()
      return 'unknown'
    }
  }
}

const PROOF_TIMEOUT_MS = 120_000

/** `start_time` of a VM's metrics is the epoch until it is started. */
export function askStarted({ target, signal }: Pick<RunOptions, 'target' | 'signal'>): AskStarted {
  return async (vm) => {
    try {
      const metrics = await target.call<Ref<'VM_metrics'>>('VM.get_metrics', [vm], { signal })
      return parseDatetime(await target.call<string>('VM_metrics.get_start_time', [metrics], { signal }))
    } catch (error) {
      // A VM without metrics was never started.
      if (isGone(error)) return undefined
      throw error
    }
  }
}

/** Tells that a stage begins. */
export const stageOf = (options: RunOptions) => (stage: RunStage) => options.onEvent?.({ kind: 'stage', stage })
