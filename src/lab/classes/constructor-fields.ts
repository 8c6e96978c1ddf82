/** Constructors take a struct: keys without a default must be there, the others take it when absent, unknown ones are ignored. */
import type { Row, Value } from '../pool.ts'
import { requiredFields } from '../rpc/required-fields.ts'

/** What a constructor takes of its struct: the keys that have to be there (the dispatcher saw to that) and those that have a default. */
export function constructorFields(className: string, given: Row, defaults: Row): Row {
  const out: Record<string, Value> = {}
  for (const name of requiredFields(className)) if (given[name] !== undefined) out[name] = given[name]
  for (const [name, value] of Object.entries(defaults)) out[name] = given[name] ?? value
  return out
}
