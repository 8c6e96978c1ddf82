/**
 * Holding an object while an operation works on it: the operation stands in `current_operations` for as long, others that may not
 * run beside it wait, as in XAPI's with_vm_operation (ocaml/xapi/xapi_vm_helpers.ml) and its retries (ocaml/xapi/helpers.ml).
 */
import { randomUUID } from 'node:crypto'
import { assertReachable } from '../hosts/away.ts'
import { type Call, type LabPool, type Refstring, XapiFailure } from '../pool.ts'
import { map, text, without } from './fields.ts'
import { vmFacts } from './vm-facts.ts'
import { type OperationError, operationError } from './vm-operations.ts'

/** How long XAPI goes on trying when another operation is in the way. */
export const PATIENCE_MS = 2 * 60 * 60 * 1000

/** The name under which a call stands in `current_operations`: its task, or a stand-in where there is none. */
export function operationKey(call: Call, message: string): string {
  return call.task?.ref ?? `DummyRef:|${randomUUID()}|${message}`
}

export function failure([code, ...params]: OperationError): XapiFailure {
  return new XapiFailure(code, params)
}

/** Throws when the VM does not accept the operation now. */
export function assertVmAccepts(pool: LabPool, vm: Refstring, operation: string, strict = true): void {
  const error = operationError(vmFacts(pool, vm), operation, strict)
  if (error) throw failure(error)
}

export interface VmOperation {
  readonly vm: Refstring
  readonly operation: string
  /** Ask for features that need the guest's help; default true. */
  readonly strict?: boolean
  /** Milliseconds to wait for other operations; default XAPI's two hours. */
  readonly patienceMs?: number
}

/** Runs `work` while the operation stands in the VM's current operations. The VM may be gone afterwards. */
export async function withVmOperation<T>(
  call: Call,
  { vm, operation, strict = true, patienceMs }: VmOperation,
  work: () => Promise<T> | T,
): Promise<T> {
  const { db } = call.pool
  const key = operationKey(call, `VM.${operation}`)
  await whenFree(call.pool, patienceMs ?? PATIENCE_MS, () => {
    assertVmAccepts(call.pool, vm, operation, strict)
    db.update('VM', vm, { current_operations: { ...map(db.get('VM', vm), 'current_operations'), [key]: operation } })
  })
  try {
    // Work on a VM that is somewhere is done there.
    assertReachable(db, text(db.get('VM', vm), 'resident_on'))
    return await work()
  } finally {
    const row = db.find('VM', vm)
    if (row) db.update('VM', vm, { current_operations: without(map(row, 'current_operations'), key) })
  }
}

/**
 * Runs `attempt`; while it fails with OTHER_OPERATION_IN_PROGRESS, again after every change of the database, until time is up. What
 * an attempt finds free it must take before it returns: when this resolves, others have had their turn again.
 */
export async function whenFree<T>(pool: LabPool, patienceMs: number, attempt: () => T): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      const other = error instanceof XapiFailure && error.code === 'OTHER_OPERATION_IN_PROGRESS'
      const left = deadline - Date.now()
      if (!other || left <= 0 || pool.stopping.aborted) throw error
      await nextChange(pool, left)
    }
  }
}

function nextChange(pool: LabPool, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      stop()
      pool.stopping.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, patienceMs)
    const stop = pool.db.onChange(done)
    pool.stopping.addEventListener('abort', done, { once: true })
  })
}
