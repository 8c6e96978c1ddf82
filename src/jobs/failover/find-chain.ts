/** What the server knows of a replica that somebody names: its job, its source's pool and name. */
import type { ActivitySubject } from '../../core/control/activity.ts'
import type { Job, Target } from '../../core/control/job.ts'
import { Failure } from '../../core/failure.ts'
import type { FailoverParts } from './parts.ts'

export interface KnownChain {
  /** Undefined: none of the server's, or several. */
  readonly job: Job | undefined
  /** undefined: no pool that was seen has it, and no job says so. */
  readonly sourcePool: string | undefined
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly target: Target
}

/** From memory; asks no pool. */
export function knownChain(
  { pools, book, watch }: Pick<FailoverParts, 'pools' | 'book' | 'watch'>,
  request: { readonly vm: string; readonly target: Target; readonly job?: string },
): KnownChain {
  const { vm, target, job: wanted } = request
  const protections = watch
    .ofVm(vm)
    .filter((each) => each.target?.pool === target.pool && each.target.sr === target.sr && (wanted === undefined || each.job === wanted))
  // One whose protection was turned round is no chain of its job any more; the job remembers what it was.
  const turned = book
    .all()
    .flatMap((job) => job.turned.map((each) => ({ job, each })))
    .find(({ job, each }) => each.original.vm === vm && each.pool === target.pool && (wanted === undefined || job.id === wanted))
  const [only, ...others] = protections
  const job = others.length > 0 ? undefined : (book.find(only?.job ?? turned?.job.id ?? wanted ?? '') ?? undefined)
  const seen = pools
    .statuses()
    .flatMap(({ id }) => (pools.inventoryOf(id)?.vms ?? []).filter(({ uuid }) => uuid === vm).map((found) => ({ id, found })))[0]
  const name = seen?.found.name ?? only?.vm.name ?? turned?.each.name ?? vm
  return { job, sourcePool: only?.sourcePool ?? turned?.each.original.pool ?? seen?.id, vm: { uuid: vm, name }, target }
}

export function subjectOf({ job, sourcePool, vm, target }: KnownChain): ActivitySubject {
  return {
    job: job?.id ?? null,
    jobName: job?.name ?? null,
    sourcePool: sourcePool ?? null,
    vm,
    target,
    plan: null,
    seed: null,
  }
}

/** Failure SOURCE_POOL_UNKNOWN. */
export function sourcePoolOf({ sourcePool, vm }: KnownChain): string {
  if (sourcePool !== undefined) return sourcePool
  throw new Failure('SOURCE_POOL_UNKNOWN', `no pool that was seen has VM ${vm.uuid}, and no job names it`)
}
