/** Finds what tests left, by marks and by the name of clones in the making, and removes it. Nothing else is ever touched (G8). */
import { type CopyMark, readCopyMark, readUnfinishedCopy } from '../../core/failover/marks.ts'
import { MARK, readMarks } from '../../core/marks.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { removeCopy } from './copy-vm.ts'
import { removeNetworks } from './isolated-network.ts'
import type { FailoverOptions } from './options.ts'

export interface TestVm {
  readonly ref: Ref<'VM'>
  readonly record: RecordOf['VM']
  readonly mark: CopyMark
}

/** VMs of tests, those included whose making was cut short. */
export async function findTests({ target, signal }: Pick<FailoverOptions, 'target' | 'signal'>): Promise<TestVm[]> {
  const vms = await target.records('VM', { signal })
  return [...vms].flatMap(([ref, record]) => {
    if (record.is_a_snapshot || record.is_control_domain) return []
    const mark = readCopyMark(record.other_config, record.uuid) ?? halfMade(record)
    return mark?.kind === 'test' ? [{ ref, record, mark }] : []
  })
}

/** A clone that has its first name is nobody's yet, and still has the restore point's keys. */
function halfMade({ name_label: name, other_config: config, power_state: state, uuid }: RecordOf['VM']): CopyMark | undefined {
  const { job, vm } = readMarks(config)
  const unfinished = readUnfinishedCopy(name)
  if (unfinished === undefined || state !== 'Halted' || job === undefined || vm === undefined || !(MARK.restorePoint in config))
    return undefined
  return { ...unfinished, self: uuid, job, vm, point: '', at: '' }
}

export interface RemovedTests {
  readonly vms: readonly string[]
  readonly networks: readonly string[]
}

/** Removes the tests that `wanted` says, and the networks of theirs that nothing hangs on any more. */
export async function removeTests(
  options: Pick<FailoverOptions, 'target' | 'signal'>,
  wanted: (mark: CopyMark) => boolean,
): Promise<RemovedTests> {
  const { target, signal } = options
  const all = await findTests(options)
  const gone = all.filter(({ mark }) => wanted(mark))
  for (const { ref } of gone) await removeCopy(target, ref, signal)
  const staying = new Set(all.filter((test) => !gone.includes(test)).map(({ mark }) => mark.id))
  // A network goes when its test has no VM left, whoever removed the last one.
  const networks = await removeNetworks(
    target,
    signal,
    (mark) => !staying.has(mark.id) && (wanted(mark) || gone.some((test) => test.mark.id === mark.id)),
  )
  return { vms: gone.map(({ record }) => record.name_label), networks }
}
