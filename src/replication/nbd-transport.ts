/**
 * How the NBD servers of a pool may be spoken to. A host encrypts NBD when a network of its pool has the purpose `nbd`, and speaks clear
 * text when one has `insecure_nbd` (xen-api ocaml/nbd/src/main.ml): `VDI.get_nbd_info` gives the same entries for both, the
 * networks tell which it is. In clear text anybody on the way reads the disk, and the session with which it was opened.
 */
import type { PoolView } from './pool-view.ts'

/** `refused`: the pool offers clear text only, and nobody has allowed it. */
export type NbdTransport = 'tls' | 'clear' | 'refused'

/** TLS is asked for unless the networks say that there is none: a host that offers none after all is not read from. */
export function nbdTransport(networks: PoolView['network'], allowInsecure: boolean): NbdTransport {
  const purposes = new Set([...networks.values()].flatMap(({ purpose }) => purpose as readonly string[]))
  if (purposes.has('nbd') || !purposes.has('insecure_nbd')) return 'tls'
  return allowInsecure ? 'clear' : 'refused'
}
