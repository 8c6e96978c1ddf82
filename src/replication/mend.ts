/** Finishes what a run that was killed could not: small marks on the target which would mislead people, or later runs. */
import { MARK } from '../core/marks.ts'
import { cloningToken, type InspectedTarget } from './inspect-target.ts'
import { findByUuid, holdersOf, type PoolView } from './pool-view.ts'
import type { RunContext } from './session.ts'

export async function mendTarget(context: RunContext, view: PoolView, { sr, facts, replica }: InspectedTarget): Promise<void> {
  const { target, ids, signal, log } = context
  const calls: Promise<unknown>[] = []
  for (const { uuid, complete } of facts.restorePoints) {
    const [ref, record] = findByUuid(view.VM, uuid) ?? []
    if (!complete || ref === undefined || record === undefined) continue
    if (MARK.restorePoint in record.other_config && record.other_config[MARK.self] === undefined) {
      log(`restore point "${record.name_label}" was made by a run that ended before it could tell: finished now`)
      calls.push(
        target.call('VM.set_is_a_template', [ref, false], { signal }),
        target.call('VM.add_to_other_config', [ref, MARK.self, uuid], { signal }),
      )
    }
  }
  // What is cloned of a disk that still has this mark inherits it, and would be taken for a left-over when nothing holds it.
  const token = cloningToken(ids)
  for (const [ref, vdi] of view.VDI) {
    if (vdi.SR !== sr || vdi.other_config[MARK.cloning] !== token) continue
    if (vdi.is_a_snapshot || holdersOf(view, vdi).some(({ vm }) => vm !== replica?.ref)) {
      calls.push(target.call('VDI.remove_from_other_config', [ref, MARK.cloning], { signal }))
    }
  }
  await Promise.all(calls)
}
