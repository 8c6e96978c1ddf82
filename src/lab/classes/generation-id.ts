/** VM generation identifiers: two numbers of 63 bits that change whenever a VM's state forks. */
import { randomBytes } from 'node:crypto'

/** A new identifier; a VM that was made without one (`''`) keeps none (ocaml/xapi/xapi_vm_helpers.ml, fresh_genid). */
export function freshGenerationId(current: string): string {
  if (current === '') return ''
  const half = () => (randomBytes(8).readBigUInt64BE() >> 1n).toString()
  return `${half()}:${half()}`
}
