/** Every message by its wire names, with what the dispatcher has to know before it calls one. */
import { classes, type ModelMessage, messageOf } from '../../xapi/model.ts'
import { HIDDEN } from './hidden-messages.ts'
import { SYNCHRONOUS } from './synchronous-messages.ts'

export interface Signature {
  readonly name: string
  readonly className: string
  readonly message: string
  readonly params: ModelMessage[0]
  readonly result: string
  /** Whether the first parameter is a session. */
  readonly session: boolean
  /** Follows from the fields of the class. */
  readonly implied: boolean
  readonly supportsAsync: boolean
  /** Parameters without default. */
  readonly required: number
}

const WHERE = 'get_all_records_where'

const SESSIONLESS: ReadonlySet<string> = new Set(['session.login_with_password', 'session.slave_local_login_with_password'])

function collect(): { readonly byName: ReadonlyMap<string, Signature>; readonly byUnderscore: ReadonlyMap<string, Signature> } {
  const byName = new Map<string, Signature>()
  const byUnderscore = new Map<string, Signature>()
  for (const [className, model] of Object.entries(classes)) {
    const hidden = HIDDEN[className] ?? {}
    for (const message of [...model.implied, ...Object.keys(model.messages), ...Object.keys(hidden)]) {
      const found = messageOf(className, message) ?? hidden[message]
      if (!found) continue
      const name = `${className}.${message}`
      const [params, result] = found
      const implied = model.implied.includes(message) || message === WHERE
      // Constructors and destructors have an Async form, getters and setters made from fields have none.
      const supportsAsync = implied ? message === 'create' || message === 'destroy' : !SYNCHRONOUS.has(name)
      const signature: Signature = {
        name,
        className,
        message,
        params,
        result,
        session: !SESSIONLESS.has(name),
        implied,
        supportsAsync,
        required: params.filter(([, , optional]) => !optional).length,
      }
      byName.set(name, signature)
      byUnderscore.set(`${className}_${message}`, signature)
    }
  }
  return { byName, byUnderscore }
}

const { byName, byUnderscore } = collect()

export const signature = (name: string): Signature | undefined => byName.get(name)
/** By the second wire name of a message, `task_create` (xen-api ocaml/idl/ocaml_backend/gen_server.ml, alternative_wire_name). */
export const signatureByUnderscore = (name: string): Signature | undefined => byUnderscore.get(name)
export const allSignatures = (): Iterable<Signature> => byName.values()
