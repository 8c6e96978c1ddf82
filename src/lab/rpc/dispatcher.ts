/**
 * Finds what a call means, checks it as XAPI does, and runs it: names, number of parameters, their types, session, Async forms.
 * Order of the checks and forms of the errors: xen-api ocaml/idl/ocaml_backend/gen_server.ml and ocaml/xapi/server_helpers.ml.
 */
import type { VersionedDatabase } from '../database/database.ts'
import { type Call, type LabPool, type Message, type MessageTable, type Refstring, type Value, XapiFailure } from '../pool.ts'
import { sessionsOf } from '../session/sessions.ts'
import { tasksOf } from '../tasks/tasks.ts'
import { convert } from './convert.ts'
import { fieldMessage } from './field-messages.ts'
import { allSignatures, type Signature, signature, signatureByUnderscore } from './signatures.ts'

/** What a call gave, with the model's type so that XML-RPC can write it. */
export interface Answer {
  readonly value: Value
  readonly type: string
  /** Written without the usual wrapper of XML-RPC (system.listMethods). */
  readonly bare?: boolean
}

export interface Dispatcher {
  /** A call from the wire; throws XapiFailure. */
  dispatch(name: string, params: readonly unknown[]): Promise<Answer>
  /** A call of the toolstack itself, without session. */
  invoke(name: string, params: readonly unknown[]): Promise<Value | undefined>
  /** Names of the messages that have an implementation. */
  names(): string[]
}

export function createDispatcher(pool: LabPool, db: VersionedDatabase, tables: readonly MessageTable[]): Dispatcher {
  const messages = new Map<string, Message>()
  for (const one of allSignatures()) {
    const made = fieldMessage(one)
    if (made) messages.set(one.name, made)
  }
  for (const table of tables) {
    for (const [name, message] of Object.entries(table)) {
      if (!signature(name)) throw new Error(`no message ${name} in the data model`)
      messages.set(name, message)
    }
  }

  const run = async (found: Signature, call: Call, params: readonly Value[]): Promise<Value | undefined> => {
    const message = messages.get(found.name)
    if (!message) throw new XapiFailure('NOT_IMPLEMENTED', [found.name])
    return await message(call, ...params)
  }
  /** A call from outside: durable before it is answered, whether it went well or not. */
  const runAndCommit = async (found: Signature, call: Call, params: readonly Value[]) => {
    try {
      return await run(found, call, params)
    } finally {
      db.commit()
    }
  }

  const runAsync = (found: Signature, name: string, session: Refstring, params: readonly Value[]): Refstring => {
    const tasks = tasksOf(pool)
    const ref = tasks.create({ label: name, session })
    const work = async () => {
      try {
        const value = await pool.faults.task(name, () => runAndCommit(found, { pool, session, task: tasks.handle(ref) }, params))
        tasks.complete(ref, value, found.result)
      } catch (error) {
        if (!pool.stopping.aborted) tasks.fail(ref, error)
      }
    }
    // The answer with the task's reference goes out first.
    setImmediate(() => void work())
    return ref
  }

  return {
    names: () => [...messages.keys()],
    async dispatch(fullName, given) {
      if (fullName === 'system.listMethods') return { value: [...messages.keys()], type: 'string set', bare: true }
      const prefix = /^(Async|InternalAsync)\./.exec(fullName)?.[0] ?? ''
      const name = fullName.slice(prefix.length)
      const found = signature(name) ?? signatureByUnderscore(name)
      if (!found) throw new XapiFailure('MESSAGE_METHOD_UNKNOWN', [name])
      if (prefix !== '' && (!found.supportsAsync || found.name !== name)) {
        throw new XapiFailure('Fault', [`No async mode for this operation (rpc: ${fullName})`])
      }
      const count = given.length - (found.session ? 1 : 0)
      // Parameters past those with defaults are ignored, as the generated code takes the rest of the list.
      const fits = found.required === found.params.length ? count === found.required : count >= found.required
      if (!fits) throw new XapiFailure('MESSAGE_PARAMETER_COUNT_MISMATCH', [name, String(found.required), String(count)])
      const session = found.session ? (convert('session ref', given[0]) as string) : ''
      const params = converted(found, found.session ? given.slice(1) : given)
      if (found.session) sessionsOf(pool).check(session)
      if (prefix !== '') return { value: runAsync(found, fullName, session, params), type: 'task ref' }
      const value = await runAndCommit(found, { pool, session, task: undefined }, params)
      return { value: value ?? '', type: found.result }
    },
    async invoke(name, given) {
      const found = signature(name)
      if (!found) throw new XapiFailure('MESSAGE_METHOD_UNKNOWN', [name])
      return run(found, { pool, session: '', task: undefined }, converted(found, given))
    },
  }
}

function converted({ params }: Signature, given: readonly unknown[]): Value[] {
  const out: Value[] = []
  for (const [index, [, type]] of params.entries()) {
    if (index >= given.length) break
    out.push(convert(type, given[index]))
  }
  return out
}
