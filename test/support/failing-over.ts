/** What tests of failovers share: a chain between two pools, the operations on it in this process, and what is left afterwards. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createByteBudget } from '../../src/block/budget.ts'
import type { MacChoice, NetworkChoice } from '../../src/core/failover/copy-networks.ts'
import type { ReadinessCheck } from '../../src/core/failover/readiness.ts'
import { systemClock } from '../../src/replication/failover/clock.ts'
import { cloneToWorkOn, prepareCopy } from '../../src/replication/failover/clone.ts'
import { type FailbackReport, failback, finishFailback } from '../../src/replication/failover/failback.ts'
import type { FailoverOptions } from '../../src/replication/failover/options.ts'
import { type PlannedReport, plannedFailover, undoHandedOver } from '../../src/replication/failover/planned.ts'
import { type ReprotectReport, type RunSettings, reprotect } from '../../src/replication/failover/reprotect.ts'
import { prepareTakeOver, type TakeOverReport, type TakeOverWishes, takeOver } from '../../src/replication/failover/take-over.ts'
import { type TestReport, testFailover } from '../../src/replication/failover/test-failover.ts'
import { findFailedOver, theOnly, undoFailover } from '../../src/replication/failover/undo.ts'
import type { WantedPoint } from '../../src/replication/proof/find-point.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import type { ControlledLabPool } from './lab.ts'
import { type Chain, hashOf, type Look, type Meddle, MIB, meddled, withXapi } from './replicating.ts'

/** Short waits: a lock that nobody beats is given up soon. */
export const LOCKS = { beatMs: 200, patienceMs: 2000 }

export interface Changes {
  readonly signal?: AbortSignal
  readonly id?: string
  readonly meddle?: Meddle
  readonly onEvent?: FailoverOptions['onEvent']
  readonly lockTiming?: FailoverOptions['lockTiming']
  /** Every call to the pool of the original. */
  readonly sourceMeddle?: Meddle
  readonly onRunEvent?: RunSettings['onRunEvent']
}

export const optionsFor = (target: Xapi, changes: Changes = {}): FailoverOptions => ({
  target: meddled(target, changes.meddle),
  signal: changes.signal ?? new AbortController().signal,
  id: changes.id ?? randomUUID(),
  clock: systemClock,
  lockTiming: changes.lockTiming ?? LOCKS,
  ...(changes.onEvent === undefined ? {} : { onEvent: changes.onEvent }),
})

export const newestOf = ({ job, vm, sr }: Chain): WantedPoint => ({ kind: 'newest', job, vm, sr })

export interface CopyChanges extends Changes {
  readonly wanted?: WantedPoint
  readonly networks?: NetworkChoice
  readonly mapping?: ReadonlyMap<string, string | null>
  readonly macs?: MacChoice
  readonly checks?: readonly ReadinessCheck[]
  readonly timeoutMs?: number
  readonly keep?: boolean
  readonly name?: string
}

const wishesOf = (chain: Chain, changes: CopyChanges, networks: NetworkChoice, macs: MacChoice) => ({
  wanted: changes.wanted ?? newestOf(chain),
  networks: changes.networks ?? networks,
  mapping: changes.mapping ?? new Map<string, string | null>(),
  macs: changes.macs ?? macs,
  ...(changes.name === undefined ? {} : { name: changes.name }),
})

export const clone = (chain: Chain, changes: CopyChanges = {}) =>
  withXapi(chain.target, async (xapi) => {
    const options = optionsFor(xapi, changes)
    return cloneToWorkOn(options, await prepareCopy(options, wishesOf(chain, changes, { kind: 'none' }, 'new'), 'clone'))
  })

export const rehearse = (chain: Chain, changes: CopyChanges = {}): Promise<TestReport> =>
  withXapi(chain.target, async (xapi) => {
    const options = optionsFor(xapi, changes)
    const prepared = await prepareCopy(options, wishesOf(chain, changes, { kind: 'isolated' }, 'safe'), 'test failover')
    const readiness = { checks: changes.checks ?? [{ kind: 'tools' } as const], timeoutMs: changes.timeoutMs ?? 60_000 }
    return testFailover(options, prepared, { readiness, keep: changes.keep ?? false })
  })

export function vmOf(seen: Look, uuid: string): [Ref<'VM'>, RecordOf['VM']] {
  const found = [...seen.VM].find(([, record]) => record.uuid === uuid)
  assert.ok(found, `VM ${uuid} is there`)
  return found
}

/** Hashes of the disks that a VM has now, by userdevice. */
export async function hashesNow(pool: ControlledLabPool, seen: Look, uuid: string): Promise<Record<string, string>> {
  const [, record] = vmOf(seen, uuid)
  const disks = record.VBDs.flatMap((ref) => {
    const vbd = seen.VBD.get(ref)
    const vdi = vbd?.type === 'Disk' ? seen.VDI.get(vbd.VDI) : undefined
    return vbd === undefined || vdi === undefined ? [] : [[vbd.userdevice, vdi.uuid] as const]
  })
  return Object.fromEntries(await Promise.all(disks.map(async ([device, vdi]) => [device, await hashOf(pool, vdi)])))
}

export interface TakeOverChanges extends CopyChanges {
  readonly clone?: boolean
}

export const wishesToTakeOver = (chain: Chain, changes: TakeOverChanges = {}): TakeOverWishes => ({
  ...wishesOf(chain, changes, { kind: 'replica' }, 'keep'),
  kind: 'unplanned',
  clone: changes.clone ?? false,
  readiness: { checks: changes.checks ?? [{ kind: 'tools' }], timeoutMs: changes.timeoutMs ?? 60_000 },
})

export const failOver = (chain: Chain, changes: TakeOverChanges = {}): Promise<TakeOverReport> =>
  withXapi(chain.target, async (xapi) => {
    const options = optionsFor(xapi, changes)
    const wishes = wishesToTakeOver(chain, changes)
    const { plan } = await prepareTakeOver(options, wishes)
    return takeOver(options, wishes, plan)
  })

export const undo = (chain: Chain, changes: Changes = {}): Promise<void> =>
  withXapi(chain.target, async (xapi) => {
    const options = optionsFor(xapi, changes)
    await undoFailover(options, theOnly(await findFailedOver(options, chain), chain.vm))
  })

/** The source, too, is as before. */
export const undoBoth = (chain: Chain, changes: Changes = {}): Promise<void> =>
  withBoth(chain.target, chain.source, async (here, there) => {
    const options = optionsFor(here, changes)
    const found = await findFailedOver(options, chain)
    if (found.length > 0) await undoFailover(options, theOnly(found, chain.vm))
    await undoHandedOver(options, meddled(there, changes.sourceMeddle), chain.vm)
  })

export const settings = ({ onRunEvent }: Changes = {}): RunSettings => ({
  retention: 3,
  verify: 'changed',
  budget: createByteBudget(64 * MIB),
  ...(onRunEvent === undefined ? {} : { onRunEvent }),
})

/** Both pools, as the VM that failed over has them: `here` is where it runs. */
export async function withBoth<T>(
  here: ControlledLabPool,
  there: ControlledLabPool,
  use: (here: Xapi, there: Xapi) => Promise<T>,
): Promise<T> {
  return withXapi(here, (one) => (here.url === there.url ? use(one, one) : withXapi(there, (other) => use(one, other))))
}

export const turnRound = (chain: Chain, changes: Changes = {}): Promise<ReprotectReport> =>
  withBoth(chain.target, chain.source, async (here, there) => {
    const options = optionsFor(here, changes)
    const original = meddled(there, changes.sourceMeddle)
    return reprotect(options, original, theOnly(await findFailedOver(options, chain), chain.vm), settings(changes))
  })

export const goBack = (chain: Chain, changes: Changes = {}): Promise<FailbackReport> =>
  withBoth(chain.target, chain.source, async (here, there) => {
    const options = optionsFor(here, changes)
    const original = meddled(there, changes.sourceMeddle)
    const found = await findFailedOver(options, chain)
    const left = found.length > 0 ? undefined : await finishFailback(options, original, chain.vm, settings(changes))
    return left ?? failback(options, original, theOnly(found, chain.vm), { ...PLANNED, protectAgain: true }, settings(changes))
  })

const PLANNED = { shutdown: 'clean', shutdownMs: 60_000, networks: { kind: 'replica' }, mapping: new Map(), macs: 'keep' } as const

export const handOver = (
  chain: Chain,
  changes: Changes & {
    readonly checks?: readonly ReadinessCheck[]
    readonly timeoutMs?: number
    readonly shutdown?: 'clean' | 'hard'
    readonly shutdownMs?: number
  } = {},
): Promise<PlannedReport> =>
  withBoth(chain.target, chain.source, async (here, there) => {
    const readiness = changes.checks === undefined ? {} : { readiness: { checks: changes.checks, timeoutMs: changes.timeoutMs ?? 60_000 } }
    const wishes = {
      ...PLANNED,
      chain,
      ...readiness,
      shutdown: changes.shutdown ?? 'clean',
      shutdownMs: changes.shutdownMs ?? 60_000,
    } as const
    return plannedFailover(optionsFor(here, changes), meddled(there, changes.sourceMeddle), wishes, settings(changes))
  })
