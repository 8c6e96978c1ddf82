import { closeSync, constants, fstatSync, openSync, readSync, statSync, unlinkSync, writeSync } from 'node:fs'

/** Keeps the number of files that are open at once below a limit; the one unused for longest is closed first. */
export class OpenFiles {
  readonly #limit: number
  readonly #open = new Set<SparseFile>()
  #clock = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  tick(): number {
    this.#clock += 1
    return this.#clock
  }

  opened(file: SparseFile): void {
    this.#open.add(file)
    while (this.#open.size > this.#limit) {
      let oldest: SparseFile | undefined
      for (const one of this.#open) if (one !== file && (oldest === undefined || one.lastUse < oldest.lastUse)) oldest = one
      if (!oldest) return
      oldest.close()
    }
  }

  closed(file: SparseFile): void {
    this.#open.delete(file)
  }

  closeAll(): void {
    for (const file of [...this.#open]) file.close()
  }
}

/**
 * A file that is made by its first write; until then, and past its end, it reads as zeroes. A write that returned is in the
 * kernel's page cache, so that it outlives the process (not a power cut: nothing here calls fsync).
 */
export class SparseFile {
  readonly path: string
  lastUse = 0
  readonly #files: OpenFiles
  #descriptor: number | undefined
  /** Known to be missing; checked once, since nobody else makes these files. */
  #missing = false

  constructor(path: string, files: OpenFiles) {
    this.path = path
    this.#files = files
  }

  /** Bytes from the start to the last one written; 0 while there is no file. */
  get length(): number {
    if (this.#descriptor !== undefined) return fstatSync(this.#descriptor).size
    if (this.#missing) return 0
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
  }

  read(offset: number, target: Buffer, at: number, length: number): void {
    const descriptor = this.#descriptorFor(false)
    let done = 0
    while (descriptor !== undefined && done < length) {
      const got = readSync(descriptor, target, at + done, length - done, offset + done)
      if (got === 0) break
      done += got
    }
    if (done < length) target.fill(0, at + done, at + length)
  }

  write(offset: number, source: Buffer, at: number, length: number): void {
    const descriptor = this.#descriptorFor(true) as number
    let done = 0
    while (done < length) done += writeSync(descriptor, source, at + done, length - done, offset + done)
  }

  close(): void {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
    this.#files.closed(this)
  }

  /** Closes and removes the file; no error when there was none. */
  remove(): void {
    this.close()
    try {
      unlinkSync(this.path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    this.#missing = true
  }

  #descriptorFor(writing: boolean): number | undefined {
    this.lastUse = this.#files.tick()
    if (this.#descriptor !== undefined) return this.#descriptor
    if (this.#missing && !writing) return undefined
    try {
      this.#descriptor = openSync(this.path, constants.O_RDWR | (writing ? constants.O_CREAT : 0), 0o600)
    } catch (error) {
      if (writing || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      this.#missing = true
      return undefined
    }
    this.#missing = false
    this.#files.opened(this)
    return this.#descriptor
  }
}
