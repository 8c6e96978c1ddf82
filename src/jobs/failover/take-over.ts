/** Unplanned failovers: the replica, or a clone of a restore point, takes over, whatever has become of the source. */
import { Failure } from '../../core/failure.ts'
import { takeOverAsItRuns } from '../../replication/failover/as-it-runs.ts'
import type { SilentPool } from '../../replication/failover/source-look.ts'
import { prepareTakeOver, type TakeOverReport, takeOver } from '../../replication/failover/take-over.ts'
import { viewPool } from '../../replication/pool-view.ts'
import { findPoint } from '../../replication/proof/find-point.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { type KnownChain, knownChain, subjectOf } from './find-chain.ts'
import {
  actingOptions,
  type FailoverParts,
  interfacesOf,
  lookingOptions,
  networksOf,
  type Prepare,
  type Prepared,
  plainReport,
  previewOf,
  readinessOf,
  vmClaim,
  wantedPoint,
} from './parts.ts'

export const prepareFailover: Prepare<'failover'> = async (parts, request, signal) => {
  if (request.asItRuns === true) return asItRuns(parts, request, signal)
  const { target, macs = 'keep', clone = false, name, evenIfSourceRuns = false } = request
  const chain = knownChain(parts, request)
  const wishes = {
    wanted: wantedPoint(request),
    kind: 'unplanned' as const,
    clone,
    ...networksOf(request.networks, 'replica'),
    macs,
    evenIfSourceRuns,
    ...(name === undefined ? {} : { name }),
    ...(request.ready === undefined ? {} : { readiness: readinessOf(request.ready) }),
  }
  const { plan, view } = await parts.pools.withPool(target.pool, signal, (xapi) =>
    besideSource(parts, chain, signal, (source) => prepareTakeOver(lookingOptions(xapi, signal), { ...wishes, ...source })),
  )
  return {
    preview: previewOf({
      kind: 'failover',
      title: clone ? `A clone of "${chain.vm.name}" takes over` : `The replica of "${chain.vm.name}" takes over`,
      confirm: chain.vm.name,
      point: { uuid: plan.point.uuid, name: plan.point.name, takenAt: plan.point.takenAt },
      lossSeconds: plan.lossSeconds,
      continues: plan.continues,
      happens: plan.happens,
      lost: plan.lost,
      costs: plan.costs,
      warnings: plan.warnings,
      interfaces: interfacesOf(view, plan.vifs),
    }),
    subject: subjectOf(chain),
    claims: clone ? [] : [vmClaim(request.vm)],
    reserves: clone ? [] : reservesOf(chain),
    impatient: true,
    work: (context) =>
      parts.pools.withPool(target.pool, context.signal, (xapi) =>
        besideSource(parts, chain, context.signal, async (source) => {
          const report = await takeOver(actingOptions(parts, xapi, context), { ...wishes, ...source }, plan)
          return { result: failoverResult(report), report: plainReport(report) }
        }),
      ),
  }
}

export const reservesOf = ({ sourcePool, vm }: KnownChain): string[] => (sourcePool === undefined ? [] : [`${sourcePool}/${vm.uuid}`])

export type Beside = { readonly source?: Xapi | SilentPool }

/** With the source's pool, to see whether the source still runs, as far as it answers: a failover does not fail for that. */
export async function besideSource<T>(
  { pools }: Pick<FailoverParts, 'pools'>,
  { sourcePool }: Pick<KnownChain, 'sourcePool'>,
  signal: AbortSignal,
  use: (beside: Beside) => Promise<T>,
): Promise<T> {
  if (sourcePool === undefined) return use({})
  const status = pools.statuses().find(({ id }) => id === sourcePool)
  if (status === undefined) return use({})
  if (status.state !== 'connected') return use({ source: { silent: status.error?.message ?? `pool "${status.name}" is ${status.state}` } })
  let used = false
  try {
    return await pools.withPool(sourcePool, signal, (source) => {
      used = true
      return use({ source })
    })
  } catch (error) {
    if (used) throw error
    signal.throwIfAborted()
    return use({ source: { silent: (error as Error).message } })
  }
}

function sourceRuns({ pools }: FailoverParts, { sourcePool, vm }: KnownChain) {
  const connected = pools.statuses().some(({ id, state }) => id === sourcePool && state === 'connected')
  const source = connected && sourcePool !== undefined ? pools.inventoryOf(sourcePool)?.vms.find(({ uuid }) => uuid === vm.uuid) : undefined
  return source?.powerState !== 'Running'
    ? []
    : [
        {
          code: 'source-runs',
          text: `the source "${vm.name}" runs: two of them will be on the same network, with the same addresses`,
          avoid: 'shut it down first, or fail over as planned: nothing is lost then',
        },
      ]
}

function failoverResult(report: TakeOverReport) {
  const { vm, plan, ready, seconds, evidence, addresses, warnings } = report
  return {
    kind: 'failover' as const,
    vm,
    point: { uuid: plan.point.uuid, takenAt: plan.point.takenAt },
    clone: plan.clone,
    ready: ready ?? null,
    rtoSeconds: seconds.total,
    lossSeconds: plan.lossSeconds,
    lost: plan.lost,
    evidence,
    addresses,
    warnings,
  }
}

async function asItRuns(parts: FailoverParts, request: Parameters<typeof prepareFailover>[1], signal: AbortSignal): Promise<Prepared> {
  const chain = knownChain(parts, request)
  const wanted = wantedPoint(request)
  const { point } = await parts.pools.withPool(request.target.pool, signal, async (xapi) => findPoint(await viewPool(xapi, signal), wanted))
  const takenAt = new Date(point.takenAt).toISOString()
  return {
    preview: previewOf({
      kind: 'failover',
      title: `The replica of "${chain.vm.name}" takes over as it runs`,
      confirm: chain.vm.name,
      point: { uuid: point.uuid, name: point.name, takenAt },
      happens: [{ code: 'noted', text: 'it is noted that the replica, which somebody started by other means, has taken over' }],
      costs: [{ code: 'runs-refused', text: 'runs of the job stop until it goes back, or its protection is turned round' }],
      warnings: sourceRuns(parts, chain),
    }),
    subject: subjectOf(chain),
    claims: [vmClaim(request.vm)],
    reserves: reservesOf(chain),
    impatient: true,
    work: (context) =>
      parts.pools.withPool(request.target.pool, context.signal, async (xapi) => {
        const options = actingOptions(parts, xapi, context)
        context.step('note', 'noting that it has taken over')
        const mark = await takeOverAsItRuns(options, wanted)
        const ref = await xapi.byUuid('VM', mark.self, { signal: context.signal })
        const name = await xapi.call<string>('VM.get_name_label', [ref], { signal: context.signal })
        if (mark.point === '') throw new Failure('RESTORE_POINT_NOT_FOUND', 'the replica has no restore point')
        return {
          result: {
            kind: 'failover',
            vm: { uuid: mark.self, name },
            point: { uuid: mark.point, takenAt: mark.takenAt },
            clone: false,
            ready: null,
            rtoSeconds: 0,
            lossSeconds: Math.max(0, (Date.parse(mark.at) - Date.parse(mark.takenAt)) / 1000),
            lost: [],
            evidence: [],
            addresses: [],
            warnings: [],
          },
          report: plainReport({ mark }),
        }
      }),
  }
}
