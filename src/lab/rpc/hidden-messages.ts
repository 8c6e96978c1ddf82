/** Messages that XAPI serves and leaves out of its published data model (`hide_from_docs` in xen-api ocaml/idl/datamodel*.ml). */
import { classes, type ModelMessage } from '../../xapi/model.ts'

type Messages = Readonly<Record<string, ModelMessage>>

const self = (className: string) => ['self', `${className} ref`] as const
const setters = (className: string, fields: Readonly<Record<string, string>>): Messages =>
  Object.fromEntries(Object.entries(fields).map(([field, type]) => [`set_${field}`, [[self(className), ['value', type]], 'void']]))

/** What only a storage driver's own session may set. */
export const DRIVER_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  VDI: {
    missing: 'bool',
    managed: 'bool',
    virtual_size: 'int',
    physical_utilisation: 'int',
    is_a_snapshot: 'bool',
    snapshot_of: 'VDI ref',
    snapshot_time: 'datetime',
    metadata_of_pool: 'pool ref',
    cbt_enabled: 'bool',
  },
  SR: { virtual_allocation: 'int', physical_utilisation: 'int' },
}

const others: Readonly<Record<string, Messages>> = {
  VTPM: {
    get_contents: [[self('VTPM')], 'string'],
    set_contents: [[self('VTPM'), ['contents', 'string']], 'void'],
  },
}

export const HIDDEN: Readonly<Record<string, Messages>> = Object.fromEntries(
  Object.entries(classes).map(([className, model]) => {
    // Every class with get_all_records has get_all_records_where too.
    const where: Messages = model.implied.includes('get_all_records')
      ? { get_all_records_where: [[['expr', 'string']], `(${className} ref -> ${className} record) map`] }
      : {}
    return [className, { ...where, ...setters(className, DRIVER_FIELDS[className] ?? {}), ...others[className] }]
  }),
)
