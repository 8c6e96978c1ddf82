/** Networks without a physical interface, made for tests and removed with them. */
import { type CopyMark, readCopyMark } from '../../core/failover/marks.ts'
import { MARK } from '../../core/marks.ts'
import { XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { isGone } from '../destroy.ts'
import type { FailoverOptions } from './options.ts'

/** `self` of a network whose uuid is not known yet. */
const SELF_TO_COME = ''

/**
 * The isolated network of this operation that stands for `from`; made when there is none yet. VMs of one recovery plan meet on it, as
 * far as they run on one host: what has no physical interface does not lead from host to host.
 */
export async function isolatedNetwork(
  { target, signal, id }: FailoverOptions,
  like: RecordOf['network'] | undefined,
  from: string,
  mark: Omit<CopyMark, 'self'>,
): Promise<Ref<'network'>> {
  const found = await networksOf(target, signal, (each) => each.id === id && each.point === from)
  const [first] = found
  if (first !== undefined) return first.ref
  const made: CopyMark = { ...mark, kind: 'network', self: SELF_TO_COME, point: from }
  const record = {
    name_label: `Isolated: ${like?.name_label ?? from}`,
    name_description: 'Made by Understudy for a test failover; removed with it',
    MTU: like?.MTU ?? 1500,
    other_config: { [MARK.copy]: JSON.stringify(made) },
    bridge: '',
    managed: true,
    tags: [],
  }
  return target.call<Ref<'network'>>('network.create', [record], { signal })
}

interface MarkedNetwork {
  readonly ref: Ref<'network'>
  readonly record: RecordOf['network']
  readonly mark: CopyMark
}

export async function networksOf(xapi: Xapi, signal: AbortSignal, wanted: (mark: CopyMark) => boolean): Promise<MarkedNetwork[]> {
  const all = await xapi.records('network', { signal })
  return [...all].flatMap(([ref, record]) => {
    const mark = readCopyMark(record.other_config, SELF_TO_COME)
    return mark?.kind === 'network' && wanted(mark) ? [{ ref, record, mark }] : []
  })
}

/** Removes those that nothing hangs on any more, and says which. */
export async function removeNetworks(xapi: Xapi, signal: AbortSignal, wanted: (mark: CopyMark) => boolean): Promise<string[]> {
  const removed: string[] = []
  for (const { ref, record } of await networksOf(xapi, signal, wanted)) {
    if (record.VIFs.length > 0 || record.PIFs.length > 0) continue
    try {
      await xapi.call('network.destroy', [ref], { signal })
      removed.push(record.name_label)
    } catch (error) {
      // Somebody plugged something into it in this moment.
      if (!isGone(error) && !(error instanceof XapiError && error.code.startsWith('NETWORK_CONTAINS'))) throw error
    }
  }
  return removed
}
