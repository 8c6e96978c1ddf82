/** HTTP connections with a tap between the bytes and who reads and writes them. */
import type { Connection } from '../http/connection.ts'
import type { BulkRequest } from '../pool.ts'
import type { StreamTap, TappedStream } from './stream-tap.ts'

type MakeTap = (stream: TappedStream) => StreamTap

function streamOf(wire: Connection): TappedStream {
  return { cut: () => wire.cut(), end: () => wire.end(), ended: wire.ended }
}

/** The connection for the time of one call. */
export function tappedConnection(wire: Connection, make: MakeTap): { wire: Connection; stream: TappedStream } {
  const stream = streamOf(wire)
  const tap = make(stream)
  const tapped: Connection = {
    read: (length) => tap.read(length, (wanted) => wire.read(wanted)),
    readSome: (length) => tap.readSome(length, (wanted) => wire.readSome(wanted)),
    write: (data) => tap.write(typeof data === 'string' ? Buffer.from(data) : data, (piece) => wire.write(piece)),
    readHeader: (options) => wire.readHeader(options),
    end: () => wire.end(),
    cut: () => wire.cut(),
    destroy: () => wire.destroy(),
    ended: wire.ended,
    get gone() {
      return wire.gone
    },
  }
  return { wire: tapped, stream }
}

/** The request with its body and its reply counted. */
export function tappedBulk(request: BulkRequest, wire: Connection, make: MakeTap): BulkRequest {
  const tap = make(streamOf(wire))
  return {
    method: request.method,
    path: request.path,
    query: request.query,
    headers: request.headers,
    version: request.version,
    ...(request.host === undefined ? {} : { host: request.host }),
    parameter: (name) => request.parameter(name),
    read: (length) => tap.read(length, (wanted) => request.read(wanted)),
    readSome: (length) => tap.readSome(length, (wanted) => request.readSome(wanted)),
    write: (data) => tap.write(typeof data === 'string' ? Buffer.from(data) : data, (piece) => request.write(piece)),
    get gone() {
      return request.gone
    },
  }
}
