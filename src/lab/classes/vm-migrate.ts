/** Live migration within the pool (pool_migrate in ocaml/xapi/message_forwarding.ml and xapi_vm_migrate.ml). */
import { setTimeout as delay } from 'node:timers/promises'
import { assertReachable } from '../hosts/away.ts'
import { type Call, type LabPool, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { moveDomain } from './domain.ts'
import { NULL_REF, text } from './fields.ts'
import { withVmOperation } from './operation-lock.ts'
import { isLive } from './vm-facts.ts'
import { tellAbout } from './vm-news.ts'
import { assertCanRun, assertEnoughMemory } from './vm-placement.ts'

/** Steps in which progress is told. */
const STEPS = 10

/**
 * The disks stay where they are, so that the other host has to see them (VM_REQUIRES_SR). `pool_migrate` stands in the current operations
 * for `migrateMs`, and the guest goes on writing meanwhile. To the host where it is already, it only is told that it moved.
 */
export function migrateWithinPool(
  call: Call,
  vm: Refstring,
  host: Refstring,
  options: Readonly<Record<string, string>>,
): Promise<undefined> {
  const { pool } = call
  const { db } = pool
  db.get('host', host)
  return withVmOperation(call, { vm, operation: 'pool_migrate', strict: options.force !== 'true' }, async () => {
    const from = text(db.get('VM', vm), 'resident_on')
    if (from !== host) {
      assertCanRun(pool, vm, host)
      assertEnoughMemory(pool, vm, host)
      assertReachable(db, host)
      db.update('VM', vm, { scheduled_to_be_resident_on: host })
      try {
        await memoryMoved(call)
        assertStillThere(pool, vm, from)
        assertReachable(db, host)
        moveDomain(pool, vm, host)
      } finally {
        if (db.find('VM', vm)) db.update('VM', vm, { scheduled_to_be_resident_on: NULL_REF })
      }
    }
    const named = (ref: Refstring) => `'${text(db.get('host', ref), 'name_label')}' (uuid: ${text(db.get('host', ref), 'uuid')})`
    tellAbout(call, vm, 'VM_MIGRATED', `migrated from host ${named(from)} to host ${named(host)}`)
    return undefined
  })
}

async function memoryMoved({ pool, task }: Call): Promise<void> {
  const { migrateMs = 0 } = pool.settings
  for (let step = 1; step <= STEPS && migrateMs > 0; step++) {
    await delay(migrateMs / STEPS, undefined, { signal: pool.stopping })
    if (task?.cancelled) throw new XapiFailure('TASK_CANCELLED', [task.ref])
    task?.progress(step / STEPS)
    pool.db.commit()
  }
}

/** It may have been shut down by force, or lost with its host, while its memory was under way. */
function assertStillThere({ db }: LabPool, vm: Refstring, from: Refstring): void {
  const row = db.get('VM', vm)
  if (!isLive(row) || text(row, 'resident_on') !== from)
    throw new XapiFailure('VM_BAD_POWER_STATE', [vm, 'running', text(row, 'power_state').toLowerCase()])
  assertReachable(db, from)
}

/** Done by a migration of the VM to where it is (message_forwarding.ml). The power states are written with capitals here. */
async function restartDeviceModels(call: Call, vm: Refstring): Promise<undefined> {
  const row = call.pool.db.get('VM', vm)
  const state = text(row, 'power_state')
  if (state !== 'Running') throw new XapiFailure('VM_BAD_POWER_STATE', [vm, 'Running', state])
  return migrateWithinPool(call, vm, text(row, 'resident_on'), {})
}

export const vmMigrateMessages: MessageTable = {
  'VM.pool_migrate': migrateWithinPool,
  'VM.restart_device_models': restartDeviceModels,
}
