import type { FaultControl, NewFault } from '../faults/fault.ts'
import { KINDS } from '../faults/read-fault.ts'
import type { ControlRoutes } from './control-server.ts'
import { ControlError, type Fields } from './request-fields.ts'

const since = (fields: Fields) => {
  const number = fields.integer('since', { least: 0, most: Number.MAX_SAFE_INTEGER }, 0)
  fields.done()
  return number
}

/** What goes wrong on purpose, what has gone wrong, and what clients asked. They work while the pool is stopped, too. */
export function faultRoutes(faults: FaultControl): ControlRoutes {
  return {
    'GET /faults': { what: 'the faults that are set', answer: () => ({ faults: faults.list() }) },
    'POST /faults': {
      what: `set a fault: {kind[, match: {method, form, connection, vdi, direction, at…}][, count][, skip]…}; kinds: ${KINDS.join(', ')}`,
      answer: async ({ fields }) => ({ fault: await faults.add(fields.all() as NewFault) }),
    },
    'DELETE /faults': {
      what: 'clear all faults',
      answer: () => {
        faults.clearAll()
        return { faults: [] }
      },
    },
    'DELETE /faults/:id': {
      what: 'clear one fault',
      answer: ({ fields }) => {
        const id = fields.text('id')
        if (!faults.clear(id)) throw new ControlError(404, `there is no fault ${id}`)
        return { faults: faults.list() }
      },
    },
    'GET /faults/fired': {
      what: 'what struck, in order: [{number, at, fault, kind, what}]; ?since=NUMBER for what came after it',
      answer: ({ fields }) => ({ fired: faults.fired(since(fields)) }),
    },
    'GET /calls': {
      what: 'names of the calls that came in, in order: [{number, at, method}]; ?since=NUMBER for those after it',
      answer: ({ fields }) => faults.calls.since(since(fields)),
    },
  }
}
