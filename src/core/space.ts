/** Whether what a run will write fits into the target's storage, as far as that can be known beforehand. Pure. Bytes throughout. */
import type { Reason } from './base.ts'
import type { SourceDisk, TargetFacts } from './observation.ts'
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
 */
export function judgeSpace(
  disks: readonly DiskPlan[],
  sources: readonly SourceDisk[],
  { sr }: Pick<TargetFacts, 'sr'>,
  freed: boolean,
): SpaceVerdict {
  const { free, thin, size, name } = sr
  if (free === undefined || thin === undefined) return { kind: 'fits' }
  const need = spaceNeeded(disks, sources, thin)
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
