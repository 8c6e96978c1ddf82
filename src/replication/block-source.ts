/**
 * How one disk of a source snapshot is read. The best way first, each failure recorded as the reason for the next: change
 * tracking and NBD; change tracking and an export; a differencing export; allocated blocks over NBD; the export itself; the raw disk.
 * Exports are VHDs, and qcow2 images of what a VHD can't hold.
 */
import type { BlockSource, Extent } from '../block/block.ts'
import { clamp, extentsOfBitmap, normalise, totalLength } from '../block/extents.ts'
import type { Reason } from '../core/base.ts'
import { fromByte, planSegments, type Segment } from '../core/segments.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import type { NbdPool } from '../nbd/pool.ts'
import { Qcow2Error } from '../qcow2/error.ts'
import { VhdError } from '../vhd/error.ts'
import { XapiConnectionError, XapiError } from '../xapi/errors.ts'
import type { Ref } from '../xapi/ref.ts'
import { differingSource } from './differing-source.ts'
import { imageErrorCode } from './explain.ts'
import { connectDisk, openNbdBlocks } from './nbd-blocks.ts'
import { LARGEST_VHD, openQcow2Source, readQcow2Extents } from './qcow2-source.ts'
import { openRawSource } from './raw-source.ts'
import type { RunContext } from './session.ts'
import { openVhdSource, readAllocatedExtents } from './vhd-source.ts'

/** 64 KiB a bit: the granularity of XAPI's change tracking. */
const CBT_GRANULE = 65536

export interface ReadableDisk {
  readonly ref: Ref<'VDI'>
  readonly size: number
  readonly cbt: boolean
  /** `image-format` of the live disk's `sm_config`, where its storage tells it. */
  readonly imageFormat?: string | undefined
}

export interface BaseDisk {
  readonly ref: Ref<'VDI'>
  readonly kind: 'data' | 'cbt-metadata'
  readonly cbt: boolean
  /** Where the target's disk differs from it all the same, to be sent as well; then only change tracking and NBD will do. */
  readonly differing?: readonly Extent[] | undefined
}

export type Opened =
  /** Nothing differs from the base, or everything is in place already: nothing is read, nothing sent. */
  | {
      readonly kind: 'unchanged'
      readonly delta: boolean
      readonly changedBytes: number
      readonly tracked: true
      readonly covers: readonly Extent[]
    }
  | {
      readonly kind: 'blocks'
      /** Whether only what differs from the disk to be repaired is given. */
      readonly repair?: boolean
      /** Whether it is a delta relative to the base. */
      readonly delta: boolean
      /** Whether change tracking made the list: then it covers all that an earlier, broken run from the same base has written. */
      readonly tracked: boolean
      readonly changedBytes: number
      readonly source: BlockSource
      /** All that differs from the base by change tracking, what is in place already included; undefined where it was not asked. */
      readonly covers?: readonly Extent[]
      /** What the source will give, where known. */
      readonly extents: readonly Extent[] | undefined
      /** The parts it is given in, one upload each; none: one upload for all. */
      readonly segments: readonly Segment[]
      readonly nbd: boolean
      readonly bytesReadBefore: number
    }

export type Fallbacks = Reason[]

/** What is known before a disk is opened. */
export interface Known {
  /** A disk of the target to compare with, instead of a base. */
  readonly compare?: { readonly ref: Ref<'VDI'>; readonly size: number } | undefined
  /** What differs from the base by change tracking, already asked: it can't be once somebody reads the disk. */
  readonly changes?: readonly Extent[] | undefined
}

/** A failure that another way of reading may not have; anything else (cancelled, out of memory, a bug) ends the run. */
export function tryAnother(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted()
  if (error instanceof XapiError) return error.code
  if (error instanceof NbdError) return `${error.code}: ${error.message}`
  if (error instanceof VhdError || error instanceof Qcow2Error) return `${imageErrorCode(error)}: ${error.message}`
  if (error instanceof XapiConnectionError && error.reason !== 'closed') return error.message
  throw error
}

/**
 * The bitmap of `VDI.list_changed_blocks` for a disk of `size` bytes: a bit for every 64 KiB, padded to a byte. XapiError
 * CBT_BITMAP_TOO_SHORT for one that does not cover the disk: what it leaves out must not pass for unchanged.
 */
export function decodeChangedBlocks(text: string, size: number): Buffer {
  const bitmap = Buffer.from(text, 'base64')
  const least = Math.ceil(Math.ceil(size / CBT_GRANULE) / 8)
  if (bitmap.length < least) throw new XapiError('CBT_BITMAP_TOO_SHORT', [`${bitmap.length}`, `${least}`], 'VDI.list_changed_blocks')
  return bitmap
}

/** The changed extents by change tracking; must be asked before anything attaches the snapshot (VDI_IN_USE otherwise). */
export async function listChanges(
  { source, signal }: Pick<RunContext, 'source' | 'signal'>,
  base: Ref<'VDI'>,
  disk: ReadableDisk,
): Promise<Extent[]> {
  const text = await source.callAsync('VDI.list_changed_blocks', [base, disk.ref], { signal })
  if (typeof text !== 'string') throw new XapiError('CBT_RESULT_EMPTY', [], 'VDI.list_changed_blocks')
  return extentsOfBitmap(decodeChangedBlocks(text, disk.size), CBT_GRANULE, disk.size)
}

/**
 * @param done what lies below this byte of the disk is in place already, by an earlier run that read the same snapshot relative to the same
 *   base. It is left out where the way of reading tells beforehand what it will give (`extents`), and only there.
 */
export async function openSource(
  context: RunContext,
  disk: ReadableDisk,
  base: BaseDisk | undefined,
  done: number,
  fallbacks: Fallbacks,
  { compare, changes }: Known = {},
): Promise<Opened> {
  const differing = compare === undefined ? undefined : await openRepair(context, disk, compare, fallbacks)
  if (differing !== undefined) return differing
  if (base === undefined) return openFull(context, disk, done, fallbacks)
  // What is in place of a delta is of no use to a full copy.
  return (await openDelta(context, disk, base, done, fallbacks, changes)) ?? openFull(context, disk, 0, fallbacks)
}

async function openDelta(
  context: RunContext,
  disk: ReadableDisk,
  base: BaseDisk,
  done: number,
  fallbacks: Fallbacks,
  known: readonly Extent[] | undefined,
): Promise<Opened | undefined> {
  const { source, signal } = context
  const all = known ?? (await trackedChanges(context, disk, base, fallbacks))
  if (all !== undefined) {
    const changedBytes = totalLength(all)
    const changed = fromByte(all, done)
    if (changed.length === 0) return { kind: 'unchanged', delta: true, changedBytes, tracked: true, covers: all }
    const common = {
      kind: 'blocks',
      delta: true,
      tracked: true,
      changedBytes,
      covers: all,
      extents: changed,
      segments: [],
      bytesReadBefore: 0,
    } as const
    try {
      const segments = planSegments(changed, context.leastSegment)
      return { ...common, nbd: true, segments, source: await openNbdBlocks(context, source, disk.ref, segments, disk.size) }
    } catch (error) {
      fallbacks.push(nbdNotUsable(error, signal))
    }
    // An export says nothing of blocks that are allocated nowhere: there the target would keep what it has.
    if (base.differing !== undefined) return undefined
    try {
      const from = base.kind === 'data' ? { base: base.ref } : {}
      return { ...common, nbd: false, source: await openExport(disk)(source, { vdi: disk.ref, ...from, only: changed, signal }) }
    } catch (error) {
      fallbacks.push({ code: 'export-not-usable', text: `export of the changed blocks: ${tryAnother(error, signal)}` })
    }
  }
  if (base.kind === 'cbt-metadata' || base.differing !== undefined) return undefined
  try {
    const vhd = await openExport(disk)(source, { vdi: disk.ref, base: base.ref, signal })
    return {
      kind: 'blocks',
      delta: true,
      tracked: false,
      changedBytes: vhd.expected ?? 0,
      source: vhd,
      extents: undefined,
      segments: [],
      nbd: false,
      bytesReadBefore: 0,
    }
  } catch (error) {
    fallbacks.push({ code: 'delta-export-not-usable', text: `differencing export: ${tryAnother(error, signal)}` })
    return undefined
  }
}

/** What differs from the base by change tracking; undefined, with the reason in `fallbacks`: it can't tell. */
export async function trackedChanges(
  context: RunContext,
  disk: ReadableDisk,
  base: BaseDisk,
  fallbacks: Fallbacks,
): Promise<Extent[] | undefined> {
  if (!base.cbt || !disk.cbt) {
    fallbacks.push({
      code: 'not-tracked',
      text: 'changes between base and snapshot were not tracked',
      avoid: 'leave change tracking (CBT) of the disk on',
    })
    return undefined
  }
  try {
    const changes = await listChanges(context, base.ref, disk)
    return base.differing === undefined ? changes : clamp(normalise([...changes, ...base.differing]), disk.size)
  } catch (error) {
    const why = tryAnother(error, context.signal)
    fallbacks.push({
      code: 'tracking-broken',
      text: `list of changed blocks: ${why}`,
      avoid: 'keep change tracking on, and do not revert or migrate the disk’s storage',
    })
    return undefined
  }
}

/** What differs from a disk of the target: both are read over NBD wherever either may hold data. Undefined where that can't be done. */
async function openRepair(
  context: RunContext,
  disk: ReadableDisk,
  other: { readonly ref: Ref<'VDI'>; readonly size: number },
  fallbacks: Fallbacks,
): Promise<Opened | undefined> {
  const { source, target, signal } = context
  const everything = { extents: [{ offset: 0, length: disk.size }], bytesRead: 0 }
  const here = (await allocatedExtents(context, disk, fallbacks)) ?? everything
  const there = await readAllocatedExtents(target, other.ref, signal).catch((error: unknown) => {
    tryAnother(error, signal)
    return everything
  })
  const extents = clamp(normalise([...here.extents, ...there.extents]), disk.size)
  const segments = planSegments(extents, context.leastSegment)
  let pool: NbdPool | undefined
  try {
    pool = await connectDisk(target, other.ref, other.size, totalLength(extents), signal, context.transportOf?.(target))
    const from = await openNbdBlocks(context, source, disk.ref, segments, disk.size)
    const changedBytes = totalLength(extents)
    return {
      kind: 'blocks',
      delta: false,
      tracked: false,
      repair: true,
      changedBytes,
      source: differingSource(from, pool),
      extents,
      segments,
      nbd: true,
      bytesReadBefore: here.bytesRead,
    }
  } catch (error) {
    await pool?.close()
    fallbacks.push({ code: 'repair-not-possible', text: `comparing both sides: ${tryAnother(error, signal)}; everything is sent` })
    return undefined
  }
}

async function openFull(context: RunContext, disk: ReadableDisk, done: number, fallbacks: Fallbacks): Promise<Opened> {
  const { source, signal } = context
  const allocated = await allocatedExtents(context, disk, fallbacks)
  const whole = clamp(allocated?.extents ?? [{ offset: 0, length: disk.size }], disk.size)
  const extents = fromByte(whole, done)
  if (extents.length === 0 && done > 0)
    return { kind: 'unchanged', delta: false, changedBytes: totalLength(whole), tracked: true, covers: whole }
  const common = { kind: 'blocks', delta: false, tracked: false, segments: [], bytesReadBefore: allocated?.bytesRead ?? 0 } as const
  try {
    const segments = planSegments(extents, context.leastSegment)
    const nbd = await openNbdBlocks(context, source, disk.ref, segments, disk.size)
    return { ...common, nbd: true, changedBytes: totalLength(whole), source: nbd, extents, segments }
  } catch (error) {
    fallbacks.push(nbdNotUsable(error, signal))
  }
  if (allocated !== undefined) {
    try {
      const vhd = await (allocated.format === 'qcow2' ? openQcow2Source : openVhdSource)(source, { vdi: disk.ref, signal })
      return { ...common, nbd: false, changedBytes: vhd.expected ?? 0, source: vhd, extents: undefined }
    } catch (error) {
      fallbacks.push({ code: 'export-not-usable', text: `${allocated.format.toUpperCase()} export: ${tryAnother(error, signal)}` })
    }
  }
  return {
    ...common,
    nbd: false,
    changedBytes: disk.size,
    source: await openRawSource(source, disk.ref, disk.size, signal),
    extents: undefined,
  }
}

/** By which export the differences of a disk can be had: VHDs hold 2040 GiB, and tell nothing of what is kept in another format. */
const isQcow2 = ({ size, imageFormat }: ReadableDisk) => size > LARGEST_VHD || imageFormat === 'qcow2'
const openExport = (disk: ReadableDisk) => (isQcow2(disk) ? openQcow2Source : openVhdSource)

function nbdNotUsable(error: unknown, signal: AbortSignal): Reason {
  const text = `NBD: ${tryAnother(error, signal)}`
  if (!(error instanceof NbdError) || error.code !== 'NBD_INSECURE') {
    return { code: 'nbd-not-usable', text, avoid: 'give a network of the host the purpose "nbd" and let this machine reach it' }
  }
  const avoid = 'give the network the purpose "nbd" instead of "insecure_nbd", or allow clear text with --allow-insecure-nbd'
  return { code: 'nbd-insecure', text, avoid }
}

interface Allocated {
  readonly format: 'vhd' | 'qcow2'
  readonly extents: readonly Extent[]
  readonly bytesRead: number
}

/**
 * What is allocated, from the tables of an export: a VHD's, or a qcow2 image's where a VHD can't hold the disk or tell of it. Reading all of
 * a disk of terabytes to find that it is mostly empty would take hours; where neither is to be had, that is what is left.
 */
export async function allocatedExtents(context: RunContext, disk: ReadableDisk, fallbacks: Fallbacks): Promise<Allocated | undefined> {
  const { source, signal } = context
  const formats: Allocated['format'][] = isQcow2(disk) ? (disk.size > LARGEST_VHD ? ['qcow2'] : ['qcow2', 'vhd']) : ['vhd']
  const failures: string[] = []
  for (const format of formats) {
    try {
      const read = format === 'qcow2' ? readQcow2Extents : readAllocatedExtents
      return { format, ...(await read(source, disk.ref, signal)) }
    } catch (error) {
      failures.push(`${format === 'qcow2' ? 'qcow2 tables' : 'VHD block table'}: ${tryAnother(error, signal)}`)
    }
  }
  fallbacks.push({ code: 'allocation-unknown', text: `${failures.join('; ')}; every byte of the disk is read` })
  return undefined
}
