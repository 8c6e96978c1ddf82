/** Where the bytes of an archive go and where they come from, plain or compressed. */
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib'
import type { BulkRequest } from '../pool.ts'

export type Compression = 'gzip' | 'zstd'

/** Takes bytes in order. What `write` was given is free again when it resolves. */
export interface ByteSink {
  write(data: Buffer): Promise<void>
  /** Everything is out when this resolves. */
  end(): Promise<void>
  /** Ends it without the rest. Safe after `end`. */
  abandon(): void
}

/** Gives bytes in order: exactly as many as asked for, fewer only at the end. */
export interface ByteSource {
  read(length: number): Promise<Buffer>
  /** Nothing more will be read. */
  close(): Promise<void>
}

export function plainSink(request: BulkRequest): ByteSink {
  return { write: (data) => request.write(data), end: async () => {}, abandon: () => {} }
}

/** On a host this is a program of its own between the archive and the socket. Memory: a few pieces of the stream's. */
export function compressedSink(request: BulkRequest, compression: Compression): ByteSink {
  // The fastest level: what an archive's size is does not matter here, how long it takes does.
  const stream = compression === 'gzip' ? createGzip({ level: 1 }) : createZstdCompress()
  const sending = (async () => {
    for await (const piece of stream) await request.write(piece as Buffer)
  })()
  // Looked at by whoever writes; a failure nobody waits for must not end the process.
  sending.catch((error: unknown) => stream.destroy(error as Error))
  stream.on('error', () => {})
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        stream.write(data, (error) => (error ? reject(error) : resolve()))
      }),
    end: () => {
      stream.end()
      return sending
    },
    abandon: () => void stream.destroy(new Error('the archive was not finished')),
  }
}

/** The body as it is. */
export function plainSource(first: Buffer, request: Pick<BulkRequest, 'read'>): ByteSource {
  let waiting = first
  return {
    async read(length) {
      if (waiting.length === 0) return request.read(length)
      const got = waiting.subarray(0, length)
      waiting = waiting.subarray(got.length)
      return got.length === length ? got : Buffer.concat([got, await request.read(length - got.length)])
    },
    close: async () => {},
  }
}

const PIECE_BYTES = 64 << 10

/**
 * The decompressed body: `first` has been read of it already; `length` is that of all of it when known. Broken data counts as the
 * end of the stream, since on a host all that is seen of the program that decompresses is its output.
 */
export function decompressedSource(
  first: Buffer,
  request: Pick<BulkRequest, 'readSome'>,
  compression: Compression,
  length: number | undefined,
): ByteSource {
  const stream = compression === 'gzip' ? createGunzip() : createZstdDecompress()
  stream.on('error', () => {})
  let closed = false
  const write = (data: Buffer) => new Promise<boolean>((resolve) => stream.write(data, (error) => resolve(!error)))
  const feeding = (async () => {
    let left = length === undefined ? Number.POSITIVE_INFINITY : length - first.length
    if (!(await write(first))) return
    while (left > 0 && !closed) {
      const data = await request.readSome(Math.min(PIECE_BYTES, left))
      left -= data.length
      if (data.length === 0) break
      if (!(await write(data))) return
    }
    stream.end()
  })()
  feeding.catch((error: unknown) => stream.destroy(error as Error))
  const output = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let held: Buffer = Buffer.alloc(0)
  return {
    async read(wanted) {
      const parts: Buffer[] = []
      for (let got = 0; got < wanted; ) {
        if (held.length === 0) {
          const next = await output.next().catch(() => ({ done: true, value: undefined }) as const)
          if (next.done) break
          held = next.value as Buffer
        }
        const part = held.subarray(0, wanted - got)
        held = held.subarray(part.length)
        parts.push(part)
        got += part.length
      }
      return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    },
    async close() {
      closed = true
      stream.destroy()
    },
  }
}
