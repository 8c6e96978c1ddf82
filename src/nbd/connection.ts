/** A negotiated connection: reads in flight, matched by cookie. */
import type { ExportInfo } from './handshake.ts'
import { NbdError } from './nbd-error.ts'
import { COMMAND, errnoName, REQUEST_LENGTH } from './protocol.ts'
import { encodeRequest, ReplyReader } from './transmission.ts'
import type { Wire } from './wire.ts'

export interface NbdConnection {
  /** Bytes of the export. */
  readonly size: number
  /** Transmission flags, bits of `EXPORT_FLAG`. */
  readonly flags: number
  /** Where the server is, for messages. */
  readonly address: string
  /** Reads that have not been answered. */
  readonly inFlight: number
  /** Payload received so far, also of reads that were not completed. */
  readonly bytesRead: number
  /** Whether reads can still be made. */
  readonly open: boolean
  /**
   * Bytes `[offset, offset + length)`, in fresh memory. Many reads may be made at once; they may complete in any order. Rejects with
   * NbdError: NBD_OUT_OF_RANGE, NBD_SERVER_ERROR (this read failed; the server may hang up next), or what broke the connection.
   */
  read(offset: number, length: number): Promise<Buffer>
  /** Like `read`, into the caller's memory, which must be left alone until it settles. */
  readInto(target: Uint8Array, offset: number): Promise<void>
  /**
   * Says goodbye and waits until the server has hung up (a XAPI host has detached the disk then), ten seconds at most. Reads in
   * flight are rejected; with such, the connection is cut, and a host detaches the disk some time later. Safe more than once.
   */
  close(): Promise<void>
}

/** Longest read: servers may refuse more (the protocol suggests 32 MiB as what everybody takes). */
export const MAX_READ = 32 * 1024 * 1024
/** xapi-nbd hangs up only after it has detached the disk: its end of the connection tells that the disk is free again. */
const CLOSE_WAIT_MS = 10_000

interface Read {
  readonly target: Uint8Array
  readonly offset: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Takes over a wire whose negotiation is complete. `ended` is called once, when the connection is of no use any more. */
export function openConnection(
  wire: Wire,
  info: ExportInfo,
  { maxInFlight, ended }: { readonly maxInFlight: number; readonly ended: () => void },
): NbdConnection {
  const flying = new Map<number, Read>()
  const waiting: Read[] = []
  let nextCookie = 1
  let closing: Promise<void> | undefined
  let broken: { readonly reason: unknown } | undefined

  const reader = new ReplyReader({
    target: (cookie) => flying.get(cookie)?.target,
    done: (cookie, error) => {
      const read = flying.get(cookie)
      if (read === undefined) return
      flying.delete(cookie)
      const next = waiting.shift()
      if (next !== undefined) send(next)
      if (flying.size === 0) wire.expect(false)
      if (error === 0) read.resolve()
      else read.reject(refused(error))
    },
  })

  function refused(error: number): NbdError {
    const errno = errnoName(error)
    return new NbdError('NBD_SERVER_ERROR', `the server could not read: ${errno}`, { address: wire.address, errno })
  }

  function send(read: Read): void {
    const cookie = nextCookie++
    flying.set(cookie, read)
    const request = Buffer.allocUnsafe(REQUEST_LENGTH)
    encodeRequest(request, 0, { flags: 0, command: COMMAND.read, cookie, offset: read.offset, length: read.target.length })
    wire.write(request)
  }

  function breakOff(reason: unknown): void {
    if (broken !== undefined) return
    broken = { reason }
    const lost = [...flying.values(), ...waiting]
    flying.clear()
    waiting.length = 0
    for (const read of lost) read.reject(reason)
    ended()
  }

  function readInto(target: Uint8Array, offset: number): Promise<void> {
    const { length } = target
    if (broken !== undefined) return Promise.reject(broken.reason)
    if (!Number.isSafeInteger(offset) || offset < 0 || length < 1 || length > MAX_READ || offset + length > info.size) {
      return Promise.reject(
        new NbdError('NBD_OUT_OF_RANGE', `cannot read ${length} bytes at ${offset} of an export of ${info.size} bytes`, {
          address: wire.address,
        }),
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const read: Read = { target, offset, resolve, reject }
    if (flying.size >= maxInFlight) {
      waiting.push(read)
    } else {
      send(read)
      wire.expect(true)
    }
    return promise
  }

  async function close(): Promise<void> {
    const idle = broken === undefined && flying.size === 0
    const goodbye = Buffer.allocUnsafe(REQUEST_LENGTH)
    encodeRequest(goodbye, 0, { flags: 0, command: COMMAND.disconnect, cookie: nextCookie, offset: 0, length: 0 })
    const reason = new NbdError('NBD_CLOSED', 'the connection was closed by its user', { address: wire.address })
    breakOff(reason)
    // What the server still streams is of no use to anybody: it sees a broken connection, which it has to bear anyway.
    if (!idle) wire.fail(reason)
    await wire.end(goodbye, CLOSE_WAIT_MS)
  }

  wire.stream(reader, breakOff)
  return {
    size: info.size,
    flags: info.flags,
    address: wire.address,
    get inFlight() {
      return flying.size + waiting.length
    },
    get bytesRead() {
      return reader.payloadBytes
    },
    get open() {
      return broken === undefined
    },
    async read(offset, length) {
      if (!Number.isSafeInteger(length) || length < 1 || length > MAX_READ) {
        throw new NbdError('NBD_OUT_OF_RANGE', `cannot read ${length} bytes at once`, { address: wire.address })
      }
      const target = Buffer.allocUnsafeSlow(length)
      await readInto(target, offset)
      return target
    },
    readInto,
    close() {
      closing ??= close()
      return closing
    },
  }
}
