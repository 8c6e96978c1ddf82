/** Going back: protection is turned round, the VM is failed over to its original's pool as planned, and protected again as before. */
import { randomUUID } from 'node:crypto'
import { MARK, readMarks } from '../../core/marks.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { destroyDisk } from '../destroy.ts'
import { explainError } from '../explain.ts'
import { isPointOf } from '../inspect-target.ts'
import { disksOf, findByUuid, viewPool } from '../pool-view.ts'
import { removeSnapshot } from './base-snapshot.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, log } from './options.ts'
import { type PlannedReport, type PlannedWishes, plannedFailover } from './planned.ts'
import { type ReprotectReport, type RunSettings, reprotect } from './reprotect.ts'
import { type FailedOver, findFailedOver } from './undo.ts'

export interface FailbackReport {
  readonly kind: 'failback'
  /** Undefined, as `planned`: that was done by a call before this one, which ended early. */
  readonly turned: ReprotectReport | undefined
  readonly planned: PlannedReport | undefined
  /** The VM that is back. */
  readonly vm: { readonly uuid: string; readonly name: string }
  /** Protection as it was before the failover; undefined: it was not to be, or failed with `unprotected`. */
  readonly protectedAgain: ReprotectReport | undefined
  /** Why the VM, which is back and runs, is not protected: the same call again does what is left. */
  readonly unprotected: string | undefined
}

export interface FailbackWishes extends Omit<PlannedWishes, 'chain'> {
  readonly sr?: string
  readonly protectAgain: boolean
}

/**
 * Broken off before the original runs, the VM that failed over runs on; after that the original does. The same call goes on from there.
 * @param failed on the pool of `options.target`
 */
export async function failback(
  options: FailoverOptions,
  original: Xapi,
  failed: FailedOver,
  wishes: FailbackWishes,
  settings: RunSettings,
): Promise<FailbackReport> {
  const there: FailoverOptions = { ...options, target: original, id: randomUUID() }
  const back = await findHome(there, failed)
  if (back !== undefined) {
    log(options, `"${back.name}" is back already: what is left is done`)
    return {
      kind: 'failback',
      turned: undefined,
      planned: undefined,
      vm: named(back),
      ...(await protectAgain(options, there, back, wishes, settings)),
    }
  }
  const turned = await reprotect(options, original, failed, settings, wishes.sr)
  const { chain } = turned.plan
  const planned = await plannedFailover(
    there,
    options.target,
    { ...wishes, chain },
    { ...settings, networks: settings.networks ?? turned.networks },
  )
  const { vm } = planned.failover
  const home = await findHome(there, { ...failed, mark: { ...failed.mark, state: 'turned' } })
  const rest =
    home === undefined
      ? { protectedAgain: undefined, unprotected: `VM ${vm.uuid} is not there any more` }
      : await protectAgain(options, there, home, wishes, settings)
  return { kind: 'failback', turned, planned, vm, ...rest }
}

const named = ({ uuid, name }: FailedOver) => ({ uuid, name })

/** What took over from a VM whose protection was turned round, and is its source by now or is to be. */
async function findHome(there: FailoverOptions, { uuid, mark }: FailedOver): Promise<FailedOver | undefined> {
  if (mark.state !== 'turned') return undefined
  const found = await findFailedOver(there, { vm: uuid, job: mark.job })
  return found.find((each) => !each.mark.clone && !(each.mark.state !== 'active' && each.powerState === 'Halted'))
}

/**
 * For a call before this one that ended when the VM that had failed over was its replica again: all that is left is to take the way back's own
 * objects away. @returns undefined: there is nothing to be done for that original
 */
export async function finishFailback(
  options: FailoverOptions,
  original: Xapi,
  vm: string,
  settings: RunSettings,
): Promise<FailbackReport | undefined> {
  const there: FailoverOptions = { ...options, target: original, id: randomUUID() }
  const back = (await findFailedOver(there)).find(({ uuid, mark }) => uuid === vm && mark.state === 'turned' && !mark.clone)
  if (back === undefined) return undefined
  return {
    kind: 'failback',
    turned: undefined,
    planned: undefined,
    vm: named(back),
    ...(await protectAgain(options, there, back, { protectAgain: true }, settings)),
  }
}

async function protectAgain(
  options: FailoverOptions,
  there: FailoverOptions,
  back: FailedOver,
  wishes: Pick<FailbackWishes, 'protectAgain'>,
  settings: RunSettings,
): Promise<Pick<FailbackReport, 'protectedAgain' | 'unprotected'>> {
  if (!wishes.protectAgain) return { protectedAgain: undefined, unprotected: undefined }
  try {
    const { networks: _, ...forward } = settings
    const protectedAgain = await reprotect({ ...there, id: randomUUID() }, options.target, back, forward)
    await dropWayBack(options, back)
    await settleHome(there, back)
    return { protectedAgain, unprotected: undefined }
  } catch (error) {
    options.signal.throwIfAborted()
    // The VM is back and runs: that is no failure of going back.
    const unprotected = (explainError(error) as Error).message
    log(options, `it is back, but not protected: ${unprotected}`)
    return { protectedAgain: undefined, unprotected }
  }
}

/** What the way back needed of the VM that ran away: the snapshots that its runs had as their base. */
async function dropWayBack(here: FailoverOptions, { mark: { job, vm } }: FailedOver): Promise<void> {
  const { target, signal } = here
  const view = await viewPool(target, signal)
  const away = findByUuid(view.VM, vm)
  if (away === undefined) return
  const isBase = (config: Readonly<Record<string, string>>) => {
    const marks = readMarks(config)
    return marks.job === job && marks.vm === vm && MARK.run in config
  }
  for (const ref of away[1].snapshots) {
    if (isBase(view.VM.get(ref)?.other_config ?? {})) await removeSnapshot(target, ref, signal)
  }
  for (const { record } of disksOf(view, away[1])) {
    for (const ref of record.snapshots) {
      const base = view.VDI.get(ref)
      if (base?.type === 'cbt_metadata' && isBase(base.other_config)) await destroyDisk(target, ref, signal)
    }
  }
}

/** The VM is a source as before it failed over: what it was the replica with goes. Its mark goes last: until then this is done again. */
async function settleHome(there: FailoverOptions, { ref, mark }: FailedOver): Promise<void> {
  const { target, signal } = there
  await holding(there, mark, 'chain', async () => {
    const view = await viewPool(target, signal)
    const record = view.VM.get(ref)
    if (record === undefined) return
    for (const [point, snapshot] of view.VM) {
      if (snapshot.snapshot_of === ref && isPointOf(view, snapshot, mark)) await removeSnapshot(target, point, signal)
    }
    const config = await target.call<Record<string, string>>('VM.get_other_config', [ref], { signal })
    for (const disk of disksOf(view, record)) {
      await target.call('VDI.set_other_config', [disk.ref, without(disk.record.other_config, OF_A_REPLICA)], { signal })
    }
    await target.call('VM.set_other_config', [ref, without(config, [...OF_A_REPLICA, MARK.failover, MARK.home, MARK.autoPoweron])], {
      signal,
    })
  })
}

const OF_A_REPLICA = [MARK.replica, MARK.sr, MARK.disk]
const without = (config: Readonly<Record<string, string>>, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)))
