/** Carries out the removals of a plan. What can't be removed now is reported and planned again by the next run. */

import type { Reason } from '../core/base.ts'
import type { MergedRemoval } from '../core/claims.ts'
import { claimsOf, MARK, readRunMark, runMark } from '../core/marks.ts'
import type { Removal } from '../core/removals.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { looksLikeCopyVm } from './copy-vms.ts'
import { destroyDisk, destroyWithDisks, haltCheckpoint, isGone } from './destroy.ts'
import { claimsInName, unfinishedName } from './inspect-source.ts'
import { memoryOf } from './inspect-target.ts'
import { disksOf, findByUuid, holdersOf, type PoolView } from './pool-view.ts'
import type { RunContext } from './session.ts'

export interface Removed {
  readonly done: MergedRemoval[]
  readonly warnings: Reason[]
}

/** One after the other, in the order given: records of changes have to go oldest first. All are of one side. */
export async function removeAll(context: RunContext, xapi: Xapi, view: PoolView, removals: readonly MergedRemoval[]): Promise<Removed> {
  const done: MergedRemoval[] = []
  const warnings: Reason[] = []
  for (const removal of removals) {
    const { kind, name, uuid, side, reason, keptFor } = removal
    try {
      if (keptFor !== undefined) {
        await releaseClaims(context, xapi, view, removal)
        context.log(`${NAMES[kind]} "${name}" on the ${side} stays for another target: ${reason}`)
        continue
      }
      if (kind === 'copy-vm') await removeCopyVm(context, view, removal)
      else await remove(xapi, view, removal, context.signal)
      done.push(removal)
      context.log(`removed ${NAMES[kind]} "${name}" on the ${side}: ${reason}`)
    } catch (error) {
      context.signal.throwIfAborted()
      warnings.push({
        code: 'not-removed',
        text: `"${name}" (${uuid}) on the ${side} could not be removed: ${(error as Error).message}`,
        avoid: 'the next run tries again',
      })
    }
  }
  return { done, warnings }
}

/**
 * Takes the claims of chains off a source snapshot that others still need. What is there now counts: another run may have changed it. One
 * that has no claim left by now is removed.
 */
async function releaseClaims({ ids, signal }: RunContext, xapi: Xapi, view: PoolView, removal: MergedRemoval): Promise<void> {
  const { kind, uuid, by } = removal
  const rest = (claims: readonly string[]) => claims.filter((sr) => !by.includes(sr))
  let left = 0
  const release = async (className: 'VM' | 'VDI', ref: Ref<'VM'> | Ref<'VDI'>) => {
    const config = await xapi.call<Record<string, string>>(`${className}.get_other_config`, [ref], { signal })
    const mark = readRunMark(config)
    if (mark === undefined) return
    const [first, ...others] = rest(claimsOf(mark))
    left += first === undefined ? 0 : 1
    if (first === undefined || claimsOf(mark).length === others.length + 1) return
    const changed = { ...config, [MARK.run]: JSON.stringify(runMark(mark.run, [first, ...others])) }
    await xapi.call(`${className}.set_other_config`, [ref, changed], { signal })
  }
  if (kind === 'disk') {
    const ref = findByUuid(view.VDI, uuid)?.[0]
    if (ref !== undefined) await release('VDI', ref)
  } else {
    const [ref, seen] = findByUuid(view.VM, uuid) ?? []
    if (ref === undefined || seen === undefined) return
    const record = await xapi.record('VM', ref, { signal })
    const named = claimsInName(record, ids.job)
    if (named === undefined) await release('VM', ref)
    else {
      const others = rest(named)
      left += others.length
      const run = record.name_label.split(' ')[3] as string
      if (others.length > 0) await xapi.call('VM.set_name_label', [ref, unfinishedName({ job: ids.job, run }, others)], { signal })
    }
    for (const disk of disksOf(view, seen)) await release('VDI', disk.ref)
  }
  if (left === 0) await remove(xapi, view, removal, signal)
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
  await haltCheckpoint(xapi, ref, record, signal)
  await destroyWithDisks(
    xapi,
    ref,
    disks.map((disk) => disk.ref),
    signal,
  )
  // Last: without the VM that names it the next run takes it for a left-over.
  const memory = removal.side === 'target' ? memoryOf(view, record) : undefined
  if (memory !== undefined) await destroyDisk(xapi, memory[0], signal)
}
