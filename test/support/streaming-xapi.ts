/** For tests: the streams of a client, without a pool: exports give bytes cut at random, imports are gathered. */
import { planVhd } from '../../src/vhd/plan-vhd.ts'
import { VhdStreamWriter } from '../../src/vhd/write-vhd.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { cut } from './random-disk.ts'

export interface Gathered {
  readonly format: string
  readonly chunked: boolean
  readonly length: number | undefined
  readonly parts: Buffer[]
  finished: number
  aborted: number
}

export interface StreamingXapi {
  readonly xapi: Xapi
  /** What was uploaded, in the order in which uploads began. */
  readonly imports: Gathered[]
  /** Exports that were begun, closed, and asked whether their task succeeded. */
  readonly exports: { opened: number; closed: number; finished: number; asked: { readonly format: string; readonly base?: string }[] }
}

export interface StreamingOptions {
  readonly random: (below: number) => number
  /** The bytes of an export. */
  readonly exported?: (request: { readonly format: 'raw' | 'vhd' | 'qcow2'; readonly base?: string }) => Buffer
  /** Thrown when the task of an export is asked for. */
  readonly taskError?: Error
  /** Thrown by the nth write of an upload. */
  readonly failWrite?: { readonly at: number; readonly error: Error }
  /** Answers of calls by their name. */
  readonly calls?: Readonly<Record<string, unknown>>
}

export function streamingXapi({ random, exported, taskError, failWrite, calls = {} }: StreamingOptions): StreamingXapi {
  const imports: Gathered[] = []
  const exports: StreamingXapi['exports'] = { opened: 0, closed: 0, finished: 0, asked: [] }
  const xapi: Pick<Xapi, 'call' | 'exportVdi' | 'importVdi'> = {
    async call<T>(method: string): Promise<T> {
      if (!(method in calls)) throw new Error(`${method} is not part of this test`)
      return calls[method] as T
    },
    async exportVdi({ format, base }) {
      const request = base === undefined ? { format } : { format, base }
      exports.opened++
      exports.asked.push(request)
      let closed = false
      return {
        chunks: cut(random, exported?.(request) ?? Buffer.alloc(0)),
        async finished() {
          exports.finished++
          if (taskError !== undefined) throw taskError
        },
        async close() {
          if (!closed) exports.closed++
          closed = true
        },
      }
    },
    async importVdi({ format, chunked = false, length }) {
      const upload: Gathered = { format, chunked, length, parts: [], finished: 0, aborted: 0 }
      imports.push(upload)
      let writes = 0
      return {
        get bytesSent() {
          return upload.parts.reduce((sum, part) => sum + part.length, 0)
        },
        async write(...chunks) {
          if (writes++ === failWrite?.at) throw failWrite.error
          // The memory is the caller's again once this has settled.
          for (const chunk of chunks) upload.parts.push(Buffer.from(chunk))
        },
        async finish() {
          upload.finished++
        },
        async abort() {
          upload.aborted++
        },
      }
    },
  }
  return { xapi: xapi as Xapi, imports, exports }
}

/** A VHD of a disk of `size` bytes that holds the given pieces (ascending). */
export function vhdOf(size: number, pieces: readonly (readonly [offset: number, data: Buffer])[]): Buffer {
  const writer = new VhdStreamWriter(planVhd({ size, extents: pieces.map(([offset, data]) => ({ offset, length: data.length })) }))
  return Buffer.concat([...pieces.flatMap(([offset, data]) => writer.write(offset, data)), ...writer.finish()])
}
