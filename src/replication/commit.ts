/**
 * Makes the restore point: the marks go onto the replica and its disks, then one snapshot of the replica inherits them all at once,
 * then they are taken off the replica again. Broken off before the snapshot there is no restore point; after it, there is (G1).
 */
import { type DigestMark, formatDatetime, formatNameDate, MARK, readRestorePointMark } from '../core/marks.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import type { Ref } from '../xapi/ref.ts'
import { isGone } from './destroy.ts'
import { assertNotOvertaken } from './overtaken.ts'
import type { ReplicaVm } from './replica-vm.ts'
import type { RunContext } from './session.ts'
import type { TargetDisk } from './target-disk.ts'

export interface CommittedDisk {
  readonly userdevice: string
  readonly disk: TargetDisk
  /** uuid of the source snapshot's disk that it now holds */
  readonly copyOf: string
  /** What it holds, where the run compared both disks whole. */
  readonly digest?: DigestMark | undefined
}

export interface CommitRequest {
  readonly replica: ReplicaVm
  readonly name: string
  readonly takenAt: number
  readonly generation: number
  /** uuid of the source snapshot VM */
  readonly copyOf: string
  readonly disks: readonly CommittedDisk[]
  /** The disk that holds the memory, and what it holds, as far as that is known. */
  readonly memory?: { readonly disk: TargetDisk; readonly digest?: DigestMark | undefined } | undefined
  readonly description: string
}

export interface CommittedPoint {
  readonly uuid: string
  readonly name: string
}

/** Throws Failure REPLICA_IN_USE or RUN_SUPERSEDED when another run of the chain came in between. */
export async function commitRestorePoint(context: RunContext, request: CommitRequest): Promise<CommittedPoint> {
  const { target, ids, signal } = context
  const { replica, disks, memory, takenAt } = request
  // Who holds the chain needs no other proof that nobody else came in between.
  if (context.stillHeld !== undefined) await context.stillHeld()
  else {
    await assertNotOvertaken(
      context,
      replica.known,
      disks.map(({ disk }) => disk),
    )
  }
  const marks = {
    [MARK.job]: ids.job,
    [MARK.schedule]: ids.schedule,
    [MARK.vm]: ids.vm,
    [MARK.sr]: ids.sr,
    [MARK.datetime]: formatDatetime(takenAt),
    [MARK.nonNbdFix]: 'true',
  }
  const from = disks.flatMap(({ disk }) => disk.writing.from ?? [])
  const promise = {
    run: ids.run,
    generation: request.generation,
    disks: Object.fromEntries(disks.map(({ userdevice, copyOf }) => [userdevice, copyOf])),
    ...(from.length > 0 ? { from } : {}),
    ...(memory === undefined ? {} : { memory: memory.disk.uuid }),
  }
  const proofOf = (digest: DigestMark | undefined) => (digest === undefined ? {} : { [MARK.digest]: JSON.stringify(digest) })
  await Promise.all([
    ...disks.map(({ disk, copyOf, digest }) => {
      const config = { ...disk.config, ...marks, [MARK.copyOf]: copyOf, [MARK.contentKey]: copyOf, ...proofOf(digest) }
      return target.call('VDI.set_other_config', [disk.ref, config], { signal })
    }),
    // All of it is there.
    ...(memory === undefined
      ? []
      : [target.call('VDI.set_other_config', [memory.disk.ref, { ...memory.disk.config, ...proofOf(memory.digest) }], { signal })]),
    target.call(
      'VM.set_other_config',
      [replica.ref, { ...replica.config, ...marks, [MARK.copyOf]: request.copyOf, [MARK.restorePoint]: JSON.stringify(promise) }],
      { signal },
    ),
    target.call('VM.set_name_description', [replica.ref, request.description], { signal }),
  ])
  const name = `${request.name} ${formatNameDate(takenAt)}`
  const ref = (await target.callAsync('VM.snapshot', [replica.ref, name], { signal })) as Ref<'VM'>
  const uuid = await target.call<string>('VM.get_uuid', [ref], { signal })
  await Promise.all([
    target.call('VM.set_is_a_template', [ref, false], { signal }),
    target.call('VM.add_to_other_config', [ref, MARK.self, uuid], { signal }),
    target.call('VM.set_other_config', [replica.ref, replica.config], { signal }),
    ...disks.map(({ disk }) => target.call('VDI.set_other_config', [disk.ref, disk.config], { signal })),
  ])
  return { uuid, name }
}

/**
 * Whether a restore point of this run is there, after a commit that failed: the answer may be all that was lost, and a snapshot that
 * was begun goes on when its task is cancelled. When that can't be found out, it is taken to be there.
 */
export async function mayBeCommitted({ target, ids }: RunContext, replica: Ref<'VM'>): Promise<boolean> {
  const signal = AbortSignal.timeout(90_000)
  try {
    const idle = ({ current_operations: busy }: RecordOf['VM']) => !Object.values(busy).includes('snapshot')
    await target.waitFor('VM', replica, (record) => record === undefined || idle(record), { signal, timeoutMs: 60_000 })
    const { snapshots } = await target.record('VM', replica, { signal })
    const configs = await Promise.all(
      snapshots.map((ref) => target.call<Record<string, string>>('VM.get_other_config', [ref], { signal }).catch(nothingIfGone)),
    )
    return configs.some((config) => readRestorePointMark(config)?.run === ids.run)
  } catch (error) {
    return !isGone(error)
  }
}

const nothingIfGone = (error: unknown): Record<string, string> => {
  if (isGone(error)) return {}
  throw error
}
