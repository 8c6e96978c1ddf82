/** Opens a connection to one export: negotiation as xapi-nbd offers it, which every other NBD server offers as well. */
import { type NbdConnection, openConnection } from './connection.ts'
import {
  decodeExportInfo,
  decodeGreeting,
  decodeOptionReplyHeader,
  type ExportInfo,
  encodeClientFlags,
  encodeExportName,
  encodeOption,
} from './handshake.ts'
import { NbdError } from './nbd-error.ts'
import {
  EXPORT_PADDING,
  FLAG_FIXED_NEWSTYLE,
  FLAG_NO_ZEROES,
  GREETING_LENGTH,
  OPTION,
  OPTION_REPLY,
  OPTION_REPLY_HEADER_LENGTH,
} from './protocol.ts'
import { certificateDigest, type NbdAddress, Wire } from './wire.ts'

export interface TlsPin {
  /** PEM of the one certificate that the server has to present (the first, when there are several). */
  readonly certificate: string
  /** Name to ask for; addresses are left out, as TLS wants it. */
  readonly servername?: string | undefined
}

export type ConnectOptions = NbdAddress & {
  readonly exportName: string
  /** Asks for STARTTLS; without it everything is clear text. */
  readonly tls?: TlsPin | undefined
  /** Breaks the connection whenever it aborts, also later; what is pending rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Milliseconds without a byte from the server, while one is due, after which the connection is given up. Attaching a disk on a
   * host takes seconds before the export's size comes. Default 60,000.
   */
  readonly timeoutMs?: number | undefined
  /** Milliseconds until an address that does not answer at all is given up. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Requests in flight at once; more wait in line. Default 32. */
  readonly maxInFlight?: number | undefined
}

const DEFAULT_TIMEOUT_MS = 60_000
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
const DEFAULT_MAX_IN_FLIGHT = 32

/**
 * Connects to an export. Throws NbdError: NBD_CONNECT_FAILED, NBD_CLOSED (a XAPI host refuses a dead session, an unknown disk and a
 * connection too many in this way), NBD_TIMEOUT, NBD_PROTOCOL, NBD_TLS_REFUSED, NBD_TLS_FAILED, NBD_CERTIFICATE_MISMATCH,
 * NBD_CERTIFICATE_INVALID; the signal's reason when it aborts.
 */
export async function connectNbd(options: ConnectOptions): Promise<NbdConnection> {
  const { signal, tls } = options
  signal?.throwIfAborted()
  const digest = tls === undefined ? undefined : certificateDigest(tls.certificate)
  const name = encodeExportName(options.exportName)
  const wire = new Wire(options, { direct: tls === undefined, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS })
  const abort = () => wire.fail(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await wire.connected(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS)
    const noZeroes = await greet(wire)
    if (digest !== undefined) {
      await agreeOnTls(wire)
      await wire.secure({ digest, servername: tls?.servername })
    }
    const info = await chooseExport(wire, name, noZeroes)
    return openConnection(wire, info, {
      maxInFlight: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
      ended: () => signal?.removeEventListener('abort', abort),
    })
  } catch (error) {
    signal?.removeEventListener('abort', abort)
    throw wire.fail(
      error instanceof NbdError && error.address === undefined ? new NbdError(error.code, error.message, { address: wire.address }) : error,
    )
  }
}

/** Reads the greeting, answers it; returns whether the zeroes after the export's description are left out. */
async function greet(wire: Wire): Promise<boolean> {
  const flags = decodeGreeting(await wire.take(GREETING_LENGTH))
  if ((flags & FLAG_FIXED_NEWSTYLE) === 0) throw new NbdError('NBD_PROTOCOL', 'the server lacks the fixed newstyle negotiation')
  const noZeroes = (flags & FLAG_NO_ZEROES) !== 0
  wire.write(encodeClientFlags(FLAG_FIXED_NEWSTYLE | (noZeroes ? FLAG_NO_ZEROES : 0)))
  return noZeroes
}

async function agreeOnTls(wire: Wire): Promise<void> {
  wire.write(encodeOption(OPTION.starttls))
  const { reply, length } = decodeOptionReplyHeader(await wire.take(OPTION_REPLY_HEADER_LENGTH), OPTION.starttls)
  if (length > 0) await wire.take(length)
  if (reply === OPTION_REPLY.ack) return
  throw new NbdError('NBD_TLS_REFUSED', 'the server does not offer TLS')
}

/**
 * Asks with EXPORT_NAME: the only way xapi-nbd knows, and others keep it for older clients. It has no error reply: a server that
 * refuses hangs up.
 */
async function chooseExport(wire: Wire, name: Buffer, noZeroes: boolean): Promise<ExportInfo> {
  wire.write(encodeOption(OPTION.exportName, name))
  const info = decodeExportInfo(await wire.take(10))
  if (!noZeroes) await wire.take(EXPORT_PADDING)
  return info
}
