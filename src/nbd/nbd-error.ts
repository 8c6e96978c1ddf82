/** Codes of `NbdError`; stable, so that callers and documentation can name them. */
export type NbdErrorCode =
  /** The address could not be reached. */
  | 'NBD_CONNECT_FAILED'
  /** The server closed the connection, or the network did. */
  | 'NBD_CLOSED'
  /** Nothing came for as long as the caller was willing to wait. */
  | 'NBD_TIMEOUT'
  /** The server broke the protocol. */
  | 'NBD_PROTOCOL'
  /** The server does not offer TLS, and the caller asked for it. */
  | 'NBD_TLS_REFUSED'
  /** The TLS handshake failed. */
  | 'NBD_TLS_FAILED'
  /** The server presented another certificate than the pinned one. */
  | 'NBD_CERTIFICATE_MISMATCH'
  /** The certificate to pin is not a PEM certificate. */
  | 'NBD_CERTIFICATE_INVALID'
  /** The export has another size than it should have. */
  | 'NBD_SIZE_MISMATCH'
  /** The server answered a request with an error number (`errno`). */
  | 'NBD_SERVER_ERROR'
  /** The caller asked for bytes outside the export, or for too many at once. */
  | 'NBD_OUT_OF_RANGE'
  /** No server was named. */
  | 'NBD_NO_SERVER'
  /** The servers speak clear text only, and the caller has not allowed that. */
  | 'NBD_INSECURE'
  /** Not an NBD URI, or one of a kind that is not supported. */
  | 'NBD_URI_INVALID'
  /** The list of extents to read is not ascending, not aligned or outside the disk. */
  | 'NBD_EXTENTS_INVALID'

export interface NbdErrorDetails {
  /** Where the server is: `host:port` or the path of a socket. */
  readonly address?: string
  /** Name of the error number of a reply: `EIO`, `EINVAL`… */
  readonly errno?: string
  readonly cause?: unknown
}

/**
 * What went wrong with an NBD server. Messages never hold an export's name: on XAPI hosts it carries the caller's session.
 */
export class NbdError extends Error {
  readonly code: NbdErrorCode
  readonly address: string | undefined
  readonly errno: string | undefined

  constructor(code: NbdErrorCode, message: string, details: NbdErrorDetails = {}) {
    super(
      details.address === undefined ? message : `${message} (NBD server ${details.address})`,
      details.cause === undefined ? undefined : { cause: details.cause },
    )
    this.name = 'NbdError'
    this.code = code
    this.address = details.address
    this.errno = details.errno
  }
}
