/** What the XAPI client throws. Codes and reasons are stable: the registry of messages for users is keyed by them. */

/** A failure that XAPI itself told, from a call or a task. `params` never hold a session reference. */
export class XapiError extends Error {
  readonly code: string
  readonly params: readonly string[]
  /** The call that failed: `VDI.create`, `Async.VM.snapshot`, `PUT /import_raw_vdi`. */
  readonly method: string

  constructor(code: string, params: readonly string[], method: string) {
    super(`${code}${params.length > 0 ? ` (${params.join(', ')})` : ''} from ${method}`)
    this.name = 'XapiError'
    this.code = code
    this.params = params
    this.method = method
  }
}

/**
 * - `unreachable`: no such host, no route, nobody answers
 * - `refused`: nothing listens there
 * - `timeout`: connected or not, it took too long
 * - `broken`: the connection ended in the middle
 * - `tls`: something listens, but the TLS handshake failed
 * - `not-xapi`: it answers, but not as XAPI would
 * - `too-large`: the answer passed the cap on its size
 * - `plain-http`: unencrypted connection to another machine
 * - `closed`: this client was closed before
 */
export type ConnectionFailure =
  | 'unreachable'
  | 'refused'
  | 'timeout'
  | 'broken'
  | 'tls'
  | 'not-xapi'
  | 'too-large'
  | 'plain-http'
  | 'closed'

/** The pool could not be talked to, or not in the end. Whether a call that was under way took place is not known. */
export class XapiConnectionError extends Error {
  readonly reason: ConnectionFailure
  /** `host:port`. */
  readonly address: string
  /** Whether the request had surely not been sent, so that repeating it is safe. */
  readonly unsent: boolean

  constructor(reason: ConnectionFailure, address: string, message: string, options: { cause?: unknown; unsent?: boolean } = {}) {
    super(`${address}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'XapiConnectionError'
    this.reason = reason
    this.address = address
    this.unsent = options.unsent ?? false
  }
}

/**
 * The certificate of a peer is not accepted; nothing was sent to it. `unknown`: never seen before; `changed`: another one
 * was accepted for this address earlier (`expected`).
 */
export class XapiTrustError extends Error {
  readonly kind: 'unknown' | 'changed'
  /** `host:port`. */
  readonly address: string
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string
  readonly expected: string | undefined

  constructor(address: string, fingerprint: string, changed?: { readonly expected: string; readonly where?: string }) {
    super(
      changed
        ? `THE CERTIFICATE OF ${address} HAS CHANGED: somebody may be in the middle, or the host was reinstalled. It was ` +
            `${changed.expected} and is now ${fingerprint}. If the change is expected, pass --trust ${fingerprint}` +
            `${changed.where ? `, or remove the line of ${address} from ${changed.where}` : ''}; otherwise do not go on`
        : `the certificate of ${address} is not known: its SHA-256 fingerprint is ${fingerprint}. Compare it with the one the host ` +
            `shows, then pass --trust ${fingerprint} or set UNDERSTUDY_TRUST`,
    )
    this.name = 'XapiTrustError'
    this.kind = changed ? 'changed' : 'unknown'
    this.address = address
    this.fingerprint = fingerprint
    this.expected = changed?.expected
  }
}

/** The file of certificates that were accepted earlier can't be read or understood, so nothing can be said about a certificate. */
export class KnownCertificatesError extends Error {
  readonly code = 'KNOWN_CERTIFICATES_UNREADABLE'
  constructor(file: string, message: string, cause?: unknown) {
    super(`${file}: ${message}`, cause === undefined ? undefined : { cause })
    this.name = 'KnownCertificatesError'
  }
}

/** Why a task or an object went away while somebody waited for it: the code XAPI itself uses. */
export function goneError(className: string, ref: string, method: string): XapiError {
  return new XapiError('HANDLE_INVALID', [className, ref], method)
}
