/** VDI.get_nbd_info: where and under which name a disk can be read over NBD (ocaml/xapi/xapi_vdi.ml, _get_nbd_info). */
import { X509Certificate } from 'node:crypto'
import { assertReachable } from '../hosts/away.ts'
import { hostsOf } from '../hosts/pool-hosts.ts'
import { type Call, type LabPool, type Refstring, type Value, XapiFailure } from '../pool.ts'
import { flag, text, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { isPlugged } from './vm-placement.ts'

/** Where xapi-nbd listens on every host; a lab pool's server takes a free port instead. */
const DEFAULT_PORT = 10809

/** One entry for each address of each host that sees the disk; none when no network is for NBD. The name carries the caller's session, and with it the caller's rights. */
function getNbdInfo(call: Call, vdi: Refstring): Value {
  const { pool } = call
  const { db } = pool
  const disk = db.get('VDI', vdi)
  if (text(disk, 'type') === 'cbt_metadata') throw new XapiFailure('VDI_INCOMPATIBLE_TYPE', [vdi, 'CBT metadata'])
  const hosts = db.refs('host').filter((host) => isPlugged(pool, text(disk, 'SR'), host))
  return hosts.flatMap((host) => {
    const addresses = nbdAddresses(pool, host)
    if (addresses.length === 0) return []
    // The host itself is asked for its certificate, so that one that is away fails the call.
    assertReachable(db, host)
    const place = hostsOf(pool)?.find(host)
    const cert = place?.certificate.cert ?? pool.certificate.cert
    const port = place?.nbd?.port ?? DEFAULT_PORT
    const subject = subjectOf(cert, text(db.get('host', host), 'hostname'))
    return addresses.map((address) => ({ exportname: `/${text(disk, 'uuid')}?session_id=${call.session}`, address, port, cert, subject }))
  })
}

/** Addresses of attached interfaces on networks for NBD, IPv4 first. */
function nbdAddresses({ db }: LabPool, host: Refstring): string[] {
  return texts(db.get('host', host), 'PIFs').flatMap((ref) => {
    const pif = db.get('PIF', ref)
    const network = db.find('network', text(pif, 'network'))
    if (!flag(pif, 'currently_attached') || !network || texts(network, 'purpose').length === 0) return []
    return [text(pif, 'IP'), ...texts(pif, 'IPv6')].filter((address) => address !== '')
  })
}

/** The first DNS name of the certificate without a wildcard, else the host's name. */
function subjectOf(cert: string, hostname: string): string {
  const certificate = new X509Certificate(cert)
  const alternatives = certificate.subjectAltName?.split(', ') ?? []
  const names = alternatives.flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : []))
  const common = /^CN=(.*)$/m.exec(certificate.subject)?.[1]
  return [...names, ...(common === undefined ? [] : [common])].find((name) => !name.includes('*')) ?? hostname
}

export const nbdInfoPart: ClassPart = { messages: { 'VDI.get_nbd_info': getNbdInfo } }
