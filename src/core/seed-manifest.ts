/** What a folder with a seed says of itself: `seed.json`, and one index a disk. Reading is strict: it may come from anywhere. Pure. */
import type { Extent } from '../block/block.ts'

/** Each file of a disk holds what lies in one range of so many bytes. */
export const SEED_CHUNK = 64 * 1024 * 1024

export interface SeedManifest {
  readonly format: 'understudy-seed'
  readonly version: 1
  readonly createdAt: string
  /** URL of the source pool, without credentials. */
  readonly from: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly snapshot: { readonly uuid: string; readonly name: string; readonly takenAt: string }
  readonly disks: readonly SeedManifestDisk[]
}

export interface SeedManifestDisk {
  readonly userdevice: string
  /** uuid of the snapshot's disk */
  readonly snapshot: string
  readonly name: string
  readonly size: number
}

/** One file of a disk. */
export interface SeedChunk {
  /** Its range begins at `chunk * SEED_CHUNK`. */
  readonly chunk: number
  /** What it holds, in this order; everything else of its range is zero. */
  readonly extents: readonly Extent[]
  /** Bytes of the file, compressed. */
  readonly stored: number
  /** Of the file. */
  readonly sha256: string
}

export interface SeedIndex {
  readonly chunks: readonly SeedChunk[]
  /** The export ran to its end. */
  readonly complete: boolean
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A text: what is wrong with it. */
export function parseManifest(text: string): SeedManifest | string {
  const found = parseJson(text) as Partial<SeedManifest> | undefined
  if (found === undefined) return 'seed.json is not JSON'
  if (found.format !== 'understudy-seed') return 'seed.json does not say that it is a seed'
  if (found.version !== 1) return `seed.json is of version ${String(found.version)}, and this program knows version 1`
  const { vm, snapshot, disks } = found
  if (!isUuid(vm?.uuid) || !isUuid(snapshot?.uuid) || !Array.isArray(disks) || disks.length === 0)
    return 'seed.json lacks what it was made of'
  if (typeof vm.name !== 'string' || typeof snapshot.name !== 'string' || typeof snapshot.takenAt !== 'string')
    return 'seed.json lacks names'
  const devices = new Set<string>()
  for (const disk of disks as Partial<SeedManifestDisk>[]) {
    const { userdevice, snapshot: of, size, name } = disk
    // It becomes the name of a folder.
    if (typeof userdevice !== 'string' || !/^\d{1,3}$/.test(userdevice) || devices.has(userdevice))
      return 'seed.json names no position of a disk'
    if (!isUuid(of) || typeof name !== 'string' || !isSize(size)) return `seed.json lacks something of disk ${userdevice}`
    devices.add(userdevice)
  }
  return found as SeedManifest
}

/**
 * Lines of JSON, one a file that is there in full. The last line may have been broken off: its file counts as not there.
 * @param size of the disk, bytes
 */
export function parseIndex(text: string, size: number): SeedIndex | string {
  const chunks: SeedChunk[] = []
  const lines = text.split('\n')
  const whole = lines.slice(0, -1)
  for (const [at, line] of whole.entries()) {
    const found = parseJson(line) as { end?: true; chunks?: number } | undefined
    if (found === undefined) return `line ${at + 1} of the index is damaged`
    if (found.end === true) {
      if (found.chunks !== chunks.length || at !== whole.length - 1) return 'the index does not list as many files as it says'
      return { chunks, complete: true }
    }
    const chunk = readChunk(found as object, size)
    if (typeof chunk === 'string') return `line ${at + 1} of the index: ${chunk}`
    if (chunk.chunk <= (chunks.at(-1)?.chunk ?? -1)) return `line ${at + 1} of the index is out of order`
    chunks.push(chunk)
  }
  return { chunks, complete: false }
}

export const formatChunk = ({ chunk, extents, stored, sha256 }: SeedChunk): string =>
  `${JSON.stringify({ chunk, extents: extents.map(({ offset, length }) => [offset, length]), stored, sha256 })}\n`

export const formatEnd = (chunks: number): string => `${JSON.stringify({ end: true, chunks })}\n`

function readChunk(found: object, size: number): SeedChunk | string {
  const { chunk, extents, stored, sha256 } = found as { chunk?: unknown; extents?: unknown; stored?: unknown; sha256?: unknown }
  if (!Number.isSafeInteger(chunk) || (chunk as number) < 0) return 'no number of a file'
  if (!isSize(stored) || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return 'no checksum'
  if (!Array.isArray(extents) || extents.length === 0) return 'no extents'
  const from = (chunk as number) * SEED_CHUNK
  const to = Math.min(size, from + SEED_CHUNK)
  let at = from
  const read: Extent[] = []
  for (const pair of extents as unknown[]) {
    const [offset, length] = Array.isArray(pair) ? (pair as unknown[]) : []
    if (!isSize(length) || !Number.isSafeInteger(offset) || (offset as number) < at || (offset as number) + length > to) {
      return 'an extent lies outside its file, or before the one before it'
    }
    if ((offset as number) % 512 !== 0 || length % 512 !== 0) return 'an extent is no multiple of a sector'
    read.push({ offset: offset as number, length })
    at = (offset as number) + length
  }
  return { chunk: chunk as number, extents: read, stored, sha256 }
}

function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value)
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0
