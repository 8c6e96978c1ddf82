/** Every message of the VM class, and what a restart of the toolstack leaves of VMs. */
import { type Call, type LabPool, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { map, text } from './fields.ts'
import { withVmOperation } from './operation-lock.ts'
import type { ClassPart } from './tables.ts'
import { vmCreateMessages } from './vm-create.ts'
import { vmDestroyMessages } from './vm-destroy.ts'
import { vmFacts } from './vm-facts.ts'
import { vmMemoryMessages } from './vm-memory.ts'
import { vmMigrateMessages } from './vm-migrate.ts'
import { allowedOperations } from './vm-operations.ts'
import { vmPlacementMessages } from './vm-placement.ts'
import { vmRevertMessages } from './vm-revert.ts'
import { vmSettingsMessages } from './vm-settings.ts'
import { vmSnapshotMessages } from './vm-snapshot.ts'
import { vmStartMessages } from './vm-start.ts'
import { vmStopMessages } from './vm-stop.ts'

function callPlugin(call: Call, vm: Refstring, plugin: string): Promise<undefined> {
  return withVmOperation(call, { vm, operation: 'call_plugin', patienceMs: 0 }, () => {
    throw new XapiFailure('XENAPI_MISSING_PLUGIN', [plugin])
  })
}

function callHostPlugin(call: Call, vm: Refstring, plugin: string): undefined {
  assertRunning(call, vm)
  throw new XapiFailure('XENAPI_MISSING_PLUGIN', [plugin])
}

/** The places where XAPI writes power states with capitals. */
function assertRunning(call: Call, vm: Refstring): void {
  const state = text(call.pool.db.get('VM', vm), 'power_state')
  if (state !== 'Running') throw new XapiFailure('VM_BAD_POWER_STATE', [vm, 'Running', state])
}

const messages: MessageTable = {
  ...vmCreateMessages,
  ...vmSettingsMessages,
  ...vmMemoryMessages,
  ...vmPlacementMessages,
  ...vmStartMessages,
  ...vmStopMessages,
  ...vmSnapshotMessages,
  ...vmRevertMessages,
  ...vmDestroyMessages,
  ...vmMigrateMessages,
  'VM.call_plugin': callPlugin,
  'VM.call_host_plugin': callHostPlugin,
}

/**
 * The toolstack has started again. Domains don't depend on it: VMs that ran go on running with their disks attached, as after
 * `xe-toolstack-restart`. Operations that it was carrying out are gone, and nobody waits for them (ocaml/xapi/dbsync_master.ml).
 */
function forgetOperations({ db }: LabPool): void {
  for (const className of ['VM', 'VBD', 'VIF', 'VTPM', 'host', 'network'] as const) {
    for (const ref of db.refs(className)) {
      if (Object.keys(map(db.get(className, ref), 'current_operations')).length > 0) db.update(className, ref, { current_operations: {} })
    }
  }
}

export const vmPart: ClassPart = {
  messages,
  prepare(pool) {
    forgetOperations(pool)
    pool.db.derive('VM', 'allowed_operations', (ref, row) =>
      pool.faults.allowedOperations(ref, row, () => allowedOperations(vmFacts(pool, ref, row))),
    )
  },
}
