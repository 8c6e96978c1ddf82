/** Secrets: values kept apart from the records that use them (ocaml/xapi/xapi_secret.ml). */
import type { Row } from '../pool.ts'
import { constructorFields } from './constructor-fields.ts'
import type { ClassPart } from './tables.ts'

export const secretPart: ClassPart = {
  messages: {
    'secret.create': ({ pool }, given: Row) => pool.db.create('secret', constructorFields('secret', given, { other_config: {} })),
  },
}
