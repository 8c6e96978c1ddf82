/** Protection in the direction back, and going back. */
import type { Reason } from '../../core/base.ts'
import type { Job } from '../../core/control/job.ts'
import { turnVm } from '../../core/control/turn-vm.ts'
import type { ReprotectPlan } from '../../core/failover/reprotect.ts'
import { Failure } from '../../core/failure.ts'
import type { RunReport } from '../../core/report.ts'
import { type FailbackReport, failback } from '../../replication/failover/failback.ts'
import { type ReprotectReport, reprotect } from '../../replication/failover/reprotect.ts'
import { prepareReprotect } from '../../replication/failover/turned-round.ts'
import { type FailedOver, findFailedOver, theOnly } from '../../replication/failover/undo.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import type { ActivityContext } from '../activities/active-activity.ts'
import { type KnownChain, knownChain, sourcePoolOf, subjectOf } from './find-chain.ts'
import { actingOptions, type FailoverParts, lookingOptions, type Prepare, plainReport, previewOf, readinessOf, vmClaim } from './parts.ts'
import { runSettings } from './run-settings.ts'
import { reservesOf } from './take-over.ts'

interface Turning {
  readonly chain: KnownChain
  readonly from: string
  readonly plan: ReprotectPlan
  readonly failed: FailedOver
}

type Request = Parameters<Prepare<'reprotect'>>[1] | Parameters<Prepare<'failback'>>[1]

async function look(parts: FailoverParts, request: Request, signal: AbortSignal): Promise<Turning> {
  const chain = knownChain(parts, request)
  const from = sourcePoolOf(chain)
  return withBoth(parts, request, from, signal, async (here, there) => {
    const failed = await theFailedOver(parts, request, chain, here, signal)
    const { plan } = await prepareReprotect(lookingOptions(here, signal), there, failed, request.backSr)
    return { chain, from, plan, failed }
  })
}

async function theFailedOver(
  _parts: FailoverParts,
  request: Request,
  chain: KnownChain,
  here: Xapi,
  signal: AbortSignal,
): Promise<FailedOver> {
  const { vm, job, target, failedOver } = request
  const found = (await findFailedOver({ target: here, signal }, { vm, job })).filter(
    ({ uuid, mark }) => mark.sr === target.sr && (failedOver === undefined || uuid === failedOver),
  )
  const failed = theOnly(found, chain.vm.name)
  if (failed.mark.state === 'preparing')
    throw new Failure(
      'NOT_FAILED_OVER',
      `"${failed.name}" was about to take over and was not started`,
      'go on with the failover, or undo it',
    )
  return failed
}

const withBoth = <T>(
  { pools }: FailoverParts,
  { target }: Request,
  from: string,
  signal: AbortSignal,
  use: (here: Xapi, there: Xapi) => Promise<T>,
): Promise<T> =>
  pools.withPool(target.pool, signal, (here) =>
    target.pool === from ? use(here, here) : pools.withPool(from, signal, (there) => use(here, there)),
  )

const HOW = {
  delta: 'only what changed is sent',
  compare: 'both sides are read and compared, what differs is sent',
  full: 'it is sent whole',
}

function previewFields({ plan, chain }: Turning) {
  const how = { 'in-place': 'the original is updated in place', beside: 'a new VM is made beside the original', new: 'a new VM is made' }
  return {
    confirm: chain.vm.name,
    happens: [
      { code: plan.reason.code, text: `${how[plan.kind]}: ${plan.reason.text}` },
      ...plan.happens,
      ...plan.disks.map(({ userdevice, how: way }): Reason => ({ code: `disk-${way}`, text: `disk ${userdevice}: ${HOW[way]}` })),
    ],
    costs: plan.costs,
  }
}

const reserves = ({ chain, failed }: Turning): string[] => [...reservesOf(chain), `${chain.target.pool}/${failed.uuid}`]
const networksOf = ({ networks }: Request) => (networks === undefined ? {} : { networks: new Map(Object.entries(networks)) })

/** The job goes on in the other direction. */
async function turnJob({ book }: FailoverParts, job: Job | undefined, round: Parameters<typeof turnVm>[1]): Promise<void> {
  const current = job && book.find(job.id)
  if (current === undefined) return
  // Somebody may change the job in this moment.
  for (let attempt = 1; ; attempt++) {
    const now = book.get(current.id)
    try {
      await book.put([{ ...now, turned: turnVm(now, round) }])
      return
    } catch (error) {
      if (attempt >= 5 || !(error instanceof Failure && error.code === 'JOB_CHANGED')) throw error
    }
  }
}

export const prepareReprotectVm: Prepare<'reprotect'> = async (parts, request, signal) => {
  const turning = await look(parts, request, signal)
  const { chain, from } = turning
  return {
    preview: previewOf({
      kind: 'reprotect',
      title: `"${turning.failed.name}", which took over, is protected in the direction back`,
      ...previewFields(turning),
    }),
    subject: subjectOf(chain),
    claims: [vmClaim(request.vm)],
    reserves: reserves(turning),
    impatient: false,
    work: (context) =>
      withBoth(parts, request, from, context.signal, async (here, there) => {
        const failed = await theFailedOver(parts, request, chain, here, context.signal)
        const settings = { ...runSettings(parts, chain.job, context), ...networksOf(request) }
        const report = await reprotect(actingOptions(parts, here, context), there, failed, settings, request.backSr)
        await turnJob(parts, chain.job, turnedRound(report, { pool: from, vm: request.vm }, chain.target.pool, from))
        return { result: reprotectResult(report), report: plainReport(report) }
      }),
  }
}

/** @param to pool that the way back leads to */
function turnedRound(
  { plan, networks }: ReprotectReport,
  source: { readonly pool: string; readonly vm: string },
  pool: string,
  to: string,
) {
  const { uuid: vm, name } = plan.failedOver
  return { source, now: { pool, vm, name, target: { pool: to, sr: plan.chain.sr }, networks: Object.fromEntries(networks) } }
}

function reprotectResult({ plan, run }: ReprotectReport) {
  return {
    kind: 'reprotect' as const,
    how: plan.kind,
    replica: run.replica.uuid,
    restorePoint: { uuid: run.restorePoint.uuid, takenAt: run.restorePoint.takenAt },
    changedBytes: run.totals.changedBytes,
    bytesSent: run.totals.bytesSent,
    warnings: run.warnings,
  }
}

const SHUTDOWN_S = 600

export const prepareFailback: Prepare<'failback'> = async (parts, request, signal) => {
  const turning = await look(parts, request, signal)
  const { chain, failed } = turning
  const { shutdown = 'clean', shutdownTimeoutSeconds = SHUTDOWN_S, protectAgain = true, backSr } = request
  const fields = previewFields(turning)
  return {
    preview: previewOf({
      kind: 'failback',
      title: `"${failed.name}" goes back to where its original was`,
      ...fields,
      lossSeconds: 0,
      happens: [
        ...fields.happens,
        {
          code: 'source-stopped',
          text: `"${failed.name}" is ${shutdown === 'clean' ? 'shut down cleanly' : 'stopped by force'}, and the last changes are sent`,
        },
        { code: 'original-started', text: 'the VM is started where its original was; when a step fails everything is taken back' },
        protectAgain
          ? { code: 'protected-again', text: 'then it is protected again as before, by what changed' }
          : { code: 'not-protected', text: 'it is not protected again' },
      ],
    }),
    subject: subjectOf(chain),
    claims: [vmClaim(request.vm)],
    reserves: reserves(turning),
    impatient: false,
    work: (context) =>
      goBack(parts, request, turning, { shutdown, shutdownMs: shutdownTimeoutSeconds * 1000, protectAgain, backSr }, context),
  }
}

function goBack(
  parts: FailoverParts,
  request: Parameters<Prepare<'failback'>>[1],
  { chain, from }: Turning,
  {
    backSr,
    ...how
  }: {
    readonly shutdown: 'clean' | 'hard'
    readonly shutdownMs: number
    readonly protectAgain: boolean
    readonly backSr: string | undefined
  },
  context: ActivityContext,
) {
  return withBoth(parts, request, from, context.signal, async (here, there) => {
    const failed = await theFailedOver(parts, request, chain, here, context.signal)
    const settings = { ...runSettings(parts, chain.job, context), ...networksOf(request) }
    const wishes = {
      ...how,
      networks: { kind: 'replica' },
      mapping: new Map(),
      macs: 'keep',
      ...(backSr === undefined ? {} : { sr: backSr }),
      ...(request.ready === undefined ? {} : { readiness: readinessOf(request.ready) }),
    } as const
    const report = await failback(actingOptions(parts, here, context), there, failed, wishes, settings)
    if (report.protectedAgain !== undefined) {
      const round = turnedRound(report.protectedAgain, { pool: from, vm: request.vm }, from, chain.target.pool)
      await turnJob(parts, chain.job, round)
    } else {
      const { vm } = report
      const now = { pool: from, vm: vm.uuid, name: vm.name, target: chain.target, networks: {} }
      await turnJob(parts, chain.job, { source: { pool: from, vm: request.vm }, now })
      context.log('warning', `it is back, but not protected${report.unprotected === undefined ? ', as asked' : `: ${report.unprotected}`}`)
    }
    return { result: failbackResult(report), report: plainReport(report) }
  })
}

function failbackResult({ vm, turned, planned, protectedAgain, unprotected }: FailbackReport) {
  const runs: readonly (RunReport | undefined)[] = [turned?.run, planned?.before, planned?.last, protectedAgain?.run]
  const sum = (of: (run: RunReport) => number) => runs.reduce((total, run) => total + (run === undefined ? 0 : of(run)), 0)
  return {
    kind: 'failback' as const,
    vm,
    downSeconds: planned?.seconds.down ?? 0,
    changedBytes: sum(({ totals }) => totals.changedBytes),
    bytesSent: sum(({ totals }) => totals.bytesSent),
    protectedAgain: protectedAgain !== undefined,
    unprotected: unprotected ?? null,
    warnings: planned?.warnings ?? [],
  }
}
