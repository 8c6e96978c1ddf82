/** Finds the restore point to verify, what its disks are, and what is left to compare them with. */
import { Failure } from '../../core/failure.ts'
import { type DigestMark, readDigestMark, readMarks, readRestorePointMark } from '../../core/marks.ts'
import type { RestorePoint } from '../../core/observation.ts'
import { newestFirst } from '../../core/restore-point-order.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import { inspectRecorded, memoryOf } from '../inspect-target.ts'
import { disksOf, findByUuid, type PoolView } from '../pool-view.ts'

export type WantedPoint =
  | { readonly kind: 'uuid'; readonly uuid: string; readonly sr: string | undefined }
  /** The newest complete one of a chain; without a job: of the only job that has one. */
  | { readonly kind: 'newest'; readonly job: string | undefined; readonly vm: string; readonly sr: string }

export interface PointDisk {
  readonly userdevice: string
  readonly bootable: boolean
  readonly ref: Ref<'VDI'>
  readonly uuid: string
  readonly name: string
  readonly size: number
  /** uuid of the source snapshot's disk that it is a copy of */
  readonly copyOf: string | undefined
  readonly digest: DigestMark | undefined
  /** The same disk in the restore point before; absent when there is none. */
  readonly before: Ref<'VDI'> | undefined
  /** Why the source has nothing to compare with, whatever is left of its snapshot. */
  readonly nowhereElse?: string
}

export interface FoundPoint {
  readonly point: RestorePoint
  readonly record: RecordOf['VM']
  readonly chain: { readonly job: string; readonly vm: string; readonly sr: string }
  readonly disks: readonly PointDisk[]
  /** `gone`: it was made with memory, which is no longer there. Undefined: it was made without. */
  readonly memory: PointDisk | 'gone' | undefined
}

/** Throws Failure RESTORE_POINT_NOT_FOUND, JOB_NOT_NAMED or what `inspectRecorded` throws. */
export async function findPoint(view: PoolView, wanted: WantedPoint): Promise<FoundPoint> {
  const chain = wanted.kind === 'uuid' ? chainOf(view, wanted.uuid, wanted.sr) : { ...wanted, job: wanted.job ?? onlyJob(view, wanted) }
  const { facts } = await inspectRecorded(view, chain)
  const ordered = newestFirst(facts.restorePoints.filter(({ complete }) => complete))
  const point = wanted.kind === 'newest' ? ordered[0] : facts.restorePoints.find(({ uuid }) => uuid === wanted.uuid)
  const record = point && findByUuid(view.VM, point.uuid)?.[1]
  if (point === undefined || record === undefined) {
    throw wanted.kind === 'newest'
      ? notFound(`job ${chain.job} has no complete restore point of VM ${chain.vm} on this storage`)
      : notFound(`${wanted.uuid} carries marks of a restore point that are not its own: a snapshot of a clone of one`)
  }
  const position = ordered.indexOf(point)
  const previous = position < 0 ? undefined : ordered[position + 1]
  const disks = disksOf(view, record).map(({ ref, record: vdi, vbdRecord }): PointDisk => {
    const before = previous?.disks.find(({ snapshotOf }) => snapshotOf !== undefined && snapshotOf === view.VDI.get(vdi.snapshot_of)?.uuid)
    return {
      userdevice: vbdRecord.userdevice,
      bootable: vbdRecord.bootable || vbdRecord.userdevice === '0',
      ref,
      uuid: vdi.uuid,
      name: vdi.name_label,
      size: vdi.virtual_size,
      copyOf: readMarks(vdi.other_config).copyOf,
      digest: readDigestMark(vdi.other_config),
      before: before && findByUuid(view.VDI, before.uuid)?.[0],
    }
  })
  return { point, record, chain: { job: chain.job, vm: chain.vm, sr: chain.sr }, disks, memory: memoryIn(view, record) }
}

function memoryIn(view: PoolView, record: RecordOf['VM']): FoundPoint['memory'] {
  if (readRestorePointMark(record.other_config)?.memory === undefined) return undefined
  const [ref, vdi] = memoryOf(view, record) ?? []
  if (ref === undefined || vdi === undefined) return 'gone'
  return {
    userdevice: 'memory',
    bootable: false,
    ref,
    uuid: vdi.uuid,
    name: vdi.name_label,
    size: vdi.virtual_size,
    copyOf: undefined,
    digest: readDigestMark(vdi.other_config),
    before: undefined,
    nowhereElse: 'the source’s memory of that instant went with its checkpoint',
  }
}

const notFound = (text: string) => new Failure('RESTORE_POINT_NOT_FOUND', text)

function chainOf(view: PoolView, uuid: string, sr: string | undefined): FoundPoint['chain'] {
  const record = findByUuid(view.VM, uuid)?.[1]
  if (record === undefined) throw notFound(`the target pool has no snapshot ${uuid}`)
  const marks = readMarks(record.other_config)
  if (!record.is_a_snapshot || marks.job === undefined || marks.vm === undefined || marks.sr === undefined || marks.copyOf === undefined) {
    throw notFound(`${uuid} ("${record.name_label}") is no restore point: it lacks the marks of one`)
  }
  if (sr !== undefined && sr !== marks.sr) throw notFound(`restore point ${uuid} is on storage ${marks.sr}, not ${sr}`)
  return { job: marks.job, vm: marks.vm, sr: marks.sr }
}

function onlyJob(view: PoolView, { vm, sr }: { readonly vm: string; readonly sr: string }): string {
  const jobs = new Set<string>()
  for (const { is_a_snapshot: snapshot, other_config: config } of view.VM.values()) {
    const marks = readMarks(config)
    if (snapshot && marks.vm === vm && marks.sr === sr && marks.job !== undefined && marks.copyOf !== undefined) jobs.add(marks.job)
  }
  const [job, ...others] = jobs
  if (job === undefined) throw notFound(`there is no restore point of VM ${vm} on storage ${sr}`)
  if (others.length > 0) {
    throw new Failure(
      'JOB_NOT_NAMED',
      `several jobs keep restore points of VM ${vm} on this storage`,
      `name one with --job: ${[...jobs].join(', ')}`,
    )
  }
  return job
}
