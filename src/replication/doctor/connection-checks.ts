/** Whether the pool can be reached, is the one it was, and lets us in. */
import { XapiTrustError } from '../../xapi/errors.ts'
import { taken } from './bench.ts'
import { ASKING_TIMEOUT_MS, type Check, lacking, ok, reserve } from './check.ts'

const DAY_MS = 86_400_000
/** Days before a certificate's end from which on the user is told. */
const SOON_DAYS = 30

export const reach: Check = {
  id: 'reach',
  title: 'Reachable over TLS',
  needs: [],
  costs: 'nothing works without it',
  mend: 'check the address, the network and firewalls between, and that the host is up',
  timeoutMs: ASKING_TIMEOUT_MS,
  async run(bench, signal) {
    try {
      bench.certificate = await bench.pool.probe(signal)
    } catch (error) {
      if (!(error instanceof XapiTrustError)) throw error
      // It answers; the certificate has a check of its own.
      bench.refused = error
      return ok(`${bench.pool.login.url} answers`)
    }
    return ok(`${bench.pool.login.url} answers (${bench.certificate.protocol})`)
  },
}

export const certificate: Check = {
  id: 'certificate',
  title: 'Certificate accepted',
  needs: ['reach'],
  costs: 'Understudy does not log in: it could be talking to somebody else',
  mend: 'compare the fingerprint with the one that the host shows on its console, then pass it with --trust',
  async run(bench) {
    if (bench.refused !== undefined) return lacking(certificate, bench.refused.message)
    const { fingerprint, validTo } = taken(bench.certificate)
    if (fingerprint === '')
      return reserve('no TLS: plain HTTP to this machine', 'the password is readable to whoever listens', 'use https://')
    const days = Math.floor((validTo.getTime() - Date.now()) / DAY_MS)
    const by = bench.pool.acceptedBy() ?? 'the trust given'
    const detail = `by ${by}; valid until ${validTo.toISOString().slice(0, 10)}`
    if (days >= SOON_DAYS) return ok(detail, { certificateDays: days })
    return reserve(
      days < 0 ? `${detail}, which is past` : `${detail}, in ${days} days`,
      'nothing while it stays the same (its fingerprint is what counts); when it is renewed, runs stop until the new one is accepted',
      'renew it when it suits you, then accept the new one (--trust)',
      { certificateDays: days },
    )
  },
}

export const login: Check = {
  id: 'login',
  title: 'Login',
  needs: ['certificate'],
  costs: 'nothing works without it',
  mend: 'check user and password in the URL (special characters percent-encoded)',
  // The master of a pool that was named by another host has a certificate of its own.
  timeoutMs: ASKING_TIMEOUT_MS,
  async run(bench, signal) {
    bench.connected = await bench.pool.connect(signal)
    const { url } = bench.connected
    const as = `as ${bench.pool.login.user}`
    if (url === bench.pool.login.url) return ok(as)
    return reserve(
      `${as}; ${bench.pool.login.url} is not the master, ${url} is`,
      'each login makes a detour, and fails while the member is down',
      'name the master in the URL',
    )
  },
}

/** The longest head of a request that the client ever sends stays below this (xen-api ocaml/xapi/xapi_globs.ml: 1024 by default). */
const HEAD_BYTES = 1000

export const headLength: Check = {
  id: 'head-length',
  title: 'Length of request heads',
  needs: ['login'],
  costs: 'disk transfers may be refused: their requests carry several references',
  mend: 'look for a proxy between this machine and the host that allows less than 1024 bytes, and go around it',
  async run(bench, signal) {
    const status = await bench.pool.sendHead(HEAD_BYTES, signal)
    if (Number.isNaN(status)) return lacking(headLength, `no HTTP reply to a head of ${HEAD_BYTES} bytes`)
    if (status === 431 || status === 400 || status === 414) return lacking(headLength, `status ${status} for a head of ${HEAD_BYTES} bytes`)
    return ok(`${HEAD_BYTES} bytes are taken`)
  },
}
