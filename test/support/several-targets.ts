/** Runs of one VM to several targets, and what has to hold of them afterwards. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createByteBudget } from '../../src/block/budget.ts'
import type { RunEvent, RunReport } from '../../src/core/report.ts'
import { explainError } from '../../src/replication/explain.ts'
import type { RunOptions, RunOutcome } from '../../src/replication/run.ts'
import { replicateToTargets } from '../../src/replication/several-targets.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import type { ControlledLabPool } from './lab.ts'
import { assertNoLeftovers, assertProtected, type Chain, hashOf, look, type MadeVm, MIB, restorePoints } from './replicating.ts'

export interface ManyChanges {
  readonly run?: string
  readonly verify?: RunOptions['verify']
  readonly retention?: number
  readonly leastSegment?: number
  readonly memory?: boolean
  readonly signal?: AbortSignal
  readonly waitMs?: number
  readonly budgetBytes?: number
  /** How long a transfer may stand still. */
  readonly transferIdleMs?: number
  readonly onEvent?: (event: RunEvent, nth: number) => void
  /** What the engine gets in place of a pool's client. */
  readonly wrap?: (xapi: Xapi) => Xapi
}

/** One run to all chains (of the same source, VM and job) in this process. */
export async function replicateAll(chains: readonly Chain[], changes: ManyChanges = {}): Promise<RunOutcome[]> {
  const clients = new Map<string, Promise<Xapi>>()
  const clientOf = async (pool: ControlledLabPool) => {
    const idle = changes.transferIdleMs === undefined ? {} : { transferIdleMs: changes.transferIdleMs }
    const trust = trustListed([pool.fingerprint])
    const client = clients.get(pool.url) ?? connectXapi({ url: pool.url, user: pool.user, password: pool.password, trust, ...idle })
    clients.set(pool.url, client)
    return client
  }
  const wrapped = new Map<Xapi, Xapi>()
  const wrap = (xapi: Xapi) => {
    const known = wrapped.get(xapi) ?? changes.wrap?.(xapi) ?? xapi
    wrapped.set(xapi, known)
    return known
  }
  const run = changes.run ?? randomUUID()
  const budget = createByteBudget(changes.budgetBytes ?? 48 * MIB)
  try {
    const options = await Promise.all(
      chains.map(async ({ source, target, vm, sr, job, schedule }, nth): Promise<RunOptions> => {
        return {
          source: wrap(await clientOf(source)),
          target: wrap(await clientOf(target)),
          ids: { run, job, schedule: schedule ?? job, vm, sr },
          retention: changes.retention ?? 3,
          verify: changes.verify ?? 'changed',
          networks: new Map(),
          signal: changes.signal ?? new AbortController().signal,
          budget,
          lockTiming: { beatMs: 200, patienceMs: 1000 },
          ...(changes.waitMs === undefined ? {} : { waitMs: changes.waitMs }),
          ...(changes.memory === undefined ? {} : { memory: changes.memory }),
          ...(changes.leastSegment === undefined ? {} : { leastSegment: changes.leastSegment }),
          onEvent: (event) => changes.onEvent?.(event, nth),
        }
      }),
    )
    return await replicateToTargets(options, new Date())
  } finally {
    const all = await Promise.allSettled(clients.values())
    await Promise.all(all.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)))
  }
}

/** Reports of a run that succeeded everywhere. */
export function reportsOf(outcomes: readonly RunOutcome[]): RunReport[] {
  return outcomes.map((outcome) => {
    if (outcome.kind === 'failure') throw outcome.error
    return outcome.report
  })
}

/** Codes of what came of each target. */
export const codesOf = (outcomes: readonly RunOutcome[]): string[] =>
  outcomes.map((outcome) =>
    outcome.kind === 'success' ? 'ok' : ((explainError(outcome.error) as { code?: string }).code ?? String(outcome.error)),
  )

/** G1: every restore point of the chain holds what the source held at its run; `runs` are those that must have one, newest last. */
export async function assertChainHolds(
  chain: Chain,
  states: ReadonlyMap<string, Record<string, string>>,
  runs: readonly string[],
): Promise<void> {
  const points = restorePoints(await look(chain.target), chain).filter((point) => point.run !== '')
  assert.deepEqual(points.map(({ run }) => run).sort(), [...runs].sort())
  for (const { run, disks } of points) {
    const found = await Promise.all(Object.entries(disks).map(async ([device, vdi]) => [device, await hashOf(chain.target, vdi)]))
    assert.deepEqual(Object.fromEntries(found), states.get(run), `restore point of run ${run}`)
  }
}

/** G3, G4, G7: all chains protected, and nothing on either side but what they consist of. */
export async function assertTidy(chains: readonly Chain[], vm: MadeVm): Promise<void> {
  const source = await look((chains[0] as Chain).source)
  for (const chain of chains) {
    const target = await look(chain.target)
    assertProtected(target, chain)
    assertNoLeftovers(source, target, chain, vm)
  }
}
