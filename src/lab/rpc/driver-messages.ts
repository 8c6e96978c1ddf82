/** Setters that XAPI keeps for the sessions of its storage drivers: anybody else is refused, whatever the value (xen-api ocaml/xapi/sm.ml). */
import { type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { DRIVER_FIELDS } from './hidden-messages.ts'

export const driverMessages: MessageTable = Object.fromEntries(
  Object.entries(DRIVER_FIELDS).flatMap(([className, fields]) =>
    Object.keys(fields).map((field) => [
      `${className}.set_${field}`,
      ({ pool }, ref: Refstring) => {
        pool.db.get(className, ref)
        throw new XapiFailure('PERMISSION_DENIED', [''])
      },
    ]),
  ),
)
