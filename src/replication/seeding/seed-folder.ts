/**
 * A seed on somebody's own medium: a folder with `seed.json`, and for each disk a folder `disk-N` of files (`00000000.zst`…, each what lies
 * in 64 MiB of the disk and is not zero, compressed by zstd) and `index.jsonl`, which tells what each file holds and its SHA-256. A file is
 * listed once it is there in full, so a broken export goes on where it stopped, whatever medium it is carried on.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import type { Block, BlockSource, Extent, ReadOptions } from '../../block/block.ts'
import { splitAt, totalLength } from '../../block/extents.ts'
import { Failure } from '../../core/failure.ts'
import {
  formatChunk,
  formatEnd,
  parseIndex,
  parseManifest,
  SEED_CHUNK,
  type SeedChunk,
  type SeedIndex,
  type SeedManifest,
  type SeedManifestDisk,
} from '../../core/seed-manifest.ts'

const MANIFEST = 'seed.json'
const NOTE = 'snapshot-name.txt'
/** Blocks that a folder gives. */
const BLOCK = 1024 * 1024

export const diskFolder = (folder: string, { userdevice }: Pick<SeedManifestDisk, 'userdevice'>): string =>
  join(folder, `disk-${userdevice}`)
const chunkFile = (folder: string, chunk: number): string => join(folder, `${String(chunk).padStart(8, '0')}.zst`)

const damaged = (text: string): Failure => new Failure('SEED_FOLDER_DAMAGED', text)

/** Undefined when the folder holds no seed. Failure SEED_FOLDER_DAMAGED. */
export async function readManifest(folder: string): Promise<SeedManifest | undefined> {
  const text = await readFile(join(folder, MANIFEST), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Failure('SEED_FOLDER_UNUSABLE', `the folder ${folder} can't be read: ${error.message}`)
  })
  if (text === undefined) return undefined
  const manifest = parseManifest(text)
  if (typeof manifest === 'string') throw damaged(manifest)
  return manifest
}

export async function writeManifest(folder: string, manifest: SeedManifest): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${MANIFEST}.part`), `${JSON.stringify(manifest, undefined, 2)}\n`)
    await rename(join(folder, `${MANIFEST}.part`), join(folder, MANIFEST))
    await rm(join(folder, NOTE), { force: true })
  } catch (error) {
    throw new Failure('SEED_FOLDER_UNUSABLE', `the folder ${folder} can't be written: ${(error as Error).message}`)
  }
}

/** What an export notes before there is a manifest: the name of the snapshot that it is about to take. */
export async function readNote(folder: string): Promise<string | undefined> {
  return await readFile(join(folder, NOTE), 'utf8').catch(() => undefined)
}

export async function writeNote(folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(() => undefined)
  await guarded(folder, writeFile(join(folder, NOTE), name, { flush: true }))
}

/** What of a disk is there. Failure SEED_FOLDER_DAMAGED. */
export async function readIndex(folder: string, disk: SeedManifestDisk): Promise<SeedIndex> {
  const text = await readFile(join(diskFolder(folder, disk), 'index.jsonl'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const index = parseIndex(text, disk.size)
  if (typeof index === 'string') throw damaged(`disk ${disk.userdevice}: ${index}`)
  return index
}

export interface DiskWriter {
  /** First byte that is not there yet: data comes from here on, ascending. */
  readonly from: number
  /** Bytes of files written, those of earlier exports included. */
  readonly stored: number
  /** The memory is the caller's again when it has settled. */
  add(offset: number, data: Buffer): Promise<void>
  /** Everything was given. */
  end(): Promise<void>
  /** Leaves what is complete; safe after `end`. */
  close(): Promise<void>
}

/** Goes on with what is there: half a file is written anew. Failure SEED_FOLDER_UNUSABLE when the medium takes no more. */
export async function openDiskWriter(folder: string, disk: SeedManifestDisk): Promise<DiskWriter> {
  const own = diskFolder(folder, disk)
  await mkdir(own, { recursive: true })
  const { chunks, complete } = await readIndex(folder, disk)
  const file = join(own, 'index.jsonl')
  // What stands after the last whole line was broken off.
  await writeFile(file, [...chunks.map(formatChunk), ...(complete ? [formatEnd(chunks.length)] : [])].join(''))
  const index = await open(file, 'a')
  let stored = chunks.reduce((sum, chunk) => sum + chunk.stored, 0)
  let count = chunks.length
  let current: OpenChunk | undefined
  const last = chunks.at(-1)

  async function finish(): Promise<void> {
    if (current === undefined) return
    const done = await guarded(folder, current.finish())
    current = undefined
    await guarded(folder, index.appendFile(formatChunk(done)))
    await guarded(folder, index.datasync())
    stored += done.stored
    count++
  }

  return {
    from: complete ? disk.size : last === undefined ? 0 : (last.chunk + 1) * SEED_CHUNK,
    get stored() {
      return stored
    },
    async add(offset, data) {
      for (const piece of splitAt([{ offset, length: data.length }], SEED_CHUNK)) {
        const chunk = Math.floor(piece.offset / SEED_CHUNK)
        if (current !== undefined && current.chunk !== chunk) await finish()
        current ??= openChunk(own, chunk)
        const start = piece.offset - offset
        await guarded(folder, current.add(piece.offset, data.subarray(start, start + piece.length)))
      }
    },
    async end() {
      if (complete) return
      await finish()
      await guarded(folder, index.appendFile(formatEnd(count)))
      await guarded(folder, index.datasync())
    },
    async close() {
      current?.abandon()
      current = undefined
      await index.close()
    },
  }
}

async function guarded<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new Failure('SEED_FOLDER_UNUSABLE', `${folder} can't be written: ${(error as Error).message}`)
  }
}

interface OpenChunk {
  readonly chunk: number
  add(offset: number, data: Buffer): Promise<void>
  finish(): Promise<SeedChunk>
  abandon(): void
}

function openChunk(folder: string, chunk: number): OpenChunk {
  const part = `${chunkFile(folder, chunk)}.part`
  const hash = createHash('sha256')
  const extents: { offset: number; length: number }[] = []
  let stored = 0
  const compressor = createZstdCompress()
  const measured = new Transform({
    transform(data: Buffer, _encoding, done) {
      hash.update(data)
      stored += data.length
      done(null, data)
    },
  })
  const file = createWriteStream(part, { flush: true })
  compressor.on('error', (error) => file.destroy(error))
  const written = finished(compressor.pipe(measured).pipe(file))
  written.catch(() => undefined)
  return {
    chunk,
    async add(offset, data) {
      const before = extents.at(-1)
      if (before !== undefined && before.offset + before.length === offset) before.length += data.length
      else extents.push({ offset, length: data.length })
      const taken = new Promise<void>((resolve, reject) => compressor.write(data, (error) => (error ? reject(error) : resolve())))
      // A medium that is full ends the file, and then nothing takes what is compressed.
      await Promise.race([taken, written.then(() => taken)])
    },
    async finish() {
      compressor.end()
      await written
      await rename(part, chunkFile(folder, chunk))
      return { chunk, extents, stored, sha256: hash.digest('hex') }
    },
    abandon() {
      compressor.destroy()
      measured.destroy()
      file.destroy()
    },
  }
}

/**
 * The blocks of a disk, ascending, from a byte on that a file begins at or that lies within one. Each file is checked before anything of
 * it is given. Failure SEED_FOLDER_DAMAGED.
 */
export function seedSource(folder: string, disk: SeedManifestDisk, index: SeedIndex, extents: readonly Extent[]): BlockSource {
  const from = extents[0]?.offset ?? disk.size
  const own = diskFolder(folder, disk)
  let bytesRead = 0
  return {
    kind: 'seed-folder',
    size: disk.size,
    expected: totalLength(extents),
    get bytesRead() {
      return bytesRead
    },
    async *blocks(options: ReadOptions): AsyncGenerator<Block> {
      for (const chunk of index.chunks) {
        if ((chunk.extents.at(-1) as Extent).offset + (chunk.extents.at(-1) as Extent).length <= from) continue
        options.signal.throwIfAborted()
        await checkFile(own, disk, chunk)
        bytesRead += chunk.stored
        yield* chunkBlocks(own, disk, chunk, from, options)
      }
    },
    close: async () => undefined,
  }
}

async function checkFile(folder: string, disk: SeedManifestDisk, chunk: SeedChunk): Promise<void> {
  const file = chunkFile(folder, chunk.chunk)
  const hash = createHash('sha256')
  try {
    for await (const data of createReadStream(file)) hash.update(data as Buffer)
  } catch (error) {
    throw damaged(`disk ${disk.userdevice}: ${file} can't be read: ${(error as Error).message}`)
  }
  if (hash.digest('hex') !== chunk.sha256) throw damaged(`disk ${disk.userdevice}: ${file} is not what was written (its checksum differs)`)
}

async function* chunkBlocks(
  folder: string,
  disk: SeedManifestDisk,
  chunk: SeedChunk,
  from: number,
  { signal, budget }: ReadOptions,
): AsyncGenerator<Block> {
  const stream = createReadStream(chunkFile(folder, chunk.chunk))
  const plain = stream.pipe(createZstdDecompress())
  stream.on('error', (error) => plain.destroy(error))
  const read = exactReader(plain)
  const wrong = (why: string) => damaged(`disk ${disk.userdevice}: file ${chunk.chunk} ${why}`)
  try {
    for (const { offset, length } of splitAt(chunk.extents, BLOCK)) {
      const release = await budget.take(length, signal)
      let given = false
      try {
        const data = await read(length)
        if (data === undefined) throw wrong('holds less than it says')
        if (offset < from) continue
        given = true
        yield { offset, data, release }
      } finally {
        if (!given) release()
      }
    }
    if ((await read(1)) !== undefined) throw wrong('holds more than it says')
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('ZSTD')) throw wrong('is no zstd file')
    throw error
  } finally {
    stream.destroy()
    plain.destroy()
  }
}

/** Reads exact lengths of a stream; undefined at its end, or when it ends before. */
function exactReader(stream: AsyncIterable<Buffer>): (length: number) => Promise<Buffer | undefined> {
  const pieces = stream[Symbol.asyncIterator]()
  let held: Buffer[] = []
  let bytes = 0
  return async (length) => {
    while (bytes < length) {
      const { value, done } = await pieces.next()
      if (done === true) return undefined
      held.push(value)
      bytes += value.length
    }
    const all = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held)
    held = all.length > length ? [all.subarray(length)] : []
    bytes -= length
    return all.subarray(0, length)
  }
}
