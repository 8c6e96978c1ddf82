/** Takes a failover back: the VM is a replica again, protected, and what it wrote is given up with the next run. */

import { type FailoverMark, readFailoverMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, REPLICA_TAG, replicaBlocked } from '../../core/marks.ts'
import type { Ref } from '../../xapi/ref.ts'
import { inspectRecorded } from '../inspect-target.ts'
import { viewPool } from '../pool-view.ts'
import { dropBases } from './base-snapshot.ts'
import { removeCopy } from './copy-vm.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, step } from './options.ts'

/** A VM that is halted becomes a replica again; protection comes first (G4), the mark goes last. */
export async function giveBack({ target, signal }: Pick<FailoverOptions, 'target' | 'signal'>, vm: Ref<'VM'>): Promise<void> {
  const record = await target.record('VM', vm, { signal })
  const mark = readFailoverMark(record.other_config, record.uuid)
  const blocked = { ...record.blocked_operations, ...replicaBlocked() }
  await target.call('VM.set_blocked_operations', [vm, blocked], { signal })
  if (record.ha_restart_priority !== '') await target.call('VM.set_ha_restart_priority', [vm, ''], { signal })
  await target.call('VM.set_tags', [vm, [...new Set([...record.tags, REPLICA_TAG])]], { signal })
  if (mark !== undefined) await dropBases({ target, signal }, vm, mark.job)
  const { [MARK.failover]: _, auto_poweron: __, ...config } = record.other_config
  await target.call('VM.set_other_config', [vm, config], { signal })
}

/** A clone that took over, or was to, with the snapshot that it had when it did. */
export async function removeClone(options: Pick<FailoverOptions, 'target' | 'signal'>, vm: Ref<'VM'>, job: string): Promise<void> {
  await dropBases(options, vm, job)
  await removeCopy(options.target, vm, options.signal)
}

export interface FailedOver {
  readonly ref: Ref<'VM'>
  readonly uuid: string
  readonly name: string
  readonly powerState: string
  readonly mark: FailoverMark
}

/** VMs of the pool that failed over, or are about to; of one chain where it is named. */
export async function findFailedOver(
  { target, signal }: Pick<FailoverOptions, 'target' | 'signal'>,
  chain: { readonly vm?: string | undefined; readonly job?: string | undefined } = {},
): Promise<FailedOver[]> {
  const all = await target.records('VM', { signal })
  return [...all].flatMap(([ref, record]) => {
    if (record.is_a_snapshot) return []
    const mark = readFailoverMark(record.other_config, record.uuid)
    if (mark === undefined || (chain.vm !== undefined && mark.vm !== chain.vm) || (chain.job !== undefined && mark.job !== chain.job))
      return []
    return [{ ref, uuid: record.uuid, name: record.name_label, powerState: record.power_state, mark }]
  })
}

/** Failure NOT_FAILED_OVER, or FAILOVER_NOT_NAMED when there are several. */
export function theOnly(found: readonly FailedOver[], what: string): FailedOver {
  const [only, ...others] = found
  if (only === undefined) throw new Failure('NOT_FAILED_OVER', `no VM of this pool has failed over from ${what}`)
  if (others.length > 0) {
    throw new Failure(
      'FAILOVER_NOT_NAMED',
      `${found.length} VMs of this pool have failed over from ${what}`,
      `name one with --failed-over: ${found.map(({ uuid }) => uuid).join(', ')}`,
    )
  }
  return only
}

/** Stops the VM by force. A clone is destroyed with its disks; a replica is one again. Failure TURNED_ROUND when its writes are protected already. */
export async function undoFailover(options: FailoverOptions, failed: FailedOver): Promise<void> {
  const { mark, ref, name } = failed
  if (mark.state === 'turned') {
    throw new Failure(
      'TURNED_ROUND',
      `"${name}" is the source of its job now: its protection was turned round`,
      'go back with understudy failback',
    )
  }
  await holding(options, mark, 'chain', async (held) => {
    const { target, signal } = held
    step(held, 'stop', `stopping "${name}"`)
    const state = await target.call<string>('VM.get_power_state', [ref], { signal })
    if (state !== 'Halted') await target.callAsync('VM.hard_shutdown', [ref], { signal })
    if (mark.clone) return removeClone(held, ref, mark.job)
    const { replica } = await inspectRecorded(await viewPool(target, signal), mark)
    if (replica?.ref !== ref) throw new Failure('NOT_FAILED_OVER', `"${name}" is not the replica of its chain any more`)
    await giveBack(held, ref)
  })
}
