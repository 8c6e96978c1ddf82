/** Going back: protection is turned round, the VM is failed over to its original's pool as planned, and protected again as before. */
import { randomUUID } from 'node:crypto'
import { Failure } from '../../core/failure.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { type FailoverOptions, log } from './options.ts'
import { type PlannedReport, type PlannedWishes, plannedFailover } from './planned.ts'
import { type ReprotectReport, type RunSettings, reprotect } from './reprotect.ts'
import { type FailedOver, findFailedOver } from './undo.ts'

export interface FailbackReport {
  readonly kind: 'failback'
  readonly turned: ReprotectReport
  readonly planned: PlannedReport
  /** Protection as it was before the failover; undefined: it was not to be, or failed with `unprotected`. */
  readonly protectedAgain: ReprotectReport | undefined
  /** Why the VM, which is back and runs, is not protected. */
  readonly unprotected: string | undefined
}

/**
 * Broken off before the original runs, the VM that failed over runs on; the same call goes on from there.
 * @param failed on the pool of `options.target`
 */
export async function failback(
  options: FailoverOptions,
  original: Xapi,
  failed: FailedOver,
  wishes: Omit<PlannedWishes, 'chain'> & { readonly sr?: string; readonly protectAgain: boolean },
  settings: RunSettings,
): Promise<FailbackReport> {
  const turned = await reprotect(options, original, failed, settings, wishes.sr)
  const { chain } = turned.plan
  const there: FailoverOptions = { ...options, target: original, id: randomUUID() }
  const planned = await plannedFailover(
    there,
    options.target,
    { ...wishes, chain },
    { ...settings, networks: settings.networks ?? turned.networks },
  )
  if (!wishes.protectAgain) return { kind: 'failback', turned, planned, protectedAgain: undefined, unprotected: undefined }
  try {
    const back = (await findFailedOver(there, { vm: chain.vm, job: chain.job })).find(({ uuid }) => uuid === planned.failover.vm.uuid)
    if (back === undefined) throw new Failure('NOT_FAILED_OVER', `VM ${planned.failover.vm.uuid} is not there any more`)
    const { networks: _, ...forward } = settings
    const protectedAgain = await reprotect({ ...there, id: randomUUID() }, options.target, back, forward)
    return { kind: 'failback', turned, planned, protectedAgain, unprotected: undefined }
  } catch (error) {
    options.signal.throwIfAborted()
    // The VM is back and runs: that is no failure of going back.
    const unprotected = (error as Error).message
    log(options, `it is back, but not protected: ${unprotected}`)
    return { kind: 'failback', turned, planned, protectedAgain: undefined, unprotected }
  }
}
