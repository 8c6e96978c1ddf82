/** Writes a snapshot of a VM to a folder that can be carried to where the target is: the first copy that does not go over the network. */
import type { ByteBudget } from '../../block/block.ts'
import { DIGEST_GRANULE } from '../../block/content-digest.ts'
import { clamp, totalLength } from '../../block/extents.ts'
import { dataRuns } from '../../block/zeroes.ts'
import type { Reason } from '../../core/base.ts'
import { isExcludedByName } from '../../core/exclusion.ts'
import { Failure } from '../../core/failure.ts'
import { formatNameDate } from '../../core/marks.ts'
import type { SeedSnapshot } from '../../core/seed.ts'
import type { SeedManifest, SeedManifestDisk } from '../../core/seed-manifest.ts'
import { fromByte } from '../../core/segments.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { nbdTransport } from '../nbd-transport.ts'
import { disksOf, findByUuid, type PoolView, viewPool } from '../pool-view.ts'
import { enableTracking } from '../source-snapshot.ts'
import { allocated, type ReadContext, readOrdered } from '../verify.ts'
import { inspectSeedSnapshot } from './inspect-seed.ts'
import { openDiskWriter, readIndex, readManifest, readNote, writeManifest, writeNote } from './seed-folder.ts'

export interface ExportSeedOptions {
  readonly source: Xapi
  /** A snapshot that is there, or a VM that one is taken of. */
  readonly of: { readonly kind: 'snapshot' | 'vm'; readonly uuid: string }
  readonly folder: string
  readonly allowInsecureNbd?: boolean
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  readonly now: () => number
  readonly onProgress?: (userdevice: string, bytesDone: number, bytesExpected: number) => void
  readonly onLog?: (message: string) => void
}

export interface ExportedSeed {
  readonly folder: string
  readonly vm: SeedManifest['vm']
  readonly snapshot: SeedManifest['snapshot']
  readonly disks: readonly (SeedManifestDisk & {
    /** Bytes read in this export, and those of its files on the medium. */
    readonly bytesRead: number
    readonly bytesStored: number
  })[]
  readonly warnings: readonly Reason[]
}

/** Broken off anywhere, the same call again goes on where it stopped. Throws Failure (SEED_…), XapiError and the like. */
export async function exportSeed(options: ExportSeedOptions): Promise<ExportedSeed> {
  const { source, folder, signal } = options
  const begun = await readManifest(folder)
  const view = await viewPool(source, signal)
  const { snapshot, warnings } = await snapshotFor(options, view, begun)
  const manifest = begun ?? manifestOf(source, snapshot, options.now())
  if (begun === undefined) await writeManifest(folder, manifest)
  const context: ReadContext = {
    signal,
    budget: options.budget,
    transportOf: () => nbdTransport(view.network, options.allowInsecureNbd ?? false),
  }
  // The snapshot may be younger than the view.
  const refs = await Promise.all(manifest.disks.map(({ snapshot: uuid }) => source.byUuid('VDI', uuid, { signal })))
  const disks: ExportedSeed['disks'][number][] = []
  for (const [nth, disk] of manifest.disks.entries()) disks.push(await exportDisk(options, context, disk, refs[nth] as Ref<'VDI'>))
  return { folder, vm: manifest.vm, snapshot: manifest.snapshot, disks, warnings }
}

async function exportDisk(options: ExportSeedOptions, context: ReadContext, disk: SeedManifestDisk, ref: Ref<'VDI'>) {
  const { source, folder } = options
  const { userdevice, size } = disk
  const writer = await openDiskWriter(folder, disk)
  let read = 0
  try {
    if (writer.from < size) {
      const wanted = clamp(await allocated(context, source, { ref, size }), size)
      const left = fromByte(wanted, writer.from)
      const expected = totalLength(wanted)
      const before = expected - totalLength(left)
      await readOrdered(context, source, { ref, size }, left, async (offset, data) => {
        for (const run of dataRuns(offset, data, DIGEST_GRANULE)) await writer.add(run.offset, run.data)
        read += data.length
        options.onProgress?.(userdevice, before + read, expected)
      })
    }
    context.signal.throwIfAborted()
    await writer.end()
  } finally {
    await writer.close()
  }
  return { ...disk, bytesRead: read, bytesStored: writer.stored }
}

async function snapshotFor(options: ExportSeedOptions, view: PoolView, begun: SeedManifest | undefined) {
  const { of } = options
  if (begun !== undefined && of.uuid !== (of.kind === 'vm' ? begun.vm.uuid : begun.snapshot.uuid)) {
    throw new Failure(
      'SEED_FOLDER_TAKEN',
      `the folder ${options.folder} holds a seed of "${begun.vm.name}" (snapshot ${begun.snapshot.uuid})`,
    )
  }
  if (begun !== undefined || of.kind === 'snapshot') {
    const { facts } = inspectSeedSnapshot(view, begun?.snapshot.uuid ?? of.uuid)
    return { snapshot: usable(facts), warnings: [] as Reason[] }
  }
  // Noted before it is taken: an export that was killed in between finds its snapshot again.
  const noted = await readNote(options.folder)
  const taken = await takeSeedSnapshot(options, view, of.uuid, noted, (name) => writeNote(options.folder, name))
  return { snapshot: usable(taken.facts), warnings: taken.warnings }
}

export interface TakenSnapshot {
  readonly facts: SeedSnapshot
  readonly warnings: Reason[]
}

/**
 * Takes a snapshot of a VM for a seed, its disks tracked as far as their storage can. `noted`: the name of one that may be there already;
 * `note` is called with the name of the one that is about to be taken. Failure VM_NOT_FOUND.
 */
export async function takeSeedSnapshot(
  options: Pick<ExportSeedOptions, 'source' | 'signal' | 'now' | 'onLog'>,
  view: PoolView,
  vm: string,
  noted?: string,
  note: (name: string) => Promise<void> = async () => undefined,
): Promise<TakenSnapshot> {
  const { source, signal } = options
  const [ref, record] = findByUuid(view.VM, vm) ?? []
  if (ref === undefined || record === undefined || record.is_a_snapshot || record.is_a_template) {
    throw new Failure('VM_NOT_FOUND', `the source pool has no VM ${vm}`)
  }
  const disks = disksOf(view, record)
  const live = disks.filter(({ record: { name_label: name } }) => !isExcludedByName(name))
  const refused = await enableTracking({ source, signal, log: (message) => options.onLog?.(message) }, live)
  const skipped = disks.flatMap((disk) => (live.includes(disk) ? [] : [disk.ref]))
  const name = noted ?? `seed of ${record.name_label} ${formatNameDate(options.now())} (keep until the first delta)`
  const find = (pool: PoolView) => [...pool.VM.values()].find((vm) => vm.is_a_snapshot && vm.name_label === name && vm.snapshot_of === ref)
  let after = view
  if (noted === undefined) await note(name)
  if (find(view) === undefined) {
    await source.callAsync('VM.snapshot', [ref, name, ...(skipped.length > 0 ? [skipped] : [])], { signal })
    after = await viewPool(source, signal)
  }
  const made = find(after)
  if (made === undefined) throw new Failure('SEED_SNAPSHOT_UNUSABLE', 'the snapshot that was just taken is gone')
  options.onLog?.(`snapshot "${name}" (${made.uuid}) stays until the job's first delta`)
  const warnings: Reason[] = refused.map(({ code }) => ({
    code: 'not-trackable',
    text: `a disk can't be tracked (${code}): the first delta is found by an export`,
  }))
  return { facts: inspectSeedSnapshot(after, made.uuid).facts, warnings }
}

function usable(facts: SeedSnapshot): SeedSnapshot {
  const gone = facts.disks.find(({ withoutData }) => withoutData)
  if (facts.source === undefined || gone !== undefined) {
    const why = gone === undefined ? 'the VM that it was taken of is gone' : `disk ${gone.userdevice} has no data any more`
    throw new Failure('SEED_SNAPSHOT_UNUSABLE', `snapshot "${facts.name}" can't be seeded with: ${why}`)
  }
  return facts
}

function manifestOf(source: Xapi, snapshot: SeedSnapshot, now: number): SeedManifest {
  const disks = snapshot.disks.filter(({ name }) => !isExcludedByName(name))
  if (disks.length === 0) throw new Failure('SEED_SNAPSHOT_UNUSABLE', `snapshot "${snapshot.name}" has no disks to protect`)
  return {
    format: 'understudy-seed',
    version: 1,
    createdAt: new Date(now).toISOString(),
    from: source.url,
    vm: snapshot.source as SeedManifest['vm'],
    snapshot: { uuid: snapshot.uuid, name: snapshot.name, takenAt: new Date(snapshot.takenAt).toISOString() },
    disks: disks.map(({ userdevice, uuid, name, size }) => ({ userdevice, snapshot: uuid, name, size })),
  }
}

/** What a folder has of its seed, without any pool: whether it can be imported. */
export async function lookAtSeed(folder: string): Promise<{ readonly manifest: SeedManifest; readonly complete: boolean }> {
  const manifest = await readManifest(folder)
  if (manifest === undefined) throw new Failure('SEED_FOLDER_DAMAGED', `there is no seed in ${folder}`)
  const indices = await Promise.all(manifest.disks.map((disk) => readIndex(folder, disk)))
  return { manifest, complete: indices.every(({ complete }) => complete) }
}
