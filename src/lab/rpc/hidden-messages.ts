/** Messages that XAPI serves and leaves out of its published data model (xen-api ocaml/idl/datamodel_vtpm.ml, `hide_from_docs`). */
import type { ModelMessage } from '../../xapi/model.ts'

export const HIDDEN: Readonly<Record<string, Readonly<Record<string, ModelMessage>>>> = {
  VTPM: {
    get_contents: [[['self', 'VTPM ref']], 'string'],
    set_contents: [
      [
        ['self', 'VTPM ref'],
        ['contents', 'string'],
      ],
      'void',
    ],
  },
}
