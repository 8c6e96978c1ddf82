/** Carries out the removals of a plan. What can't be removed now is reported and planned again by the next run. */

import type { Reason } from '../core/base.ts'
import { MARK } from '../core/marks.ts'
import type { Removal } from '../core/plan.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { looksLikeCopyVm } from './copy-vms.ts'
import { destroyDisk, destroyWithDisks, isGone } from './destroy.ts'
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
        if (removal.kind === 'copy-vm') await removeCopyVm(context, view, removal)
        else await remove(xapi, view, removal, context.signal)
        done.push(removal)
        context.log(`removed ${NAMES[removal.kind]} "${removal.name}" on the ${name}: ${removal.reason}`)
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

const NAMES: Readonly<Record<Removal['kind'], string>> = { 'vm-with-disks': 'snapshot', 'copy-vm': 'VM', disk: 'disk' }

/** A VM, not a snapshot: looked at once more, since somebody may have taken it over while the run lasted. */
async function removeCopyVm({ target, ids, signal }: RunContext, view: PoolView, removal: Removal): Promise<void> {
  const ref = findByUuid(view.VM, removal.uuid)?.[0]
  if (ref === undefined) return
  try {
    const record = await target.record('VM', ref, { signal })
    if (!looksLikeCopyVm(record, ids) || record.snapshots.length > 0) throw new Error('it is no longer what it was when the run began')
    const vbds = await Promise.all(record.VBDs.map((vbd) => target.record('VBD', vbd, { signal })))
    const refs = vbds.filter(({ type, empty }) => type === 'Disk' && !empty).map(({ VDI }) => VDI)
    const disks = await Promise.all(refs.map(async (vdi) => ({ vdi, record: await target.record('VDI', vdi, { signal }) })))
    const known = new Set(record.VBDs)
    const own = disks.filter(({ record: disk }) => MARK.copyOf in disk.other_config && !disk.VBDs.some((vbd) => isOthers(view, known, vbd)))
    await destroyWithDisks(
      target,
      ref,
      own.map(({ vdi }) => vdi),
      signal,
    )
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** An attachment that is not the VM's and not a control domain's: those come and go with transfers. */
function isOthers(view: PoolView, own: ReadonlySet<Ref<'VBD'>>, vbd: Ref<'VBD'>): boolean {
  if (own.has(vbd)) return false
  const holder = view.VM.get(view.VBD.get(vbd)?.VM as Ref<'VM'>)
  return holder?.is_control_domain !== true
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
