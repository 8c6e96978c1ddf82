/**
 * A pool that answers as XAPI did at the time of 8.2: fields and messages that came later are unknown, a task that has not ended can't be
 * destroyed, `allowed_operations` do not follow `blocked_operations` until something else brings them up to date, and event.from does not
 * wait for more events before its first look (from_inner in ocaml/xapi/xapi_event.ml of that time waits only after it was woken).
 * The refusal of task.destroy is what clients tell of servers older still: xapi_task.ml of 2017 marks the task, as today's does. Its code
 * is our guess. Which messages came later is known of fields only; the list of others is not complete.
 */
import { type LabPool, type Refstring, type Row, type Value, XapiFailure } from '../pool.ts'
import { NEWER_FIELDS } from './newer-fields.ts'

/** Messages that came later, beside those of newer fields. */
const NEWER_MESSAGES: ReadonlySet<string> = new Set([
  ...['VDI.revert', 'VM.set_uefi_mode', 'VM.get_secureboot_readiness', 'VM.restart_device_models', 'VTPM.create', 'VTPM.destroy'],
  ...['VTPM.get_contents', 'VTPM.set_contents', 'pool.get_guest_secureboot_readiness', 'host.set_https_only', 'pool.set_https_only'],
])

export class OlderXapi {
  readonly #isOn: () => boolean
  /** `allowed_operations` as they were before `blocked_operations` changed, and the state of the VM that they belong to. */
  readonly #stale = new Map<Refstring, { readonly state: string; readonly operations: Value }>()

  constructor(isOn: () => boolean) {
    this.#isOn = isOn
  }

  /** Before a call takes effect: MESSAGE_METHOD_UNKNOWN and the like, and what has to be remembered of the time before it. */
  before(pool: LabPool, name: string, params: readonly unknown[]): void {
    const method = name.replace(/^Async\./, '')
    const [className = '', message = ''] = method.split('.', 2)
    if (NEWER_MESSAGES.has(method) || ofNewerField(className, message)) throw new XapiFailure('MESSAGE_METHOD_UNKNOWN', [method])
    const ref = String(params[1] ?? '')
    if (method === 'task.destroy') {
      const status = pool.db.find('task', ref)?.status
      if (status === 'pending' || status === 'cancelling') {
        throw new XapiFailure('OPERATION_NOT_ALLOWED', [`task ${ref} has not ended`])
      }
    }
    if (className !== 'VM') return
    const row = pool.db.find('VM', ref)
    if (!row) return
    if (message === 'update_allowed_operations') this.#stale.delete(ref)
    else if (message.endsWith('blocked_operations')) {
      this.#stale.set(ref, { state: stateOf(row), operations: row.allowed_operations as Value })
    }
  }

  /** What the VM's record says; `compute`: what is true. */
  allowedOperations(vm: Refstring, row: Row, compute: () => Value): Value {
    if (this.#stale.size === 0) return compute()
    const stale = this.#isOn() ? this.#stale.get(vm) : undefined
    if (stale?.state === stateOf(row)) return stale.operations
    this.#stale.delete(vm)
    return compute()
  }

  /** An answer without what that XAPI did not know. */
  answer(name: string, value: unknown): unknown {
    const [className = '', message = ''] = name.split('.', 2)
    if (name === 'event.from') {
      const { events } = value as { events: readonly Row[] }
      return { ...(value as Row), events: events.map(shortened) }
    }
    const newer = NEWER_FIELDS[className]
    if (!newer) return value
    if (message === 'get_record') return without(value as Row, newer)
    if (message.startsWith('get_all_records')) {
      return Object.fromEntries(Object.entries(value as Row).map(([ref, row]) => [ref, without(row as Row, newer)]))
    }
    return value
  }
}

const CLASS_OF = new Map(Object.keys(NEWER_FIELDS).map((name) => [name.toLowerCase(), name]))

function shortened(event: Row): Row {
  const newer = NEWER_FIELDS[CLASS_OF.get(event.class as string) ?? '']
  return newer && event.snapshot !== undefined ? { ...event, snapshot: without(event.snapshot as Row, newer) } : event
}

function without(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))
}

function ofNewerField(className: string, message: string): boolean {
  const field = /^(?:get_|set_|add_to_|remove_from_|add_|remove_)(.+)$/.exec(message)?.[1]
  return field !== undefined && NEWER_FIELDS[className]?.includes(field) === true
}

function stateOf(row: Row): string {
  return JSON.stringify([row.power_state, row.current_operations, row.is_a_template])
}
