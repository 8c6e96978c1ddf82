/**
 * Opens a disk of the source for several targets so that every block is read once. Targets whose disks hold the same base want the same;
 * others want different parts: the union is read, and each gets its own. Where that can't be known beforehand (no change tracking, no
 * NBD) those that differ read apart.
 */
import type { BlockSource, Extent } from '../block/block.ts'
import { clamp, normalise, partsWithin, totalLength } from '../block/extents.ts'
import { shareSource } from '../block/share-source.ts'
import { fromByte, planSegments, type Segment } from '../core/segments.ts'
import {
  allocatedExtents,
  type BaseDisk,
  type Fallbacks,
  type Known,
  type Opened,
  openSource,
  type ReadableDisk,
  trackedChanges,
  tryAnother,
} from './block-source.ts'
import { openNbdBlocks } from './nbd-blocks.ts'
import type { RunContext } from './session.ts'

/** What one target wants of a disk. */
export interface Want {
  /** Of its own run: a target whose lock is lost stops, and the others do not. */
  readonly context: RunContext
  readonly base: BaseDisk | undefined
  /** See openSource. */
  readonly done: number
  readonly compare: Known['compare']
  readonly fallbacks: Fallbacks
}

export interface OpenedForAll {
  /** In the order of the wants. */
  readonly opened: readonly PromiseSettledResult<Opened>[]
  /** Bytes read of the source so far, for all of them together. */
  bytesRead(): number
}

/** Wants that are met by the same blocks. */
interface Group {
  readonly first: Want
  readonly wants: Want[]
  changes: readonly Extent[] | undefined
}

/** @param context of the source alone: it ends when no target is left */
export async function openForAll(context: RunContext, disk: ReadableDisk, wants: readonly Want[]): Promise<OpenedForAll> {
  const groups = groupOf(wants)
  const results = new Map<Want, PromiseSettledResult<Opened>>()
  const counted: Opened[] = []
  const settle = (want: Want, value: Opened) => results.set(want, { status: 'fulfilled', value })

  // Once anybody reads the disk, its changes can't be listed any more.
  if (groups.length > 1) {
    for (const group of groups) {
      const { base } = group.first
      const told: Fallbacks = []
      if (base !== undefined) group.changes = await trackedChanges(context, disk, base, told)
    }
  }
  const shareable = groups.filter(({ first }) => first.compare === undefined)
  const union = shareable.length > 1 ? await openUnion(context, disk, shareable) : undefined
  if (union !== undefined) {
    counted.push(union.all)
    for (const [want, opened] of union.each) settle(want, opened)
  }
  const apart = union === undefined ? groups : groups.filter(({ first }) => first.compare !== undefined)
  // Those whose changes can't be listed first: they ask again, to tell why.
  for (const group of apart.sort((a, b) => Number(a.changes !== undefined) - Number(b.changes !== undefined))) {
    const { first, changes } = group
    const fallbacks: Fallbacks = []
    if (groups.length > 1) fallbacks.push(READ_APART)
    const own = group.wants.length === 1 ? first.context : context
    try {
      const opened = await openSource(own, disk, first.base, first.done, fallbacks, { compare: first.compare, changes })
      counted.push(opened)
      const shared = share(context, opened, group.wants)
      for (const [nth, want] of group.wants.entries()) settle(want, shared[nth] as Opened)
    } catch (reason) {
      for (const want of group.wants) results.set(want, { status: 'rejected', reason })
    }
    for (const want of group.wants) want.fallbacks.push(...fallbacks)
  }
  return {
    opened: wants.map((want) => results.get(want) as PromiseSettledResult<Opened>),
    bytesRead: () =>
      counted.reduce((sum, opened) => sum + (opened.kind === 'blocks' ? opened.bytesReadBefore + opened.source.bytesRead : 0), 0),
  }
}

const READ_APART = {
  code: 'read-apart',
  text: 'the targets of this run need different parts of the disk, which can not be read together: each reads its own',
  avoid: 'keep change tracking on and NBD reachable; a run that succeeds for every target brings them together',
}

function groupOf(wants: readonly Want[]): Group[] {
  const groups: Group[] = []
  for (const want of wants) {
    const same = ({ first }: Group) =>
      want.compare === undefined &&
      first.compare === undefined &&
      first.base?.ref === want.base?.ref &&
      first.base?.differing === want.base?.differing &&
      first.done === want.done
    const group = groups.find(same)
    if (group === undefined) groups.push({ first: want, wants: [want], changes: undefined })
    else group.wants.push(want)
  }
  return groups
}

function share(context: RunContext, opened: Opened, wants: readonly Want[]): Opened[] {
  if (opened.kind === 'unchanged' || wants.length === 1) return wants.map(() => opened)
  const everything = wants.map(() => undefined)
  return shareSource(opened.source, everything, context).map((source) => ({ ...opened, source }))
}

/** Undefined when what each wants can't be told beforehand, or not be read in parts. */
async function openUnion(
  context: RunContext,
  disk: ReadableDisk,
  groups: readonly Group[],
): Promise<{ readonly all: Opened; readonly each: ReadonlyMap<Want, Opened> } | undefined> {
  if (groups.some(({ first, changes }) => first.base !== undefined && changes === undefined)) return undefined
  const told: Fallbacks = []
  const allocated = groups.some(({ first }) => first.base === undefined) ? await allocatedExtents(context, disk, told) : undefined
  const whole = clamp(allocated?.extents ?? [{ offset: 0, length: disk.size }], disk.size)
  const before = allocated?.bytesRead ?? 0
  const parts = groups.map((group) => {
    const wanted = group.changes ?? whole
    return { group, wanted, extents: fromByte(wanted, group.first.done) }
  })
  const union = normalise(parts.flatMap(({ extents }) => extents))
  const segments = planSegments(union, context.leastSegment)
  const takers = parts.flatMap(({ group, extents }) => (extents.length > 0 ? group.wants.map((want) => ({ want, extents })) : []))
  const opened: Map<Want, Opened> = new Map()
  for (const { group, wanted } of parts) {
    const delta = group.first.base !== undefined
    for (const want of group.wants) {
      if (!delta) want.fallbacks.push(...told)
      opened.set(want, { kind: 'unchanged', tracked: true, covers: wanted, delta, changedBytes: totalLength(wanted) })
    }
  }
  if (takers.length === 0) return { all: [...opened.values()][0] as Opened, each: opened }
  let source: BlockSource
  try {
    source = await openNbdBlocks(context, context.source, disk.ref, segments, disk.size)
  } catch (error) {
    // Each tries by itself then, and tells why it could not.
    tryAnother(error, context.signal)
    return undefined
  }
  const branches = shareSource(
    source,
    takers.map(({ extents }) => extents),
    context,
  )
  const common = { kind: 'blocks', nbd: true } as const
  for (const [nth, { want, extents }] of takers.entries()) {
    const { delta, covers, changedBytes } = opened.get(want) as Extract<Opened, { kind: 'unchanged' }>
    opened.set(want, {
      ...common,
      delta,
      tracked: delta,
      changedBytes,
      ...(delta ? { covers } : {}),
      source: branches[nth] as BlockSource,
      extents,
      segments: segmentsWithin(segments, extents),
      bytesReadBefore: delta ? 0 : before,
    })
  }
  const changedBytes = totalLength(union)
  return {
    all: { ...common, delta: false, tracked: false, changedBytes, source, extents: union, segments, bytesReadBefore: before },
    each: opened,
  }
}

/** The segments of a transfer for somebody who wants some of it: their ends hold for any part. Those without a wanted byte are left out. */
function segmentsWithin(segments: readonly Segment[], wanted: readonly Extent[]): Segment[] {
  return segments
    .map(({ extents, end }) => ({ extents: extents.flatMap((extent) => partsWithin(wanted, extent)), end }))
    .filter(({ extents }) => extents.length > 0)
}
