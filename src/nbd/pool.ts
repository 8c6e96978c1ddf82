/** Several connections to one export, used as one: reads in a deep pipeline over all of them, connections replaced when they break. */
import { connectNbd } from './connect.ts'
import type { NbdConnection } from './connection.ts'
import { NbdError, type NbdErrorCode } from './nbd-error.ts'

/** Where an export is served, as `VDI.get_nbd_info` tells it: such a record can be passed as it is. */
export interface NbdServer {
  /** Name or IP address. */
  readonly address: string
  readonly port: number
  /** Holds the caller's session: never to be shown. */
  readonly exportname: string
  /** PEM of the certificate that the server presents. */
  readonly cert: string
  /** DNS name that the certificate was made for. */
  readonly subject: string
}

export interface NbdPoolOptions {
  /** The first that works is kept to; the others are for when it does not. */
  readonly candidates: readonly NbdServer[]
  /** Most connections to open; a XAPI host grants 16 to all its clients together. Default 2. */
  readonly connections?: number | undefined
  /** Reads in flight on each connection. Default 128: over a long line, small reads need many. */
  readonly depth?: number | undefined
  /** Bytes that the export must have; anything else is NBD_SIZE_MISMATCH. */
  readonly size?: number | undefined
  /** Speaks clear text: only for hosts whose administrator chose a network of purpose `insecure_nbd`. */
  readonly clearText?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** See `connectNbd`. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds until an address that does not answer at all is given up. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** How often a read is sent, and how often in a row connecting may fail, before the error is the caller's. Default 5. */
  readonly tries?: number | undefined
  /** Milliseconds before connecting again after a failure; doubles each time, up to 5 s. Default 250. */
  readonly backoffMs?: number | undefined
}

export interface NbdPool {
  /** Bytes of the export. */
  readonly size: number
  /** Connections open now. */
  readonly connections: number
  /** Payload received so far, also of reads that had to be repeated. */
  readonly bytesRead: number
  /** See `NbdConnection.read`; rejects only when trying again is of no use or has been tried often enough. */
  read(offset: number, length: number): Promise<Buffer>
  /** See `NbdConnection.readInto`. */
  readInto(target: Uint8Array, offset: number): Promise<void>
  /** Says goodbye on every connection and waits until the servers have hung up; see `NbdConnection.close`. Safe more than once. */
  close(): Promise<void>
}

const DEFAULTS = { connections: 2, depth: 128, tries: 5, backoffMs: 250 }
const MAX_BACKOFF_MS = 5_000

/** Another connection is opened when there is more to do than this many reads for each that is open. */
const BUSY = 2

/** Trying the same server again does not change these. */
const LASTING: ReadonlySet<NbdErrorCode> = new Set([
  'NBD_PROTOCOL',
  'NBD_TLS_REFUSED',
  'NBD_CERTIFICATE_MISMATCH',
  'NBD_CERTIFICATE_INVALID',
  'NBD_SIZE_MISMATCH',
  'NBD_OUT_OF_RANGE',
])
/** Error replies after which the same read may succeed. */
const PASSING_ERRNOS: ReadonlySet<string> = new Set(['EIO', 'ENOMEM', 'ESHUTDOWN'])

interface PendingRead {
  readonly target: Uint8Array
  readonly offset: number
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
  sent: number
}

interface Member {
  readonly connection: NbdConnection
  answered: boolean
  /** It gave an error: gets no more reads, because xapi-nbd hangs up after an error, and is left once what is in flight has come. */
  doomed: boolean
}

/**
 * Opens the first connection; more follow while there are reads enough for them, one after the other, because opening several
 * at once to one disk makes a XAPI host fail some with VDI_IN_USE. Fewer are fine when the server grants no more. Throws what `connectNbd` throws
 * when no candidate works, NBD_NO_SERVER when there is none, NBD_SIZE_MISMATCH.
 */
export async function openNbdPool(options: NbdPoolOptions): Promise<NbdPool> {
  const { candidates, signal } = options
  const depth = options.depth ?? DEFAULTS.depth
  const tries = options.tries ?? DEFAULTS.tries
  const backoffMs = options.backoffMs ?? DEFAULTS.backoffMs
  let limit = Math.max(1, options.connections ?? DEFAULTS.connections)
  let size = options.size
  if (candidates.length === 0) throw new NbdError('NBD_NO_SERVER', 'no NBD server offers this disk')

  const life = new AbortController()
  const abort = () => life.abort(signal?.reason)
  const members = new Set<Member>()
  const farewells = new Set<Promise<void>>()
  const useless = new Set<NbdServer>()
  const queue: PendingRead[] = []
  let preferred = 0
  let failures = 0
  let bytesGone = 0
  let opener: Promise<void> | undefined
  let dead: { readonly reason: unknown } | undefined
  let closing: Promise<void> | undefined

  async function openFrom(server: NbdServer): Promise<NbdConnection> {
    const connection = await connectNbd({
      host: server.address,
      port: server.port,
      exportName: server.exportname,
      tls: options.clearText === true ? undefined : { certificate: server.cert, servername: server.subject },
      signal: life.signal,
      timeoutMs: options.timeoutMs,
      connectTimeoutMs: options.connectTimeoutMs,
      maxInFlight: depth,
    })
    size ??= connection.size
    if (connection.size === size) return connection
    await connection.close()
    throw new NbdError('NBD_SIZE_MISMATCH', `the export has ${connection.size} bytes, not ${size}`, { address: connection.address })
  }

  /** One more connection, from the preferred candidate or else the next that works. Throws the first candidate's error. */
  async function openOne(): Promise<void> {
    let first: { readonly error: unknown } | undefined
    for (let turn = 0; turn < candidates.length; turn++) {
      const index = (preferred + turn) % candidates.length
      const server = candidates[index]
      if (server === undefined || (useless.has(server) && useless.size < candidates.length)) continue
      try {
        members.add({ connection: await openFrom(server), answered: false, doomed: false })
        preferred = index
        return
      } catch (error) {
        life.signal.throwIfAborted()
        if (lasting(error)) useless.add(server)
        // A passing failure says more than a lasting one: it is worth another try.
        if (first === undefined || (lasting(first.error) && !lasting(error))) first = { error }
      }
    }
    throw first?.error
  }

  /** Whether another connection would have something to do. */
  function wanting(): boolean {
    if (dead !== undefined || members.size >= limit) return false
    let pending = queue.length
    for (const { connection } of members) pending += connection.inFlight
    return pending > BUSY * members.size
  }

  async function openMore(): Promise<void> {
    while (wanting()) {
      try {
        if (failures > 0) await pause(Math.min(MAX_BACKOFF_MS, backoffMs * 2 ** (failures - 1)), life.signal)
        await openOne()
        pump()
      } catch (error) {
        failures++
        if (failures < tries && !lasting(error) && !life.signal.aborted) continue
        if (members.size === 0) return giveUp(error)
        // The server grants no more: go on with what there is.
        limit = members.size
      }
    }
  }

  function giveUp(reason: unknown): void {
    if (dead !== undefined) return
    dead = { reason }
    signal?.removeEventListener('abort', abort)
    for (const read of queue.splice(0)) read.reject(reason)
  }

  function pump(): void {
    while (queue.length > 0) {
      let best: Member | undefined
      for (const member of members) {
        if (!member.connection.open) leave(member)
        else if (!member.doomed && member.connection.inFlight < (best?.connection.inFlight ?? depth)) best = member
      }
      if (best === undefined) break
      const read = queue.shift()
      if (read !== undefined) send(read, best)
    }
    if (opener === undefined && wanting()) {
      opener = openMore().finally(() => {
        opener = undefined
        if (queue.length > 0) pump()
      })
    }
  }

  function leave(member: Member): void {
    if (!members.delete(member)) return
    bytesGone += member.connection.bytesRead
    // One that broke before it answered anything counts as a failure to connect.
    if (!member.answered) failures++
  }

  function send(read: PendingRead, member: Member): void {
    read.sent++
    member.connection.readInto(read.target, read.offset).then(
      () => {
        if (!member.answered) {
          member.answered = true
          failures = 0
        }
        read.resolve()
        settled(member)
      },
      (error: unknown) => {
        failed(read, member, error)
        settled(member)
      },
    )
  }

  function failed(read: PendingRead, member: Member, error: unknown): void {
    if (!member.connection.open) leave(member)
    else if (isErrorReply(error)) member.doomed = true
    if (life.signal.aborted) giveUp(life.signal.reason)
    if (dead !== undefined) read.reject(dead.reason)
    else if (read.sent >= tries || !worthRepeating(error)) read.reject(error)
    else queue.unshift(read)
  }

  function settled(member: Member): void {
    if (member.doomed && member.connection.inFlight === 0) {
      // It did answer, if only with an error: no reason to wait before the next.
      member.answered = true
      leave(member)
      const farewell: Promise<void> = member.connection.close().finally(() => farewells.delete(farewell))
      farewells.add(farewell)
    }
    pump()
  }

  function readInto(target: Uint8Array, offset: number): Promise<void> {
    if (dead !== undefined) return Promise.reject(dead.reason)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    queue.push({ target, offset, resolve, reject, sent: 0 })
    pump()
    return promise
  }

  async function close(): Promise<void> {
    const reason = new NbdError('NBD_CLOSED', 'the connections were closed by their user')
    giveUp(reason)
    const leaving = [...members].map(({ connection }) => connection.close())
    life.abort(reason)
    await Promise.all([...leaving, ...farewells, opener])
  }

  signal?.throwIfAborted()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await openFirst()
  } catch (error) {
    signal?.removeEventListener('abort', abort)
    throw error
  }

  /** A host that hangs up may be busy with an attachment that goes away: asked again. One that can't be reached is not. */
  async function openFirst(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await openOne()
      } catch (error) {
        if (!(error instanceof NbdError && error.code === 'NBD_CLOSED') || attempt >= tries) throw error
        await pause(Math.min(MAX_BACKOFF_MS, backoffMs * 2 ** (attempt - 1)), life.signal)
      }
    }
  }

  return {
    size: size ?? 0,
    get connections() {
      return [...members].filter(({ connection }) => connection.open).length
    },
    get bytesRead() {
      let sum = bytesGone
      for (const { connection } of members) sum += connection.bytesRead
      return sum
    },
    async read(offset, length) {
      if (!Number.isSafeInteger(length) || length < 1 || offset + length > (size ?? 0)) {
        throw new NbdError('NBD_OUT_OF_RANGE', `cannot read ${length} bytes at ${offset} of an export of ${size} bytes`)
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

function lasting(error: unknown): boolean {
  return !(error instanceof NbdError) || LASTING.has(error.code)
}

function isErrorReply(error: unknown): error is NbdError {
  return error instanceof NbdError && error.code === 'NBD_SERVER_ERROR'
}

function worthRepeating(error: unknown): boolean {
  if (!(error instanceof NbdError) || lasting(error)) return false
  return !isErrorReply(error) || PASSING_ERRNOS.has(error.errno ?? '')
}

/** Waits; rejects with the signal's reason. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = () => reject(signal.reason)
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', stop, { once: true })
  try {
    await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
