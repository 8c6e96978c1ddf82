/** Test failover: a clone of a restore point is started where it disturbs nobody, watched until it is up, and removed again. */

import type { Reason } from '../../core/base.ts'
import { macClashes } from '../../core/failover/copy-networks.ts'
import { TEST_TAG, type TestedMark } from '../../core/failover/marks.ts'
import type { Evidence } from '../../core/failover/readiness.ts'
import { Failure } from '../../core/failure.ts'
import { MARK } from '../../core/marks.ts'
import { explainError } from '../explain.ts'
import { removeTests } from './cleanup.ts'
import type { CopyPlan, PreparedCopy } from './clone.ts'
import { copyVm, type MadeCopy } from './copy-vm.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, isoTime, log, step } from './options.ts'
import { type Readiness, watchUntilReady } from './readiness.ts'
import { startVm } from './start-vm.ts'

export interface TestWishes {
  readonly readiness: Readiness
  /** Left running for somebody to look at. */
  readonly keep: boolean
}

export interface TestReport {
  readonly kind: 'test'
  /** Of the test: what names it to the cleaning up. */
  readonly id: string
  readonly plan: CopyPlan
  /** Absent: it was not even made. */
  readonly vm: { readonly uuid: string; readonly name: string } | undefined
  readonly startedAt: string
  /** `ready`: every check was passed. */
  readonly outcome: 'ready' | 'not-ready'
  /** `total` is the recovery time achieved. */
  readonly seconds: { readonly clone: number; readonly start: number; readonly ready: number; readonly total: number }
  /** Age of the restore point's content when the test began: what a failover at that moment would have lost. */
  readonly lossSeconds: number
  readonly evidence: readonly Evidence[]
  readonly addresses: readonly string[]
  readonly removed: boolean
  readonly warnings: readonly Reason[]
}

/**
 * The report also of a VM that does not come up. Throws when the test itself could not be carried out; then, and when it is stopped, what
 * it made is removed.
 */
export async function testFailover(options: FailoverOptions, prepared: PreparedCopy, wishes: TestWishes): Promise<TestReport> {
  return holding(options, prepared.plan.of, 'tests', async (held) => {
    const { job, vm } = prepared.plan.of
    // Whoever holds the tests of this chain knows that no other goes on: what is there was left by one that died.
    const left = await removeTests(held, (mark) => mark.job === job && mark.vm === vm && mark.keep !== true)
    for (const name of left.vms) log(options, `removed "${name}", left by a test that ended early`)
    return runTest(held, prepared, wishes)
  })
}

async function runTest(
  options: FailoverOptions,
  { plan, start, view }: PreparedCopy,
  { readiness, keep }: TestWishes,
): Promise<TestReport> {
  const { clock, id, target, signal } = options
  const begun = clock.now()
  const since = (time: number) => (clock.now() - time) / 1000
  let copy: MadeCopy | undefined
  const warnings: Reason[] = [...warningsOf(plan, readiness)]
  try {
    step(options, 'clone', `cloning "${plan.point.name}"`)
    copy = await copyVm(options, view, {
      of: start.ref,
      name: plan.name,
      description: `Test failover of the restore point of ${plan.point.takenAt}, made by Understudy: removed when the test is over.`,
      mark: {
        kind: 'test',
        id,
        job: plan.of.job,
        vm: plan.of.vm,
        point: plan.point.uuid,
        at: isoTime(begun),
        ...(keep ? { keep } : {}),
      },
      tags: [TEST_TAG],
      vifs: plan.vifs,
    })
    const clone = since(begun)
    step(options, 'start', `starting "${plan.name}"`)
    const beforeStart = clock.now()
    await startVm(options, copy.ref)
    const started = since(beforeStart)
    step(options, 'ready', `waiting for "${plan.name}" to come up`)
    const beforeReady = clock.now()
    const watched = await watchUntilReady(options, { ...copy, name: plan.name }, readiness)
    const seconds = { clone, start: started, ready: since(beforeReady), total: since(begun) }
    const outcome = watched.ready ? 'ready' : 'not-ready'
    if (!keep) {
      step(options, 'remove', `removing "${plan.name}"`)
      await removeTests(options, (mark) => mark.id === id && mark.self === copy?.uuid)
    }
    await noteTested(options, start.ref, { at: isoTime(begun), outcome, seconds: seconds.total })
    return {
      kind: 'test',
      id,
      plan,
      vm: { uuid: copy.uuid, name: plan.name },
      startedAt: isoTime(begun),
      outcome,
      seconds,
      lossSeconds: Math.max(0, (begun - start.point.takenAt) / 1000),
      evidence: watched.evidence,
      addresses: watched.addresses,
      removed: !keep,
      warnings,
    }
  } catch (error) {
    // The signal may be what ended it.
    const late = { ...options, target, signal: AbortSignal.timeout(180_000) }
    await removeTests(late, (mark) => mark.id === id && mark.vm === plan.of.vm).catch((failure: Error) =>
      log(options, `could not clean up now, the next test will: ${failure.message}`),
    )
    signal.throwIfAborted()
    throw error instanceof Failure ? error : explainError(error)
  }
}

/** So that whoever looks at the restore point sees that it was tested; of no consequence to the chain. */
async function noteTested({ target, signal }: FailoverOptions, point: StartingRef, mark: TestedMark): Promise<void> {
  try {
    await target.call('VM.remove_from_other_config', [point, MARK.tested], { signal })
    await target.call('VM.add_to_other_config', [point, MARK.tested, JSON.stringify(mark)], { signal })
  } catch {
    // Retention may have removed it meanwhile.
    signal.throwIfAborted()
  }
}
type StartingRef = PreparedCopy['start']['ref']

function warningsOf(plan: CopyPlan, { checks }: Readiness): Reason[] {
  const out: Reason[] = macClashes(plan.vifs)
  const isolated = plan.vifs.some(({ to }) => to.kind === 'new-isolated')
  const asksGuest = checks.some((check) => check.kind === 'tcp' && check.host === undefined)
  if (isolated && asksGuest) {
    out.push({
      code: 'isolated-not-reachable',
      text: 'a port of the guest is to be asked, but an isolated network can’t be reached from this machine',
      avoid: 'put the test on a network that this machine reaches (--network), or ask with a script',
    })
  }
  if (isolated) {
    out.push({
      code: 'isolated-per-host',
      text: 'an isolated network does not lead from host to host: VMs of a test meet on it only when they run on the same host',
    })
  }
  return out
}
