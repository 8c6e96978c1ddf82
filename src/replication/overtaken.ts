/**
 * Two runs of one chain at the same time (a mover that hung and went on, two machines with the same schedule): the later one takes the
 * earlier for broken and writes over it, so the earlier must not call what is there its own. Seen by the marks that the later one
 * leaves. Not a lock: nothing tells a dead mover's lock from a living one's.
 */
import { Failure } from '../core/failure.ts'
import { isBeingWritten, MARK, type OtherConfig, readWritingMark } from '../core/marks.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { isGone } from './destroy.ts'
import type { RunContext } from './session.ts'

const overtaken = (text: string) =>
  new Failure('REPLICA_IN_USE', text, 'no restore point was made of this run; let one run of a chain end before the next one begins')

/** Throws Failure REPLICA_IN_USE when another run has begun to write to the disk. A disk without a mark is nobody's. */
export async function assertDiskIsOurs({ target, ids, signal }: RunContext, disk: Ref<'VDI'>): Promise<void> {
  const config = await target.call<OtherConfig>('VDI.get_other_config', [disk], { signal }).catch(nothingIfGone)
  if (config === undefined) throw overtaken(REMOVED)
  if (writtenByAnother(config, ids.run)) throw overtaken(WRITTEN)
}

/**
 * Just before a restore point is made: nobody else writes to the disks, and nobody has made a restore point of them since this run
 * looked. One call, whatever the number of disks.
 * @param known snapshots of the replica's disks as this run saw them
 */
export async function assertNotOvertaken(
  { target, ids, signal }: RunContext,
  known: readonly Ref<'VDI'>[],
  disks: readonly { readonly ref: Ref<'VDI'>; readonly uuid: string }[],
): Promise<void> {
  if (disks.length === 0) return
  const wanted = disks.map(({ uuid }) => `field "uuid" = "${uuid}"`).join(' or ')
  const records = await target.call<Record<string, RecordOf['VDI']>>('VDI.get_all_records_where', [wanted], { signal })
  const configs: OtherConfig[] = []
  for (const { ref } of disks) {
    const record = records[ref]
    if (record === undefined) throw overtaken(REMOVED)
    if (writtenByAnother(record.other_config, ids.run)) throw overtaken(WRITTEN)
    for (const added of record.snapshots.filter((snapshot) => !known.includes(snapshot))) {
      configs.push((await target.call<OtherConfig>('VDI.get_other_config', [added], { signal }).catch(nothingIfGone)) ?? {})
    }
  }
  // A snapshot that a user takes of the replica carries none.
  if (configs.some((config) => MARK.copyOf in config)) throw overtaken('another run of the same chain made a restore point in the meantime')
}

const REMOVED = 'a disk of the replica that this run wrote to was removed in the meantime'
const WRITTEN = 'another run of the same chain writes to the replica'
const writtenByAnother = (config: OtherConfig, run: string) => isBeingWritten(config) && readWritingMark(config)?.run !== run

const nothingIfGone = (error: unknown): undefined => {
  if (!isGone(error)) throw error
}
