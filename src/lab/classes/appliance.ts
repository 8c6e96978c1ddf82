/** vApps: VMs that start and stop together, in their `order` (ocaml/xapi/xapi_vm_appliance.ml). */
import { type Call, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { constructorFields } from './constructor-fields.ts'
import { count, NULL_REF, text, texts } from './fields.ts'
import type { ClassPart } from './tables.ts'
import { vmFacts } from './vm-facts.ts'
import { operationError } from './vm-operations.ts'

interface Operation {
  readonly name: string
  readonly message: string
  readonly params: readonly unknown[]
  readonly wanted: string
  /** Low orders first. */
  readonly ascending: boolean
}

/** VMs of one order at a time; those of the same order together. What fails is told at the end. */
async function perform(call: Call, appliance: Refstring, operation: Operation): Promise<undefined> {
  const { pool } = call
  const { db } = pool
  const stateOf = (vm: Refstring) => text(db.find('VM', vm) ?? {}, 'power_state')
  const targets = texts(db.get('VM_appliance', appliance), 'VMs').filter((vm) => stateOf(vm) !== operation.wanted)
  const orderOf = (vm: Refstring) => count(db.get('VM', vm), 'order')
  const orders = [...new Set(targets.map(orderOf))].sort((a, b) => (operation.ascending ? a - b : b - a))
  for (const order of orders) {
    const group = targets.filter((vm) => db.find('VM', vm) && orderOf(vm) === order)
    await Promise.allSettled(group.map((vm) => pool.invoke(operation.message, vm, ...operation.params)))
  }
  const failed = targets.filter((vm) => stateOf(vm) !== operation.wanted)
  if (failed.length > 0) throw new XapiFailure('OPERATION_PARTIALLY_FAILED', [operation.name, ...failed])
  return undefined
}

function stop(message: 'clean_shutdown' | 'hard_shutdown' | 'shutdown') {
  return (call: Call, appliance: Refstring) =>
    perform(call, appliance, { name: `VM_appliance.${message}`, message: `VM.${message}`, params: [], wanted: 'Halted', ascending: false })
}

function start(call: Call, appliance: Refstring, paused: boolean): Promise<undefined> {
  const wanted = paused ? 'Paused' : 'Running'
  return perform(call, appliance, { name: 'VM_appliance.start', message: 'VM.start', params: [paused, false], wanted, ascending: true })
}

function destroy(call: Call, appliance: Refstring): undefined {
  const { db } = call.pool
  for (const vm of texts(db.get('VM_appliance', appliance), 'VMs')) db.update('VM', vm, { appliance: NULL_REF })
  db.delete('VM_appliance', appliance)
}

const OPERATIONS = ['start', 'clean_shutdown', 'hard_shutdown', 'shutdown']

export const appliancePart: ClassPart = {
  messages: {
    'VM_appliance.create': ({ pool }, given: Row) =>
      pool.db.create('VM_appliance', constructorFields('VM_appliance', given, { name_label: '', name_description: '' })),
    'VM_appliance.destroy': destroy,
    'VM_appliance.start': start,
    'VM_appliance.clean_shutdown': stop('clean_shutdown'),
    'VM_appliance.hard_shutdown': stop('hard_shutdown'),
    'VM_appliance.shutdown': stop('shutdown'),
  } satisfies MessageTable,
  prepare(pool) {
    // An appliance can do what at least one of its VMs can.
    pool.db.derive('VM_appliance', 'allowed_operations', (_ref, row) =>
      OPERATIONS.filter((operation) => texts(row, 'VMs').some((vm) => operationError(vmFacts(pool, vm), operation, true) === undefined)),
    )
  },
}
