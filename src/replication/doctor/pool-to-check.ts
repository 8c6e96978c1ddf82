/** Everything the doctor needs to talk to a pool, from its URL's parts and whom to trust. */
import { once } from 'node:events'
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { connectXapi } from '../../xapi/connect.ts'
import { XapiConnectionError } from '../../xapi/errors.ts'
import type { ExplainedTrust } from '../../xapi/explained-trust.ts'
import { type Address, formatAddress, type PoolLogin, parseAddress } from '../../xapi/pool-url.ts'
import { pinnedConnector } from '../../xapi/tls-pinning.ts'
import type { PoolToCheck, SideName } from './bench.ts'

const TIMEOUT_MS = 15_000
const MAX_STATUS_LINE = 4096

export function poolToCheck(
  side: SideName,
  login: PoolLogin,
  { trust, loginTimeoutMs }: { readonly trust: ExplainedTrust; readonly loginTimeoutMs?: number },
  wanted: { readonly sr: string | undefined; readonly vm: string | undefined },
): PoolToCheck {
  const address = parseAddress(login.url)
  return {
    side,
    login,
    ...wanted,
    acceptedBy: () => trust.acceptedBy(formatAddress(address)),
    connect: (signal) => connectXapi({ ...login, trust, signal, ...(loginTimeoutMs === undefined ? {} : { loginTimeoutMs }) }),
    async probe(signal) {
      const connector = pinnedConnector(trust)
      try {
        // This one asks whom to trust, and explains what goes wrong; the certificate's dates are read from a second connection.
        await connector.open(address, { signal, timeoutMs: TIMEOUT_MS })
        if (!address.tls) return { fingerprint: '', validTo: new Date(Number.NaN), protocol: 'no TLS' }
        const shown = await showCertificate(address, signal)
        if (shown.fingerprint === connector.fingerprint(address)) return shown
        throw new XapiConnectionError('tls', formatAddress(address), 'two connections showed different certificates')
      } finally {
        connector.close()
      }
    },
    async sendHead(bytes, signal) {
      const connector = pinnedConnector(trust)
      try {
        const socket = await connector.open(address, { signal, timeoutMs: TIMEOUT_MS })
        const lines = (filler: string) =>
          `GET / HTTP/1.1\r\nHost: ${formatAddress(address)}\r\nCookie: filler=${filler}\r\nConnection: close\r\n\r\n`
        socket.write(lines('x'.repeat(Math.max(0, bytes - lines('').length))))
        return await replyStatus(socket, signal)
      } finally {
        connector.close()
      }
    },
  }
}

async function showCertificate({ host, port }: Address, signal: AbortSignal) {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  // Nothing is sent: whether to trust it was decided on the first connection.
  const socket = connect({ host, port, rejectUnauthorized: false, ...(isIP(host) === 0 ? { servername: host } : {}) })
  try {
    await once(socket, 'secureConnect', { signal: limit })
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) {
      throw new XapiConnectionError('tls', formatAddress({ host, port, tls: true }), 'the TLS handshake showed no certificate')
    }
    return { fingerprint: certificate.fingerprint256, validTo: new Date(certificate.validTo), protocol: socket.getProtocol() ?? 'TLS' }
  } finally {
    socket.on('error', () => undefined)
    socket.destroy()
  }
}

/** The status of an HTTP reply; NaN for something else. */
async function replyStatus(socket: AsyncIterable<Buffer> & { destroy(): unknown }, signal: AbortSignal): Promise<number> {
  const stop = () => socket.destroy()
  signal.addEventListener('abort', stop, { once: true })
  const late = setTimeout(stop, TIMEOUT_MS)
  let text = ''
  try {
    for await (const chunk of socket) {
      text += chunk.toString('latin1')
      if (text.includes('\r\n') || text.length > MAX_STATUS_LINE) break
    }
  } catch {
    // What came before it broke is judged below.
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', stop)
  }
  signal.throwIfAborted()
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1])
}
