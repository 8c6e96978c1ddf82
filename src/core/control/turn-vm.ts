/** What becomes of a job's VMs when the protection of one is turned round, there or back. Pure. */
import type { Job, TurnedVm } from './job.ts'

export interface TurnedRound {
  /** The VM that was the source until now. */
  readonly source: { readonly pool: string; readonly vm: string }
  /** The one that is from now on, and where it goes. */
  readonly now: Omit<TurnedVm, 'original'>
}

/** A VM that is back where it was, and goes where the job's VMs go, is one like any other again. */
export function turnVm({ turned, targets }: Pick<Job, 'turned' | 'targets'>, { source, now }: TurnedRound): TurnedVm[] {
  const isSource = (each: TurnedVm) =>
    (each.pool === source.pool && each.vm === source.vm) || (each.original.pool === source.pool && each.original.vm === source.vm)
  const original = turned.find(isSource)?.original ?? source
  const others = turned.filter((each) => !isSource(each))
  const home =
    now.pool === original.pool && now.vm === original.vm && targets.some(({ pool, sr }) => pool === now.target.pool && sr === now.target.sr)
  return home ? others : [...others, { original, ...now }]
}
