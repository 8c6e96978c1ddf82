/**
 * Verifies a restore point on demand: reads it back, and compares it with what is left to compare with. That is the source snapshot while
 * the source still has its data, and the digest that a run with full verification left on the restore point's disks. Where neither is
 * there, it proves that the disk can be read, and says that this is all.
 */
import type { ByteBudget, Extent } from '../../block/block.ts'
import { createContentDigest, DIGEST_GRANULE } from '../../block/content-digest.ts'
import { clamp, extentsOfBitmap, normalise, splitAt, totalLength } from '../../block/extents.ts'
import { dataRuns } from '../../block/zeroes.ts'
import { NbdError } from '../../nbd/nbd-error.ts'
import { VhdError } from '../../vhd/error.ts'
import { XapiConnectionError, XapiError } from '../../xapi/errors.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { decodeChangedBlocks } from '../block-source.ts'
import { whenDetached } from '../destroy.ts'
import { findByUuid, type PoolView } from '../pool-view.ts'
import { sampler } from '../sent-record.ts'
import { allocated, readOrdered, SAMPLES } from '../verify.ts'
import type { FoundPoint, PointDisk } from './find-point.ts'
import { HEAD_BYTES, type Looks, looksBootable } from './looks-bootable.ts'

export type ProofMode = 'sample' | 'changed' | 'full'
export const PROOF_MODES: readonly ProofMode[] = ['sample', 'changed', 'full']

export interface DiskProof {
  readonly userdevice: string
  readonly uuid: string
  readonly name: string
  readonly size: number
  /** `equal`: compared, and the same. `readable`: nothing was there to compare with. */
  readonly outcome: 'equal' | 'readable' | 'differs' | 'unreadable'
  /** What was read of it; `changed` becomes `full` where the changes can't be listed. */
  readonly mode: ProofMode
  /** What it was compared with. */
  readonly against: readonly ('source-snapshot' | 'digest')[]
  readonly bytesRead: number
  readonly proven: string
  readonly notProven: string | undefined
  readonly looks: Looks | undefined
  readonly seconds: number
}

export interface PointProof {
  /** Nothing differs, nothing is missing, everything asked for could be read. */
  readonly ok: boolean
  readonly summary: string
  readonly mode: ProofMode
  readonly restorePoint: { readonly uuid: string; readonly name: string; readonly takenAt: string; readonly complete: boolean }
  readonly job: string
  readonly vm: string
  readonly sr: string
  readonly disks: readonly DiskProof[]
  /** `gone`: the restore point was made with memory, which is no longer there. Absent: it was made without. */
  readonly memory?: DiskProof | 'gone'
  readonly notes: readonly string[]
  readonly seconds: number
}

export interface ProofOptions {
  readonly target: Xapi
  readonly source: { readonly xapi: Xapi; readonly view: PoolView } | undefined
  readonly mode: ProofMode
  readonly signal: AbortSignal
  readonly budget: ByteBudget
  readonly onProgress?: (disk: PointDisk, bytesDone: number, bytesExpected: number) => void
}

/** Disks one after the other. Throws only the signal's reason, and what is a mistake of ours. */
export async function provePoint(found: FoundPoint, options: ProofOptions): Promise<PointProof> {
  const started = performance.now()
  const disks: DiskProof[] = []
  for (const disk of found.disks) {
    options.signal.throwIfAborted()
    disks.push(await proveDisk(disk, options))
  }
  options.signal.throwIfAborted()
  const memory = found.memory === undefined || found.memory === 'gone' ? found.memory : await proveMemory(found.memory, options)
  const { uuid, name, takenAt, complete } = found.point
  const notes = [
    ...(complete ? [] : ['the restore point is not complete: it lacks disks or marks that its run promised']),
    ...(options.source === undefined ? ['the source was not looked at (--from was not given)'] : []),
    ...bootNotes(found, disks),
    ...(memory === 'gone' ? ['its run carried the memory of the VM, and the disk that held it is no longer there'] : []),
  ]
  return {
    ok: complete && memory !== 'gone' && [...disks, ...(memory ? [memory] : [])].every(isWell),
    summary: summarise(complete, disks, memory),
    mode: options.mode,
    restorePoint: { uuid, name, takenAt: new Date(takenAt).toISOString(), complete },
    ...found.chain,
    disks,
    ...(memory === undefined ? {} : { memory }),
    notes,
    seconds: (performance.now() - started) / 1000,
  }
}

const isWell = ({ outcome }: DiskProof) => outcome === 'equal' || outcome === 'readable'

/** All of it is what its run sent. What it begins with is for hosts to read (ocaml/xenopsd/lib/suspend_image.ml), no file system. */
async function proveMemory(memory: PointDisk, options: ProofOptions): Promise<DiskProof> {
  const mode = options.mode === 'changed' ? 'full' : options.mode
  return { ...(await proveDisk(memory, { ...options, mode })), looks: undefined }
}

interface SourceDisk {
  readonly ref: Ref<'VDI'>
  readonly size: number
}

/** The disk of the source snapshot, while it has its data; a text: why there is none to compare with. */
function sourceDisk({ copyOf, nowhereElse }: PointDisk, source: ProofOptions['source']): SourceDisk | string {
  if (nowhereElse !== undefined) return nowhereElse
  if (source === undefined) return 'the source was not looked at'
  const [ref, record] = (copyOf === undefined ? undefined : findByUuid(source.view.VDI, copyOf)) ?? []
  if (ref === undefined || record === undefined) return 'the source snapshot is gone'
  if (record.type === 'cbt_metadata') return 'of the source snapshot only the record of changes is left'
  return { ref, size: record.virtual_size }
}

async function proveDisk(disk: PointDisk, options: ProofOptions): Promise<DiskProof> {
  const started = performance.now()
  const { userdevice, uuid, name, size } = disk
  const common = { userdevice, uuid, name, size }
  try {
    return { ...common, ...(await compare(disk, options)), seconds: (performance.now() - started) / 1000 }
  } catch (error) {
    options.signal.throwIfAborted()
    const known =
      error instanceof XapiError || error instanceof NbdError || error instanceof VhdError || error instanceof XapiConnectionError
    if (!known && !(error instanceof ShortRead)) throw error
    return {
      ...common,
      outcome: 'unreadable',
      mode: options.mode,
      against: [],
      bytesRead: 0,
      proven: 'nothing',
      notProven: `reading failed: ${error.message}`,
      looks: undefined,
      seconds: (performance.now() - started) / 1000,
    }
  }
}

class ShortRead extends Error {}

type Compared = Omit<DiskProof, 'userdevice' | 'uuid' | 'name' | 'size' | 'seconds'>

async function compare(disk: PointDisk, options: ProofOptions): Promise<Compared> {
  const { target, source, mode } = options
  const from = sourceDisk(disk, source)
  // The source's size, where it is known: storage may round the copy's up, and what is behind is nobody's.
  const size = typeof from === 'string' ? Math.min(disk.size, disk.digest?.size ?? disk.size) : from.size
  if (size > disk.size || (disk.digest !== undefined && disk.digest.size > disk.size)) {
    const notProven = `it has ${disk.size} bytes, its source ${Math.max(size, disk.digest?.size ?? 0)}`
    return { outcome: 'differs', mode, against: [], bytesRead: 0, proven: 'nothing', notProven, looks: undefined }
  }
  const choice = await chooseExtents(disk, size, from, options)
  const { extents, whole } = choice
  const comparesSource = typeof from !== 'string' && source !== undefined
  const expected = totalLength(extents.target) + (comparesSource ? totalLength(extents.source) : 0)
  const done = { target: 0, source: 0 }
  const progress = (side: 'target' | 'source', bytes: number) => {
    done[side] += bytes
    options.onProgress?.(disk, done.target + done.source, expected)
  }
  const head = Buffer.alloc(Math.min(HEAD_BYTES, size))
  const [here, there] = await Promise.all([
    digestOf(options, target, disk, extents.target, (bytes) => progress('target', bytes), head),
    comparesSource ? digestOf(options, source.xapi, from, extents.source, (bytes) => progress('source', bytes)) : undefined,
  ])
  const bytesRead = done.target
  const looks = looksBootable(head, disk.size)
  const result = { mode: choice.mode, bytesRead, looks }
  const what = whole ? (disk.nowhereElse === undefined ? 'the whole disk' : 'all of it') : choice.what
  const against: Compared['against'][number][] = []
  if (there !== undefined) {
    against.push('source-snapshot')
    if (there.hex() !== here.hex()) {
      const near = here.firstDifference(there)
      const place = near === undefined ? '' : `, first in the 64 MiB from byte ${near}`
      return { ...result, outcome: 'differs', against, proven: 'nothing', notProven: `it differs from the source snapshot${place}` }
    }
  }
  if (whole && disk.digest !== undefined) {
    against.push('digest')
    if (disk.digest.content !== here.hex() || disk.digest.bytes !== here.bytes) {
      const notProven = `it is not ${digestSays(disk)}: the digest recorded then is another`
      return { ...result, outcome: 'differs', against, proven: 'nothing', notProven }
    }
  }
  const reasons = [
    typeof from === 'string' ? from : undefined,
    whole && disk.digest === undefined
      ? `its run left no digest${disk.nowhereElse === undefined ? ' (--verify full does)' : ''}`
      : undefined,
  ]
  if (against.length === 0) {
    const hint = !whole && disk.digest !== undefined ? '; --mode full compares with the digest of its run' : ''
    const notProven = `that its bytes are the source's: ${reasons.filter((reason) => reason !== undefined).join(', and ')}${hint}`
    return { ...result, outcome: 'readable', against, proven: `${what} can be read`, notProven }
  }
  const withWhat = against.map((each) => (each === 'digest' ? digestSays(disk) : 'the source snapshot')).join(' and to ')
  const notProven = [whole ? undefined : 'what was not read', choice.note].filter((text) => text !== undefined).join('; ')
  return {
    ...result,
    outcome: 'equal',
    against,
    proven: `${what} is equal to ${withWhat}`,
    notProven: notProven === '' ? undefined : notProven,
  }
}

const digestSays = ({ digest }: PointDisk): string =>
  digest?.sha256 === undefined ? 'what its run read of the source and sent' : 'what its run proved equal to the source'

interface Choice {
  readonly mode: ProofMode
  readonly whole: boolean
  readonly what: string
  readonly note?: string
  readonly extents: { readonly target: readonly Extent[]; readonly source: readonly Extent[] }
}

/** What is read of each side. Of the whole disk, each side by its own account: what is allocated nowhere is zero. */
async function chooseExtents(disk: PointDisk, size: number, from: SourceDisk | string, options: ProofOptions): Promise<Choice> {
  const { target, source, mode } = options
  const changed = mode === 'changed' ? await changedExtents(disk, size, options) : undefined
  const start = { offset: 0, length: Math.min(HEAD_BYTES, size) }
  if (Array.isArray(changed)) {
    const extents = normalise([...changed, start])
    const what = `what changed since the restore point before (${changed.length === 0 ? 'nothing' : `${totalLength(changed)} bytes`}), and the beginning,`
    return { mode, whole: false, what, extents: { target: extents, source: extents } }
  }
  const here = clamp(await allocated(options, target, disk), size)
  const there = typeof from === 'string' || source === undefined ? [] : clamp(await allocated(options, source.xapi, from), size)
  if (mode === 'sample') {
    const granules = [...splitAt(normalise([...here, ...there]), DIGEST_GRANULE)]
    const chosen = sampler(granules.length, SAMPLES, disk.uuid)
    const extents = normalise([...granules.filter((_, nth) => chosen(nth)), start])
    return { mode, whole: false, what: `a sample of ${totalLength(extents)} bytes`, extents: { target: extents, source: extents } }
  }
  const extents = { target: normalise([...here, start]), source: there }
  return { mode: 'full', whole: true, what: 'the whole disk', extents, ...(typeof changed === 'string' ? { note: changed } : {}) }
}

/** What the run of this restore point changed on the replica, by the target's change tracking; a text: why that can't be told. */
async function changedExtents(disk: PointDisk, size: number, { target, signal }: ProofOptions): Promise<Extent[] | string> {
  if (disk.before === undefined) return 'there is no restore point before this one with the same disk, so the whole disk was read'
  const list = () => target.callAsync('VDI.list_changed_blocks', [disk.before, disk.ref], { signal, timeoutMs: LIST_TIMEOUT_MS })
  try {
    const bitmap = decodeChangedBlocks(String(await whenDetached(target, disk.ref, signal, list)), disk.size)
    return clamp(extentsOfBitmap(bitmap, DIGEST_GRANULE, disk.size), size)
  } catch (error) {
    if (!(error instanceof XapiError)) throw error
    return `the changes can't be listed (${error.code}), so the whole disk was read`
  }
}

const LIST_TIMEOUT_MS = 300_000

/** Digest of all granules in the extents that are not zero; the disk's beginning is copied out on the way. */
async function digestOf(
  options: ProofOptions,
  xapi: Xapi,
  disk: { readonly ref: Ref<'VDI'>; readonly size: number },
  extents: readonly Extent[],
  onBytes: (bytes: number) => void,
  head?: Buffer,
) {
  const digest = createContentDigest()
  let got = 0
  await readOrdered(options, xapi, disk, extents, (offset, data) => {
    if (head !== undefined && offset < head.length) data.copy(head, offset, 0, Math.min(data.length, head.length - offset))
    for (const run of dataRuns(offset, data, DIGEST_GRANULE)) digest.add(run.offset, run.data)
    got += data.length
    onBytes(data.length)
  })
  const wanted = totalLength(extents)
  if (got !== wanted) throw new ShortRead(`${got} bytes came instead of ${wanted}`)
  return digest
}

function bootNotes({ disks, record }: FoundPoint, proofs: readonly DiskProof[]): string[] {
  const notes: string[] = []
  for (const [nth, disk] of disks.entries()) {
    const looks = proofs[nth]?.looks
    if (!disk.bootable || looks === undefined) continue
    if (looks.kind === 'blank' || looks.kind === 'broken' || looks.kind === 'unknown') {
      notes.push(`disk ${disk.userdevice}, from which the VM boots, does not look bootable: ${looks.text}`)
    } else if (!looks.boot) notes.push(`disk ${disk.userdevice}: no boot loader seen at its beginning`)
  }
  if (disks.length === 0) notes.push('the restore point has no disks')
  if (record.HVM_boot_params.firmware === 'uefi' && !proofs.some(({ looks }) => looks?.text.includes('EFI system partition'))) {
    notes.push('the VM boots by UEFI, and no EFI system partition was seen')
  }
  return notes
}

function summarise(complete: boolean, disks: readonly DiskProof[], memory: PointProof['memory']): string {
  const [ofDisks, ofMemory] = [summariseDisks(complete, disks), summariseMemory(memory)]
  return ofMemory === undefined ? ofDisks : `${ofMemory} ${ofDisks}`
}

/** What keeps a clone from going on with it comes before what is said of the disks, which may be whole. */
function summariseMemory(memory: PointProof['memory']): string | undefined {
  if (memory === undefined) return undefined
  if (memory === 'gone') return 'The memory of the restore point is gone: its clones can only start afresh.'
  if (memory.outcome === 'equal') return undefined
  if (memory.outcome === 'readable') return 'The memory can be read; it was not compared.'
  return `The memory is not ${memory.outcome === 'differs' ? 'what the source’s was' : 'readable'}: let no clone go on with it.`
}

function summariseDisks(complete: boolean, disks: readonly DiskProof[]): string {
  const count = (outcome: DiskProof['outcome']) => disks.filter((disk) => disk.outcome === outcome).length
  const [differing, unreadable, readable] = [count('differs'), count('unreadable'), count('readable')]
  if (differing > 0) return `${counted(differing)} not what the source was: do not rely on this restore point.`
  if (unreadable > 0) return `${counted(unreadable)} not readable: do not rely on this restore point.`
  if (!complete) return 'The restore point is not complete: do not rely on it.'
  if (readable === 0 && disks.every(({ notProven }) => notProven === undefined))
    return 'The restore point is what the source was, byte for byte.'
  if (readable === 0) return 'What was read of the restore point is what the source was.'
  if (readable === disks.length) return 'The restore point can be read; there was nothing left to compare it with.'
  return `The restore point can be read; ${counted(readable)} not compared, for nothing was left to compare with.`
}

const counted = (count: number) => (count === 1 ? 'One disk is' : `${count} disks are`)
