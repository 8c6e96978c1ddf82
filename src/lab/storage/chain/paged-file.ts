import { type OpenFiles, SparseFile } from './sparse-file.ts'

export const PAGE_SIZE = 4096
const SCRATCH = Buffer.alloc(PAGE_SIZE)

export interface Page {
  readonly file: PagedFile
  readonly index: number
  readonly bytes: Buffer
  used: boolean
}

/** Pages of all paged files, at most `limit` of them in memory; the ones not looked at lately go first (clock algorithm). */
export class PageCache {
  readonly #limit: number
  readonly #pages: Page[] = []
  #hand = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#pages.length
  }

  /** Room for one more page: a fresh one, or the memory of one that is thrown out. */
  admit(file: PagedFile, index: number): Page {
    if (this.#pages.length < this.#limit) {
      const page = { file, index, bytes: Buffer.allocUnsafeSlow(PAGE_SIZE), used: true }
      this.#pages.push(page)
      return page
    }
    for (;;) {
      if (this.#hand >= this.#pages.length) this.#hand = 0
      const old = this.#pages[this.#hand] as Page
      if (old.used) {
        old.used = false
        this.#hand += 1
        continue
      }
      old.file.evicted(old)
      const page = { file, index, bytes: old.bytes, used: true }
      this.#pages[this.#hand] = page
      this.#hand += 1
      return page
    }
  }

  forget(file: PagedFile): void {
    for (let i = this.#pages.length - 1; i >= 0; i -= 1) {
      if (this.#pages[i]?.file !== file) continue
      const last = this.#pages.pop() as Page
      if (i < this.#pages.length) this.#pages[i] = last
    }
  }
}

/**
 * A sparse file read through the page cache and written through it: what `store` was called for is in the file when it
 * returns. A page that is given out may only be used until the next call on any paged file.
 */
export class PagedFile {
  readonly #file: SparseFile
  readonly #cache: PageCache
  readonly #pages = new Map<number, Page>()

  constructor(path: string, files: OpenFiles, cache: PageCache) {
    this.#file = new SparseFile(path, files)
    this.#cache = cache
  }

  get length(): number {
    return this.#file.length
  }

  page(index: number): Buffer {
    const found = this.#pages.get(index)
    if (found) {
      found.used = true
      return found.bytes
    }
    const page = this.#cache.admit(this, index)
    this.#file.read(index * PAGE_SIZE, page.bytes, 0, PAGE_SIZE)
    this.#pages.set(index, page)
    return page.bytes
  }

  /** Like `page`, without taking memory of the cache for it: for scans. */
  glance(index: number): Buffer {
    const found = this.#pages.get(index)
    if (found) return found.bytes
    this.#file.read(index * PAGE_SIZE, SCRATCH, 0, PAGE_SIZE)
    return SCRATCH
  }

  /** Writes `length` bytes of a page, from `at`, to the file. Within one page, so that a killed process leaves all or nothing of it. */
  store(index: number, at: number, length: number): void {
    const page = this.#pages.get(index)
    if (!page) throw new Error('a page must be held to be stored')
    this.#file.write(index * PAGE_SIZE + at, page.bytes, at, length)
  }

  /** The first `length` bytes, past the cache (long scans would throw everything else out). */
  readAll(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    const held = Math.min(length, this.#file.length)
    if (held > 0) this.#file.read(0, bytes, 0, held)
    return bytes
  }

  evicted(page: Page): void {
    if (this.#pages.get(page.index) === page) this.#pages.delete(page.index)
  }

  remove(): void {
    this.#cache.forget(this)
    this.#pages.clear()
    this.#file.remove()
  }
}
