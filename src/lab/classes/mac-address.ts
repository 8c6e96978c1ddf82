/** MAC addresses of virtual interfaces. */
import { createHash } from 'node:crypto'

/**
 * The address XAPI derives from a VM's `mac_seed` for interface number `device`: bytes of MD5 digests chained 2·device + 1 times over
 * the seed, made a locally administered unicast address (ocaml/xapi/xapi_vif_helpers.ml, gen_mac).
 */
export function derivedMac(seed: string, device: number): string {
  let first = md5(Buffer.from(seed))
  for (let round = 0; round < 2 * device; round++) first = md5(first)
  const second = md5(first)
  const bytes = Buffer.concat([first.subarray(0, 4), second.subarray(1, 3)])
  bytes[0] = ((bytes[0] as number) & 0xfe) | 0x02
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** Six pairs of hexadecimal digits with colons, in either case; nothing is asked of the bits (seen on XAPI 26.1). */
export function isMac(mac: string): boolean {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)
}

function md5(data: Buffer): Buffer {
  return createHash('md5').update(data).digest()
}
