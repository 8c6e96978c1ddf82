/** Strings that a VM's BIOS shows; set once, before the first start (ocaml/xapi-consts/constants.ml, ocaml/xapi/xapi_vm_helpers.ml). */
import { XapiFailure } from '../pool.ts'
import type { StringMap } from './fields.ts'

const SETTABLE = [
  ...['bios-vendor', 'bios-version', 'system-manufacturer', 'system-product-name', 'system-version', 'system-serial-number'],
  ...['baseboard-manufacturer', 'baseboard-product-name', 'baseboard-version', 'baseboard-serial-number', 'baseboard-asset-tag'],
  ...['baseboard-location-in-chassis', 'enclosure-asset-tag'],
]

const MAXIMUM_LENGTH = 512

/** What a VM gets that was started without. */
export const GENERIC_BIOS_STRINGS: StringMap = {
  ...Object.fromEntries(SETTABLE.map((key) => [key, ''])),
  'bios-vendor': 'Xen',
  'system-manufacturer': 'Xen',
  'system-product-name': 'HVM domU',
  'hp-rombios': '',
  'oem-1': 'Xen',
  'oem-2': 'MS_VM_CERT/SHA1/bdbeb6e0a816d43fa6d3fe8aaef04c2bad9d3e3d',
}

/** The strings of a VM for which a client gave some: the others are generic. INVALID_VALUE for keys and values that don't do. */
export function completedBiosStrings(given: StringMap): StringMap {
  for (const [key, value] of Object.entries(given)) {
    const refuse = (why: string) => new XapiFailure('INVALID_VALUE', [key, why])
    if (!SETTABLE.includes(key)) throw refuse('Unknown key')
    if (value === '') throw refuse('Value provided is empty')
    if (value.length > MAXIMUM_LENGTH) throw refuse(`${value} has length more than ${MAXIMUM_LENGTH} characters`)
    if (!/^[ -~]*$/.test(value)) throw refuse(`${value} has non-printable ASCII characters`)
  }
  return { ...GENERIC_BIOS_STRINGS, ...given }
}
