/** A clone of a restore point to work on: quick, free to start, no part of the chain. */
import type { CopyVifPlan, MacChoice, NetworkChoice } from '../../core/failover/copy-networks.ts'
import { planCopyNetworks } from '../../core/failover/copy-networks.ts'
import { Failure } from '../../core/failure.ts'
import type { PoolView } from '../pool-view.ts'
import { viewPool } from '../pool-view.ts'
import type { WantedPoint } from '../proof/find-point.ts'
import { type CopyRequest, copyVm } from './copy-vm.ts'
import { copyVmWithMemory, memoryOfPoint } from './copy-with-memory.ts'
import { type FailoverOptions, isoTime, step } from './options.ts'
import { type StartingPoint, startingPoint } from './point.ts'

export interface CopyWishes {
  readonly wanted: WantedPoint
  readonly networks: NetworkChoice
  /** See planCopyNetworks. */
  readonly mapping: ReadonlyMap<string, string | null>
  readonly macs: MacChoice
  readonly name?: string
  /** The clone goes on with the memory that the restore point keeps; it is suspended then. Its MACs are kept: the guest has them in memory. */
  readonly memory?: boolean
}

/** What a clone will be, before it is made. */
export interface CopyPlan {
  readonly name: string
  readonly point: { readonly uuid: string; readonly name: string; readonly takenAt: string }
  readonly of: { readonly job: string; readonly vm: string; readonly sr: string }
  readonly vifs: readonly CopyVifPlan[]
  /** It will be suspended, with its memory, rather than halted. */
  readonly memory?: true
}

export interface PreparedCopy {
  readonly plan: CopyPlan
  readonly start: StartingPoint
  readonly view: PoolView
}

/** Looks and decides; changes nothing. `suffix`: of the name, when none is asked for. */
export async function prepareCopy(options: FailoverOptions, wishes: CopyWishes, suffix: string): Promise<PreparedCopy> {
  const { target, signal } = options
  const view = await viewPool(target, signal)
  const start = await startingPoint(view, wishes.wanted)
  if (wishes.memory) memoryOfPoint(view, start.record)
  const planned = planCopyNetworks(start.vifs, start.networks, wishes.networks, wishes.mapping, wishes.memory ? 'keep' : wishes.macs)
  if (planned.kind === 'not-found') {
    throw new Failure('NETWORK_NOT_FOUND', `the pool has no network ${planned.network}`, 'look it up with xe network-list')
  }
  const { point, record, chain } = start
  // A restore point is called after its source and time; so is what is cloned of it.
  const name = wishes.name ?? `${record.name_label} (${suffix})`
  return {
    plan: {
      name,
      point: { uuid: point.uuid, name: point.name, takenAt: isoTime(point.takenAt) },
      of: chain,
      vifs: planned.vifs,
      ...(wishes.memory ? { memory: true } : {}),
    },
    start,
    view,
  }
}

export interface CloneReport {
  readonly kind: 'clone'
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly plan: CopyPlan
  readonly seconds: number
}

export async function cloneToWorkOn(options: FailoverOptions, { plan, start, view }: PreparedCopy): Promise<CloneReport> {
  const { clock, id } = options
  const begun = clock.now()
  step(options, 'clone', `cloning "${plan.point.name}"`)
  const request: CopyRequest = {
    of: start.ref,
    name: plan.name,
    description: `Clone of a replica's restore point of ${plan.point.takenAt}, made to work on. Understudy does not touch it.`,
    mark: { kind: 'work', id, job: plan.of.job, vm: plan.of.vm, point: plan.point.uuid, at: isoTime(begun) },
    tags: [],
    vifs: plan.vifs,
  }
  const { uuid } = plan.memory ? await copyVmWithMemory(options, view, plan.of, request) : await copyVm(options, view, request)
  return { kind: 'clone', vm: { uuid, name: plan.name }, plan, seconds: (clock.now() - begun) / 1000 }
}
