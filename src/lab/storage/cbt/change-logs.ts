import { randomUUID } from 'node:crypto'
import type { DocumentStore, Value } from '../../pool.ts'
import { PAGE_SIZE, type PageCache, PagedFile } from '../chain/paged-file.ts'
import type { OpenFiles } from '../chain/sparse-file.ts'
import { backendFailure } from '../failures.ts'

/** Bytes of disk that one bit stands for. */
export const GRANULE = 64 * 1024
/** Size of the header that a log file of the original has before its bitmap (blktap include/cbt-util.h). */
const HEADER_BYTES = 48
const KIND = 'storage-cbt'

/** The change log of one VDI: what was written to it since its parent's log was closed. */
export interface ChangeLog {
  /** uuid of the VDI. */
  readonly uuid: string
  readonly sr: string
  /** Names the bitmap's file; goes from the leaf to the snapshot, files are never renamed. */
  readonly file: string
  /** uuids of the logs before and after it; empty, or of a log that is gone. */
  readonly parent: string
  readonly child: string
  /** Size of the disk in bytes. */
  readonly size: number
}

/**
 * Change logs and their lineage, after sm libs/sm/VDI.py and cbtutil.py. Bits are kept with the highest bit first, as
 * list_changed_blocks gives them.
 */
export class ChangeLogs {
  readonly #documents: DocumentStore
  readonly #folder: string
  readonly #openFiles: OpenFiles
  readonly #pages: PageCache
  readonly #logs = new Map<string, ChangeLog>()
  readonly #bitmaps = new Map<string, PagedFile>()

  constructor(documents: DocumentStore, folder: string, openFiles: OpenFiles, pages: PageCache) {
    this.#documents = documents
    this.#folder = folder
    this.#openFiles = openFiles
    this.#pages = pages
    for (const [uuid, value] of documents.entries(KIND)) this.#logs.set(uuid, { uuid, ...(value as unknown as Omit<ChangeLog, 'uuid'>) })
  }

  get(uuid: string): ChangeLog | undefined {
    return this.#logs.get(uuid)
  }

  all(): ChangeLog[] {
    return [...this.#logs.values()]
  }

  /** Bytes that the log's file would take on the original. */
  static fileSize(log: ChangeLog): number {
    return HEADER_BYTES + bitmapBytes(log.size)
  }

  enable(uuid: string, sr: string, size: number): void {
    this.#put({ uuid, sr, file: randomUUID(), parent: '', child: '', size })
  }

  /** Ends the log of a leaf; the one before it then leads nowhere. Returns the file to drop after the commit. */
  disable(uuid: string): string | undefined {
    const log = this.#logs.get(uuid)
    if (!log) return undefined
    this.#link(log.parent, { child: '' })
    this.#delete(uuid)
    return log.file
  }

  /** The leaf's log becomes the snapshot's, and the leaf starts an empty one after it. */
  snapshot(leaf: string, snapshot: string): void {
    const log = this.#logs.get(leaf)
    if (!log) return
    this.#put({ ...log, uuid: snapshot, child: leaf })
    this.#link(log.parent, { child: snapshot })
    this.#put({ uuid: leaf, sr: log.sr, file: randomUUID(), parent: snapshot, child: log.child, size: log.size })
  }

  resize(uuid: string, size: number): void {
    const log = this.#logs.get(uuid)
    if (log) this.#put({ ...log, size })
  }

  /**
   * Takes a log out of the lineage and lays its bits over its child's. The child's bits are written at once; should the commit not
   * happen, the child merely names more than changed. Returns the file to drop after the commit.
   */
  removeAndMerge(uuid: string): string | undefined {
    const log = this.#logs.get(uuid)
    if (!log) return undefined
    this.#link(log.parent, { child: log.child })
    const child = this.#logs.get(log.child)
    if (child) {
      this.#put({ ...child, parent: log.parent })
      this.#merge(log, child)
    }
    this.#delete(uuid)
    return log.file
  }

  /** Deletes a log and leaves its neighbours pointing at it, as the file driver does with a disk whose data is gone already. */
  removeOnly(uuid: string): string | undefined {
    const log = this.#logs.get(uuid)
    this.#delete(uuid)
    return log?.file
  }

  /** Marks a range as written, in the file when it returns. */
  mark(log: ChangeLog, offset: number, length: number): void {
    const bitmap = this.#bitmap(log)
    const last = Math.floor((offset + length - 1) / GRANULE)
    for (let granule = Math.floor(offset / GRANULE); granule <= last; ) {
      const page = Math.floor(granule / (PAGE_SIZE * 8))
      const bytes = bitmap.page(page)
      const limit = Math.min(last, (page + 1) * PAGE_SIZE * 8 - 1)
      let first = -1
      let end = -1
      for (; granule <= limit; granule += 1) {
        const byte = Math.floor(granule / 8) % PAGE_SIZE
        const mask = 0x80 >> (granule % 8)
        const old = bytes[byte] as number
        if ((old & mask) !== 0) continue
        bytes[byte] = old | mask
        if (first < 0) first = byte
        end = byte
      }
      if (first >= 0) bitmap.store(page, first, end + 1 - first)
    }
  }

  /**
   * Bits of what changed after `from` up to `to`, by walking from child to child. SR_BACKEND_FAILURE_460 when that way does not
   * lead there, 459 when the sizes on it do not fit.
   */
  changedBetween(from: string, to: string): Buffer {
    const unrelated = () => backendFailure(460, 'Failed to calculate changed blocks for given VDIs.', 'Source and target VDI are unrelated')
    if (from === to) throw backendFailure(460, 'Failed to calculate changed blocks for given VDIs.', 'Source and target VDI are same')
    let log = this.#logs.get(from)
    if (!log || !this.#logs.has(to)) throw unrelated()
    let merged: Buffer = Buffer.alloc(0)
    const seen = new Set<string>()
    while (log.uuid !== to) {
      const next: ChangeLog | undefined = this.#logs.get(log.child)
      if (!next || seen.has(next.uuid)) throw unrelated()
      seen.add(next.uuid)
      log = next
      const length = bitmapBytes(log.size)
      if (length < merged.length) throw backendFailure(459, 'CBT metadata is inconsistent.', 'Inconsistent bitmaps')
      const bits = this.#bitmap(log).readAll(length)
      for (let i = 0; i < merged.length; i += 1) bits[i] = (bits[i] as number) | (merged[i] as number)
      merged = bits
    }
    return merged
  }

  dropFile(file: string): void {
    const bitmap = this.#bitmaps.get(file) ?? this.#open(file)
    this.#bitmaps.delete(file)
    bitmap.remove()
  }

  #merge(from: ChangeLog, to: ChangeLog): void {
    const bits = this.#bitmap(from).readAll(bitmapBytes(from.size))
    const bitmap = this.#bitmap(to)
    for (let at = 0; at < bits.length; at += PAGE_SIZE) {
      const part = bits.subarray(at, at + PAGE_SIZE)
      if (part.every((byte) => byte === 0)) continue
      const page = bitmap.page(at / PAGE_SIZE)
      for (let i = 0; i < part.length; i += 1) page[i] = (page[i] as number) | (part[i] as number)
      bitmap.store(at / PAGE_SIZE, 0, part.length)
    }
  }

  #bitmap(log: ChangeLog): PagedFile {
    let bitmap = this.#bitmaps.get(log.file)
    if (!bitmap) {
      bitmap = this.#open(log.file)
      this.#bitmaps.set(log.file, bitmap)
    }
    return bitmap
  }

  #open(file: string): PagedFile {
    return new PagedFile(`${this.#folder}/${file}.cbt`, this.#openFiles, this.#pages)
  }

  #link(uuid: string, patch: Partial<ChangeLog>): void {
    const log = this.#logs.get(uuid)
    if (log) this.#put({ ...log, ...patch })
  }

  #put(log: ChangeLog): void {
    this.#logs.set(log.uuid, log)
    const { uuid, ...rest } = log
    this.#documents.put(KIND, uuid, rest as unknown as Value)
  }

  #delete(uuid: string): void {
    this.#logs.delete(uuid)
    this.#documents.remove(KIND, uuid)
  }
}

export function bitmapBytes(size: number): number {
  return Math.ceil(Math.ceil(size / GRANULE) / 8)
}
