/** VTPM messages (ocaml/xapi/xapi_vtpm.ml). */
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { map, text, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { createVtpm, deleteVtpm, setVtpmContents, vtpmContents } from './vtpm-contents.ts'

function create(call: Call, vm: Refstring, unique: boolean): Refstring {
  const { db, refs } = call.pool
  if (map(db.get('pool', refs.pool), 'restrictions').restrict_vtpm !== 'false')
    throw new XapiFailure('FEATURE_RESTRICTED', ['restrict_vtpm'])
  const row = db.get('VM', vm)
  const present = texts(row, 'VTPMs').length
  if (present > 0) throw new XapiFailure('VTPM_MAX_AMOUNT_REACHED', [String(present)])
  assertPowerState(call, vm, ['Halted'])
  return createVtpm(call.pool, vm, { unique, contents: '' })
}

function destroy(call: Call, vtpm: Refstring): undefined {
  assertPowerState(call, text(call.pool.db.get('VTPM', vtpm), 'VM'), ['Halted', 'Suspended'])
  deleteVtpm(call.pool, vtpm)
}

/** The list of expected states is joined with semicolons here, unlike elsewhere (assert_initial_power_state_in, xapi_vm_lifecycle.ml). */
export function assertPowerState(call: Call, vm: Refstring, allowed: readonly string[]): void {
  const actual = text(call.pool.db.get('VM', vm), 'power_state')
  if (!allowed.includes(actual)) throw new XapiFailure('VM_BAD_POWER_STATE', [vm, allowed.join(';').toLowerCase(), actual.toLowerCase()])
}

const messages: MessageTable = {
  'VTPM.create': create,
  'VTPM.destroy': destroy,
  'VTPM.get_contents': (call, vtpm: Refstring) => vtpmContents(call.pool, vtpm),
  'VTPM.set_contents': (call, vtpm: Refstring, contents: string) => {
    setVtpmContents(call.pool, vtpm, contents)
    return undefined
  },
}

export const vtpmPart: ClassPart = {
  messages,
  prepare(pool) {
    pool.db.derive('VTPM', 'allowed_operations', (_ref, row) => {
      const vm = pool.db.find('VM', text(row, 'VM'))
      return vm && text(vm, 'power_state') === 'Halted' ? ['destroy'] : []
    })
  },
}
