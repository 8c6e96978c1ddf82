/** Carries out the removals of a plan. What can't be removed now is reported and planned again by the next run. */

import type { Reason } from '../core/base.ts'
import type { Removal } from '../core/plan.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { destroyDisk, destroyWithDisks } from './destroy.ts'
import { disksOf, findByUuid, holdersOf, type PoolView } from './pool-view.ts'
import type { RunContext } from './session.ts'

export interface Removed {
  readonly done: Removal[]
  readonly warnings: Reason[]
}

/** One after the other on each side, in the order given: records of changes have to go oldest first. */
export async function removeAll(
  context: RunContext,
  views: { readonly source: PoolView; readonly target: PoolView },
  removals: readonly Removal[],
): Promise<Removed> {
  const done: Removal[] = []
  const warnings: Reason[] = []
  const side = async (name: 'source' | 'target', xapi: Xapi, view: PoolView) => {
    for (const removal of removals.filter((candidate) => candidate.side === name)) {
      try {
        await remove(xapi, view, removal, context.signal)
        done.push(removal)
        context.log(`removed ${removal.kind === 'disk' ? 'disk' : 'snapshot'} "${removal.name}" on the ${name}: ${removal.reason}`)
      } catch (error) {
        context.signal.throwIfAborted()
        warnings.push({
          code: 'not-removed',
          text: `"${removal.name}" (${removal.uuid}) on the ${name} could not be removed: ${(error as Error).message}`,
          avoid: 'the next run tries again',
        })
      }
    }
  }
  await Promise.all([side('source', context.source, views.source), side('target', context.target, views.target)])
  return { done, warnings }
}

async function remove(xapi: Xapi, view: PoolView, removal: Removal, signal: AbortSignal): Promise<void> {
  if (removal.kind === 'disk') {
    const found = findByUuid(view.VDI, removal.uuid)
    if (found !== undefined) await destroyDisk(xapi, found[0], signal)
    return
  }
  const found = findByUuid(view.VM, removal.uuid)
  if (found === undefined) return
  const [ref, record] = found
  // Nothing but snapshots is ever removed with its disks: whatever this one is, it is not what was planned.
  if (!record.is_a_snapshot) throw new Error('it is not a snapshot')
  const disks = disksOf(view, record).filter((disk) => holdersOf(view, disk.record).every(({ vm }) => vm === ref))
  await destroyWithDisks(
    xapi,
    ref,
    disks.map((disk) => disk.ref),
    signal,
  )
}
