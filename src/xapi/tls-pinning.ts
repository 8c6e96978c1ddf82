/**
 * Opens connections to hosts of a pool, for calls and for disk streams alike. This is the one place that decides whether a
 * peer is who it was (G10): nothing is sent on a connection before its certificate was compared. Certificates of hosts are
 * self-signed as a rule, so chains and names say nothing; the handshake proves that the peer holds the key of the certificate
 * whose fingerprint is compared. Sessions are never resumed: a resumed handshake shows no certificate.
 */
import type { X509Certificate } from 'node:crypto'
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { XapiConnectionError, XapiTrustError } from './errors.ts'
import { type Address, formatAddress } from './pool-url.ts'
import type { TrustPolicy } from './trust.ts'

export interface OpenOptions {
  readonly signal?: AbortSignal
  /** Milliseconds until connected; the time a person takes to compare a fingerprint is not counted. */
  readonly timeoutMs: number
  /** A certificate that this machine's authorities vouch for, for the name that was asked, is accepted as well: never for hosts of a pool. */
  readonly authorities?: boolean
}

export interface PinnedConnector {
  /** A connected socket to a trusted peer. Throws XapiConnectionError (always `unsent`) or XapiTrustError, or the signal's reason. */
  open(address: Address, options: OpenOptions): Promise<Socket>
  /** Accepts a certificate for an address because somebody trusted told it: the pool itself, for its other hosts. */
  vouch(address: Address, fingerprint: string): void
  /** Fingerprint accepted for an address so far; empty without TLS or before the first connection. */
  fingerprint(address: Address): string
  /** Destroys every connection, also those being opened. */
  close(): void
}

/** A server gives up a connection without a request after a while (10 s for XAPI), and nobody notices before it is used. */
const STALE_MS = 3_000

/** `staleMs`: how long a decision may take before its connection is replaced by a fresh one. */
export function pinnedConnector(trust: TrustPolicy, staleMs: number = STALE_MS): PinnedConnector {
  const accepted = new Map<string, string>()
  const sockets = new Set<Socket>()
  const closing = new AbortController()
  let turn: Promise<unknown> = Promise.resolve()

  /** One question at a time, so that a person is asked once about connections opened together. */
  function judge(where: string, fingerprint: string): Promise<void> {
    const judged = turn.then(async () => {
      if (accepted.get(where) === fingerprint) return
      const answer = await trust.check(where, fingerprint)
      if (answer === 'refused') throw new XapiTrustError(where, fingerprint)
      if (answer !== 'accepted') {
        const place = answer.where === undefined ? {} : { where: answer.where }
        throw new XapiTrustError(where, fingerprint, { expected: answer.changedFrom, ...place })
      }
      accepted.set(where, fingerprint)
    })
    turn = judged.catch(() => undefined)
    return judged
  }

  async function open(address: Address, options: OpenOptions): Promise<Socket> {
    const where = formatAddress(address)
    if (closing.signal.aborted) throw closedError(where)
    const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal
    const socket = await connected(address, { ...options, signal })
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (!address.tls) return socket
    const fingerprint = (socket as TLSSocket).getPeerX509Certificate()?.fingerprint256
    try {
      if (fingerprint === undefined || (socket as TLSSocket).isSessionReused()) {
        throw new XapiConnectionError('tls', where, 'the TLS handshake showed no certificate', { unsent: true })
      }
      if (accepted.get(where) === fingerprint) return socket
      // Verified against the authorities and the name even though a refusal is not final.
      if (options.authorities && (socket as TLSSocket).authorized) return socket
      const since = performance.now()
      await judge(where, fingerprint)
      signal.throwIfAborted()
      if (!socket.destroyed && performance.now() - since <= staleMs) return socket
    } catch (error) {
      socket.destroy()
      throw error
    }
    // A person had to compare: connect again; the certificate is accepted now.
    socket.destroy()
    return open(address, options)
  }

  return {
    open,
    vouch: (address, fingerprint) => void accepted.set(formatAddress(address), fingerprint),
    fingerprint: (address) => accepted.get(formatAddress(address)) ?? '',
    close() {
      closing.abort(closedError('connection'))
      for (const socket of sockets) socket.destroy()
    },
  }
}

export function closedError(where: string): XapiConnectionError {
  return new XapiConnectionError('closed', where, 'this client is closed', { unsent: true })
}

/** The certificate that an address shows, whether it is trusted or not; hangs up at once. Throws XapiConnectionError, or the signal's reason. */
export async function peerCertificate(
  address: Address,
  { signal = new AbortController().signal, timeoutMs = 15_000 }: Partial<OpenOptions> = {},
): Promise<X509Certificate> {
  const socket = await connected(address, { signal, timeoutMs })
  const certificate = (socket as TLSSocket).getPeerX509Certificate()
  socket.destroy()
  if (certificate) return certificate
  throw new XapiConnectionError('tls', formatAddress(address), 'the TLS handshake showed no certificate', { unsent: true })
}

/** Connects and shakes hands; nothing of HTTP has been sent when it resolves. */
function connected(address: Address, options: OpenOptions & { readonly signal: AbortSignal }): Promise<Socket> {
  const { signal, timeoutMs } = options
  const where = formatAddress(address)
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const target = { host: address.host, port: address.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }
    const socket = address.tls
      ? connectTls({
          ...target,
          // SNI takes names only. The certificate itself is compared by the caller.
          ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
          rejectUnauthorized: false,
          minVersion: 'TLSv1.2',
        })
      : connectPlain(target)
    let shaking = false
    const timer = setTimeout(() => {
      const what = shaking ? 'no TLS handshake' : 'no connection'
      fail(new XapiConnectionError('timeout', where, `${what} within ${timeoutMs / 1000} s`, { unsent: true }))
    }, timeoutMs)
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
    }
    const fail = (error: unknown) => {
      settle()
      socket.destroy()
      reject(error)
    }
    const aborted = () => fail(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    socket.once('connect', () => {
      shaking = true
    })
    const onError = (error: NodeJS.ErrnoException) => fail(connectError(where, error, shaking))
    const onEnd = () => fail(connectError(where, undefined, shaking))
    socket.once('error', onError)
    socket.once('close', onEnd)
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      settle()
      socket.off('error', onError)
      socket.off('close', onEnd)
      // Whoever uses the socket listens too; this keeps an error between two users from ending the process.
      socket.on('error', () => undefined)
      resolve(socket)
    })
  })
}

function connectError(where: string, error: NodeJS.ErrnoException | undefined, shaking: boolean): XapiConnectionError {
  const options = { cause: error, unsent: true }
  if (shaking) {
    const detail = error ? ` (${error.code ?? error.message})` : ''
    return new XapiConnectionError('tls', where, `no TLS handshake: is this the HTTPS port of a host?${detail}`, options)
  }
  switch (error?.code) {
    case 'ECONNREFUSED':
      return new XapiConnectionError('refused', where, 'connection refused: nothing listens there', options)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new XapiConnectionError('unreachable', where, 'this host name is not known', options)
    default:
      return new XapiConnectionError('unreachable', where, `can't be reached (${error?.code ?? 'closed'})`, options)
  }
}
