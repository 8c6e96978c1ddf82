/** Planned failovers: the source is shut down and hands over, without a byte lost. */
import type { Reason } from '../../core/base.ts'
import type { PreviewInterface } from '../../core/control/failover-request.ts'
import { readHandoverMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { type PlannedReport, plannedFailover } from '../../replication/failover/planned.ts'
import { prepareTakeOver } from '../../replication/failover/take-over.ts'
import { findByUuid, viewPool } from '../../replication/pool-view.ts'
import { findPoint } from '../../replication/proof/find-point.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import { knownChain, sourcePoolOf, subjectOf } from './find-chain.ts'
import {
  actingOptions,
  interfacesOf,
  lookingOptions,
  type Prepare,
  plainReport,
  previewOf,
  readinessOf,
  vmClaim,
  wantedPoint,
} from './parts.ts'
import { runSettings, settingsOf } from './run-settings.ts'
import { reservesOf } from './take-over.ts'

const SHUTDOWN_S = 600

interface Looked {
  readonly interfaces: readonly PreviewInterface[]
  readonly point: { readonly uuid: string; readonly name: string; readonly takenAt: string }
  readonly job: string
  readonly continues: boolean
  readonly costs: readonly Reason[]
}

export const preparePlanned: Prepare<'planned-failover'> = async (parts, request, signal) => {
  const { target, shutdown = 'clean', shutdownTimeoutSeconds = SHUTDOWN_S } = request
  const chain = knownChain(parts, request)
  const from = sourcePoolOf(chain)
  const readiness = request.ready === undefined ? {} : { readiness: readinessOf(request.ready) }
  const wishes = { networks: { kind: 'replica' }, mapping: new Map(), macs: 'keep' } as const
  const source = await parts.pools.withPool(from, signal, async (xapi) => {
    const found = findByUuid(await xapi.records('VM', { signal }), request.vm)?.[1]
    if (found === undefined)
      throw new Failure('VM_NOT_FOUND', `pool ${from} has no VM ${request.vm}`, 'if the source is gone, fail over unplanned')
    return found
  })
  const unfinished = readHandoverMark(source.other_config, source.uuid)?.state === 'shutting-down'
  const looked = await parts.pools.withPool(target.pool, signal, async (xapi): Promise<Looked> => {
    const wanted = wantedPoint(request)
    try {
      const { plan, view } = await prepareTakeOver(lookingOptions(xapi, signal), { ...wishes, wanted, kind: 'planned', clone: false })
      const { point, costs } = plan
      return { interfaces: interfacesOf(view, plan.vifs), point, job: plan.chain.job, continues: plan.continues, costs }
    } catch (error) {
      // What an attempt before this one left is gone on with.
      if (!(unfinished && error instanceof Failure)) throw error
      const { point, chain: found } = await findPoint(await viewPool(xapi, signal), wanted)
      const named = { uuid: point.uuid, name: point.name, takenAt: new Date(point.takenAt).toISOString() }
      return { interfaces: [], point: named, job: found.job, continues: true, costs: [] }
    }
  })
  assertStoppable(source, shutdown)
  return {
    preview: previewOf({
      kind: 'planned-failover',
      title: `"${chain.vm.name}" is shut down, and its replica takes over`,
      confirm: chain.vm.name,
      // What it holds is sent anew before it starts.
      point: looked.point,
      lossSeconds: 0,
      continues: unfinished || looked.continues,
      happens: happens(source, shutdown, request.ready?.checks),
      costs: looked.costs,
      interfaces: looked.interfaces,
    }),
    subject: subjectOf(chain),
    claims: [vmClaim(request.vm)],
    reserves: reservesOf(chain),
    impatient: false,
    work: (context) =>
      parts.pools.withPool(from, context.signal, (there) =>
        parts.pools.withPool(target.pool, context.signal, async (here) => {
          const { job } = chain
          const schedule = job?.schedules[0]?.id
          const report = await plannedFailover(
            actingOptions(parts, here, context),
            there,
            {
              ...wishes,
              ...readiness,
              chain: { job: looked.job, vm: request.vm, sr: target.sr, ...(schedule === undefined ? {} : { schedule }) },
              shutdown,
              shutdownMs: shutdownTimeoutSeconds * 1000,
            },
            { ...runSettings(parts, job, context), networks: new Map(Object.entries(settingsOf(job).networks)) },
          )
          return { result: plannedResult(report), report: plainReport(report) }
        }),
      ),
  }
}

/** As far as it can be told beforehand: what the engine would refuse once the first changes were sent. */
function assertStoppable(
  { name_label: name, power_state: state, allowed_operations: allowed }: RecordOf['VM'],
  shutdown: 'clean' | 'hard',
): void {
  if (state !== 'Running' || shutdown === 'hard' || (allowed as readonly string[]).includes('clean_shutdown')) return
  throw new Failure(
    'SHUTDOWN_NOT_POSSIBLE',
    `"${name}" can't be shut down cleanly: it has no guest tools, or something else is going on with it`,
    'shut it down yourself and do this again, or have its power cut',
  )
}

function happens(
  { name_label: name, power_state: state }: RecordOf['VM'],
  shutdown: 'clean' | 'hard',
  checks: readonly string[] | undefined,
): Reason[] {
  const runs = state === 'Running'
  return [
    ...(runs ? [{ code: 'first-run', text: `what changed is sent while "${name}" runs` }] : []),
    {
      code: 'source-stopped',
      text: runs
        ? `"${name}" is ${shutdown === 'clean' ? 'shut down cleanly' : 'stopped by force'}, its start blocked`
        : `"${name}" is ${state.toLowerCase()}; its start is blocked`,
    },
    { code: 'last-run', text: 'the last changes are sent and read back: nothing is lost' },
    {
      code: 'replica-started',
      text: `the replica is started${checks === undefined ? '' : `, and watched until it is up (${checks.join(', ')})`}`,
    },
    { code: 'taken-back', text: 'when a step fails everything is taken back, and the source runs again if it ran' },
  ]
}

export function plannedResult({ before, last, failover, seconds, warnings }: PlannedReport) {
  const { vm, plan, ready, evidence, addresses } = failover
  return {
    kind: 'planned-failover' as const,
    vm,
    point: { uuid: plan.point.uuid, takenAt: plan.point.takenAt },
    ready: ready ?? null,
    rtoSeconds: seconds.total,
    downSeconds: seconds.down,
    bytesSent: (before?.totals.bytesSent ?? 0) + (last?.totals.bytesSent ?? 0),
    evidence,
    addresses,
    warnings,
  }
}
