/** Whether what a run will write fits into the target's storage, as far as that can be known beforehand. Pure. Bytes throughout. */
import type { Reason } from './base.ts'
import type { MemoryFacts, SourceDisk, TargetFacts } from './observation.ts'
import type { DiskPlan } from './plan.ts'
import type { Refusal } from './refusals.ts'

/** What a run adds to the storage: no less than, and as far as is known no more than. */
export interface SpaceNeed {
  readonly least: number
  readonly most: number
}

const MIB = 2 ** 20
const GIB = 2 ** 30
/** Below this part of its size a storage repository is nearly full: snapshots and coalescing need room as well. */
const NEARLY_FULL = 0.05
/**
 * Thin storage may compress, and what is allocated on the source may be zeroes, which are not written: only what is more than twice too
 * much is surely too much.
 */
const SURELY = 2

/**
 * Thick storage (LVM) gives a new disk or a clone its whole size at once, and a restore point takes what its disk holds on top, since
 * the disk keeps its whole size (LVHDVDI._snapshot in sm drivers/LVHDSR.py). Thin storage takes what is written: what the source
 * holds for a first copy, unknown for a delta.
 */
export function spaceNeeded(disks: readonly DiskPlan[], sources: readonly SourceDisk[], thin: boolean): SpaceNeed {
  let least = 0
  let most = 0
  for (const disk of disks) {
    if (disk.mode === 'skipped') continue
    const held = sources.find(({ uuid }) => uuid === disk.source)?.allocated
    const content = { least: Math.min(held?.least ?? 0, disk.size), most: Math.min(held?.most ?? disk.size, disk.size) }
    const { landing } = disk.choice
    if (!thin && (landing.kind === 'create' || landing.kind === 'clone')) {
      least += disk.size
      most += disk.size
    }
    if (landing.kind === 'create') {
      least += content.least
      most += content.most
    }
  }
  return { least, most }
}

export type SpaceVerdict =
  | { readonly kind: 'fits' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'warned'; readonly warning: Reason }

/**
 * @param disks as planned
 * @param sources the source's disks
 * @param freed whether the run removes something from the storage before it writes, which leaves more room than there is now
 * @param memory what the memory of the VM takes on top
 */
export function judgeSpace(
  disks: readonly DiskPlan[],
  sources: readonly SourceDisk[],
  { sr }: Pick<TargetFacts, 'sr'>,
  freed: boolean,
  memory: SpaceNeed = NOTHING,
): SpaceVerdict {
  const { free, thin, size, name } = sr
  if (free === undefined || thin === undefined) return { kind: 'fits' }
  const need = sum(spaceNeeded(disks, sources, thin), memory)
  const figures = `"${name}" has ${inWords(free)} free`
  if (!freed && need.least > (thin ? SURELY : 1) * free) {
    const why = thin ? 'what the source’s disks hold' : 'thick storage gives each disk its whole size'
    return {
      kind: 'refused',
      refusal: {
        code: 'no-space',
        text: `${figures}, and this run needs at least ${inWords(need.least)} (${why})`,
        hint: 'free space there, or replicate to another storage repository',
      },
    }
  }
  if (need.most > free) {
    const text = `${figures}, and this run may need up to ${inWords(need.most)}`
    return { kind: 'warned', warning: { code: 'space-short', text, avoid: 'free space there before it is full' } }
  }
  if (size !== undefined && free - need.most < NEARLY_FULL * size) {
    const text = `${figures} of ${inWords(size)}${need.most === 0 ? '' : `, and this run needs up to ${inWords(need.most)}`}: it is nearly full`
    return { kind: 'warned', warning: { code: 'sr-nearly-full', text, avoid: 'free space there, or keep fewer restore points' } }
  }
  return { kind: 'fits' }
}

const NOTHING: SpaceNeed = { least: 0, most: 0 }
const sum = (one: SpaceNeed, other: SpaceNeed): SpaceNeed => ({ least: one.least + other.least, most: one.most + other.most })

/**
 * What a suspend image takes on storage that it is carried to, and on what its own pool makes there when that is the same storage. It has
 * no snapshot of its own.
 */
export function memoryNeeded(memory: MemoryFacts, { sr }: Pick<TargetFacts, 'sr'>, checkpoint: CheckpointOf): SpaceNeed {
  const copy = { least: sr.thin === false ? memory.size : memory.least, most: memory.size }
  return memory.storage?.uuid === sr.uuid ? sum(copy, checkpointNeeded(memory, checkpoint)) : copy
}

/** `taken`: by an interrupted run, whose snapshot is carried over. */
export type CheckpointOf = 'running' | 'suspended' | 'taken'

/**
 * What a checkpoint adds to the storage for suspend images. That of a running VM is made there, and asked for in its whole size also of
 * thin storage (`initial_allocation`, suspend in ocaml/xapi/xapi_xenops.ml); then it is snapshotted, for which thick storage takes
 * what it holds once more.
 */
function checkpointNeeded({ size, storage }: MemoryFacts, of: CheckpointOf): SpaceNeed {
  if (of === 'taken') return NOTHING
  const snapshot = { least: 0, most: storage?.thin === false ? size : 0 }
  return of === 'running' ? sum({ least: size, most: size }, snapshot) : snapshot
}

/**
 * Whether the storage for suspend images has room for a checkpoint. It is not tried when it surely has not: a suspension that fails
 * half-way leaves the VM shut down by force (same place).
 */
export function judgeSuspendSpace(
  memory: MemoryFacts,
  of: CheckpointOf,
): { readonly kind: 'fits' } | { readonly kind: 'refused' | 'warned'; readonly text: string } {
  const { storage } = memory
  if (storage?.free === undefined) return { kind: 'fits' }
  const need = checkpointNeeded(memory, of)
  const text = `"${storage.name}", where its pool keeps suspend images, has ${inWords(storage.free)} free, and a checkpoint`
  if (need.least > storage.free) return { kind: 'refused', text: `${text} needs ${inWords(need.least)}` }
  return need.most > storage.free ? { kind: 'warned', text: `${text} may need up to ${inWords(need.most)}` } : { kind: 'fits' }
}

function inWords(bytes: number): string {
  return bytes >= GIB ? `${Math.round((bytes / GIB) * 10) / 10} GiB` : `${Math.ceil(bytes / MIB)} MiB`
}

/** A disk that the storage can't hold, whatever is free. */
export function tooLarge(disks: readonly DiskPlan[], { sr }: Pick<TargetFacts, 'sr'>): Refusal | undefined {
  const most = sr.largestDisk
  if (most === undefined) return undefined
  const disk = disks.find((candidate) => candidate.mode !== 'skipped' && candidate.size > most)
  if (disk === undefined || disk.mode === 'skipped') return undefined
  return {
    code: 'disk-too-large',
    text: `disk ${disk.userdevice} ("${disk.name}") has ${inWords(disk.size)}, and "${sr.name}" holds disks of at most ${inWords(most)}`,
    hint: 'replicate to a storage repository that keeps qcow2 images, or exclude the disk with [NOBAK] in its name',
  }
}

/** A storage repository without snapshots can keep no restore point. */
export function withoutSnapshots({ sr }: Pick<TargetFacts, 'sr'>): Refusal | undefined {
  if (sr.canSnapshot !== false) return undefined
  return {
    code: 'no-snapshots',
    text: `"${sr.name}" takes no snapshots, so that no restore point could be kept there`,
    hint: 'replicate to another storage repository',
  }
}
