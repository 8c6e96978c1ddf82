/** How chains stand with failing over, read from the pools. */
import type { FailedOverVm, FailoverStatus, TestCopy } from '../../core/control/failover-request.ts'
import type { Target } from '../../core/control/job.ts'
import { possibleFailovers, unfinishedFailover } from '../../core/control/possible-failovers.ts'
import { readCopyMark, readFailoverMark, readHandoverMark } from '../../core/failover/marks.ts'
import { readReplicaMark } from '../../core/marks.ts'
import { findTests } from '../../replication/failover/cleanup.ts'
import { findByUuid } from '../../replication/pool-view.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { knownChain } from './find-chain.ts'
import { type FailoverParts, testClaim, vmClaim } from './parts.ts'

export interface StatusFilter {
  readonly pool?: string
  readonly job?: string
  readonly vm?: string
}

interface Chain {
  readonly job: string
  readonly vm: string
  readonly target: Target
}

type Vms = Map<Ref<'VM'>, RecordOf['VM']>

const keyOf = ({ job, vm, target }: Chain) => `${job}/${vm}/${target.pool}/${target.sr}`

/** Chains with something to tell; where a VM or a job is named, all of them. A pool that does not answer tells nothing. */
export async function failoverStatus(
  parts: FailoverParts,
  claimedBy: (claim: string) => string | undefined,
  filter: StatusFilter,
  signal: AbortSignal,
): Promise<FailoverStatus[]> {
  const pools = parts.pools.statuses().filter(({ state }) => state === 'connected')
  const views = new Map<string, Vms>()
  const tests = new Map<string, Awaited<ReturnType<typeof findTests>>>()
  await Promise.all(
    pools.map(async ({ id }) => {
      try {
        await parts.pools.withPool(id, signal, async (xapi) => {
          views.set(id, await xapi.records('VM', { signal }))
          tests.set(id, await findTests({ target: xapi, signal }))
        })
      } catch {
        signal.throwIfAborted()
      }
    }),
  )
  const chains = new Map<string, Chain>()
  for (const [pool, vms] of views) {
    if (filter.pool !== undefined && filter.pool !== pool) continue
    for (const chain of chainsOn(pool, vms)) {
      if ((filter.vm === undefined || chain.vm === filter.vm) && (filter.job === undefined || chain.job === filter.job))
        chains.set(keyOf(chain), chain)
    }
  }
  const all = [...chains.values()].map((chain) => statusOf(parts, claimedBy, chain, views, tests.get(chain.target.pool) ?? []))
  const named = filter.vm !== undefined || filter.job !== undefined
  return all.filter((status) => named || isNews(status))
}

const isNews = ({ failedOver, tests, startedByOtherMeans, unfinished, underWay }: FailoverStatus) =>
  failedOver.length > 0 || tests.length > 0 || startedByOtherMeans || unfinished !== null || underWay !== null

function* chainsOn(pool: string, vms: Vms): Generator<Chain> {
  for (const { other_config: config, uuid, is_a_snapshot: snapshot } of vms.values()) {
    if (snapshot) continue
    const mark = readReplicaMark(config, uuid) ?? readFailoverMark(config, uuid)
    if (mark !== undefined) yield { job: mark.job, vm: mark.vm, target: { pool, sr: mark.sr } }
  }
}

function statusOf(
  parts: FailoverParts,
  claimedBy: (claim: string) => string | undefined,
  { job, vm, target }: Chain,
  views: ReadonlyMap<string, Vms>,
  testsThere: Awaited<ReturnType<typeof findTests>>,
): FailoverStatus {
  const here = views.get(target.pool) as Vms
  const known = knownChain(parts, { vm, target, job })
  const isOf = (mark: { readonly job: string; readonly vm: string; readonly sr: string } | undefined) =>
    mark?.job === job && mark.vm === vm && mark.sr === target.sr
  const own = [...here.values()].filter(({ is_a_snapshot: snapshot }) => !snapshot)
  const replica = own.find(({ other_config: config, uuid }) => isOf(readReplicaMark(config, uuid)))
  const failedOver = own.flatMap((record): FailedOverVm[] => {
    const mark = readFailoverMark(record.other_config, record.uuid)
    if (mark === undefined || !isOf(mark)) return []
    const { kind, clone, state, at, point, takenAt } = mark
    return [
      { uuid: record.uuid, name: record.name_label, powerState: record.power_state, kind, clone, state, at, restorePoint: point, takenAt },
    ]
  })
  const took = failedOver.some(({ clone, uuid }) => !clone && uuid === replica?.uuid)
  const sourceRecord = known.sourcePool === undefined ? undefined : findByUuid(views.get(known.sourcePool) ?? new Map(), vm)?.[1]
  const handed = sourceRecord && readHandoverMark(sourceRecord.other_config, vm)
  const facts = {
    replica: replica === undefined ? null : { uuid: replica.uuid, name: replica.name_label, powerState: replica.power_state },
    startedByOtherMeans: replica !== undefined && !took && replica.power_state !== 'Halted',
    failedOver,
    tests: testsThere
      .filter(({ mark }) => mark.job === job && mark.vm === vm)
      .map(
        ({ record, mark }): TestCopy => ({
          uuid: record.uuid,
          name: record.name_label,
          powerState: record.power_state,
          test: mark.id,
          at: mark.at === '' ? null : mark.at,
          keep: readCopyMark(record.other_config, record.uuid)?.keep ?? false,
        }),
      ),
    source:
      sourceRecord === undefined
        ? null
        : {
            powerState: sourceRecord.power_state,
            handedOver: handed?.job === job && handed.sr === target.sr ? handed.state : null,
            startBlocked: 'start' in sourceRecord.blocked_operations,
          },
  }
  return {
    job,
    vm: known.vm,
    sourcePool: known.sourcePool ?? null,
    target,
    ...facts,
    unfinished: unfinishedFailover(facts),
    possible: possibleFailovers(facts),
    underWay: claimedBy(vmClaim(vm)) ?? claimedBy(testClaim(vm, target)) ?? null,
  }
}
