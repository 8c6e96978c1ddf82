/**
 * Every class with hand-written messages, in one list. ADD YOURS: one import line and one entry of the list, in alphabetical
 * order. `messages` overrides what the dispatcher makes from the data model (getters, setters, maps, sets, records, plain
 * constructors and destructors); `prepare` is called once when the pool starts, after the objects are there and before the first
 * call: for derived fields and listeners. A constructor's record holds only the keys that were given, converted; keys without
 * default in the data model are there (src/lab/rpc/required-fields.ts).
 *
 * Bulk HTTP handlers: src/lab/bulk/handlers.ts exports `bulkHandlers: readonly BulkHandler[]` (src/lab/http/bulk-routes.ts).
 */
import type { LabPool, MessageTable } from '../pool.ts'
import { appliancePart } from './appliance.ts'
import { blobPart } from './blob.ts'
import { hostPart } from './host.ts'
import { messagePart } from './message.ts'
import { nbdInfoPart } from './nbd-info.ts'
import { networkPart } from './network.ts'
import { pbdPart } from './pbd.ts'
import { pifPart } from './pif.ts'
import { poolPart } from './pool-messages.ts'
import { secretPart } from './secret.ts'
import { srPart } from './sr.ts'
import { vbdPart } from './vbd.ts'
import { vdiPart } from './vdi.ts'
import { vifPart } from './vif.ts'
import { vmPart } from './vm.ts'
import { vtpmPart } from './vtpm.ts'

export interface ClassPart {
  readonly messages: MessageTable
  prepare?(pool: LabPool): void
}

export const classParts: readonly ClassPart[] = [
  appliancePart,
  blobPart,
  hostPart,
  messagePart,
  nbdInfoPart,
  networkPart,
  pbdPart,
  pifPart,
  poolPart,
  secretPart,
  srPart,
  vbdPart,
  vdiPart,
  vifPart,
  vmPart,
  vtpmPart,
]
