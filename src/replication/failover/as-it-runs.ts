/** A replica that somebody started by other means becomes the failover. */
import { type FailoverMark, readFailoverMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { REPLICA_TAG } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import { inspectTarget } from '../inspect-target.ts'
import { viewPool } from '../pool-view.ts'
import { askByTracking, askStarted } from '../prepare-run.ts'
import type { WantedPoint } from '../proof/find-point.ts'
import { setMark, unblock } from './failover-mark.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, isoTime, log } from './options.ts'
import { startingPoint } from './point.ts'

/**
 * Notes that a replica which somebody started by other means is the failover. What it wrote since its restore point is told by change
 * tracking when it goes back.
 */
export async function takeOverAsItRuns(options: FailoverOptions, wanted: WantedPoint): Promise<FailoverMark> {
  const { target, signal } = options
  const chain = (await startingPoint(await viewPool(target, signal), wanted)).chain
  return holding(options, chain, 'chain', async (held) => {
    const view = await viewPool(target, signal)
    const start = await startingPoint(view, wanted)
    const { replica } = await inspectTarget(view, chain, false, askByTracking(held), askStarted(held))
    if (replica === undefined) throw new Failure('REPLICA_NOT_FOUND', `there is no replica of VM ${chain.vm} there`)
    const { ref, record } = replica
    const known = readFailoverMark(record.other_config, record.uuid)
    if (known !== undefined && known.state !== 'preparing')
      throw new Failure('ALREADY_FAILED_OVER', `"${record.name_label}" failed over already (${known.kind}, ${known.at})`)
    if (record.power_state === 'Halted') {
      throw new Failure('REPLICA_NOT_RUNNING', `"${record.name_label}" does not run`, 'leave out --as-it-runs: then it is started')
    }
    const mark: FailoverMark = {
      self: record.uuid,
      id: held.id,
      ...chain,
      kind: 'unplanned',
      clone: false,
      state: 'active',
      at: isoTime(held.clock.now()),
      point: start.point.uuid,
      takenAt: isoTime(start.point.takenAt),
    }
    await setMark(held, ref, mark)
    const tags = record.tags.filter((tag) => tag !== REPLICA_TAG)
    await target.call('VM.set_tags', [ref, tags], { signal })
    await unblock(held, ref).catch((error: unknown) => {
      if (!(error instanceof Failure || error instanceof XapiError)) throw error
      log(options, `it can't be started again once it is down: ${error.message}`)
    })
    return mark
  })
}
