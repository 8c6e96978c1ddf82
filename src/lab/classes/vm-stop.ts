/** Stopping VMs: shutdowns, reboots, pause, suspend, power_state_reset (ocaml/xapi/xapi_vm.ml, message_forwarding.ml). */
import { isAway } from '../hosts/away.ts'
import { type Call, type MessageTable, type Refstring, XapiFailure } from '../pool.ts'
import { noteCutTracking } from './cut-tracking.ts'
import { endDomain, setDomainPaused, startDomain } from './domain.ts'
import { count, flag, isNullRef, map, text } from './fields.ts'
import { withVmOperation } from './operation-lock.ts'
import { cpuOf, writeMemory } from './suspend-image.ts'
import { isLive } from './vm-facts.ts'
import { tellAbout } from './vm-news.ts'
import { chooseHost, isPlugged } from './vm-placement.ts'
import { dropSuspendImage } from './vm-start.ts'

/** Lets others see an operation under way, as they would on a host. */
const breathe = () => new Promise<void>((resolve) => setImmediate(resolve))

/** What a VM does once its domain has ended; `destroy` is the ordinary way. */
function endOrRestart(call: Call, vm: Refstring, action: 'actions_after_shutdown' | 'actions_after_reboot'): void {
  const { pool } = call
  const row = pool.db.get('VM', vm)
  endDomain(pool, vm, 'Halted')
  if (text(row, action) === 'restart') startDomain(pool, vm, { host: text(row, 'resident_on'), paused: false, boot: true })
}

function shutDown(call: Call, vm: Refstring, operation: 'clean_shutdown' | 'hard_shutdown' | 'shutdown'): Promise<undefined> {
  const { pool } = call
  return withVmOperation(call, { vm, operation }, async () => {
    if (operation !== 'clean_shutdown')
      await cancelOthers(call, vm, ['clean_shutdown', 'clean_reboot', 'hard_reboot', 'shutdown', 'suspend'])
    await breathe()
    const row = pool.db.get('VM', vm)
    pool.db.update('VM', vm, { ha_always_run: false })
    if (text(row, 'power_state') === 'Suspended') {
      await dropSuspendImage(call, vm)
      endDomain(pool, vm, 'Halted')
    } else if (isLive(row)) {
      if (operation === 'clean_shutdown') endOrRestart(call, vm, 'actions_after_shutdown')
      else endDomain(pool, vm, 'Halted')
    }
    tellAbout(call, vm, 'VM_SHUTDOWN', operation === 'hard_shutdown' ? 'shutdown forcibly' : 'shutdown')
    return undefined
  })
}

/** Asks the tasks of softer operations on the VM to stop; they find its state changed when they come to it. */
async function cancelOthers(call: Call, vm: Refstring, operations: readonly string[]): Promise<void> {
  for (const [task, operation] of Object.entries(map(call.pool.db.get('VM', vm), 'current_operations'))) {
    const other = operations.includes(operation) && task !== call.task?.ref
    if (other && call.pool.db.find('task', task)) await call.pool.invoke('task.cancel', task).catch(() => undefined)
  }
}

function reboot(call: Call, vm: Refstring, operation: 'clean_reboot' | 'hard_reboot'): Promise<undefined> {
  const { pool } = call
  return withVmOperation(call, { vm, operation }, async () => {
    await breathe()
    const state = text(pool.db.get('VM', vm), 'power_state')
    // It may have been shut down by force while this waited: only a forced reboot then starts it again.
    const startable = isLive(pool.db.get('VM', vm)) || (operation === 'hard_reboot' && state === 'Halted')
    if (!startable) throw new XapiFailure('VM_BAD_POWER_STATE', [vm, 'running', state.toLowerCase()])
    const host = state === 'Halted' ? chooseHost(pool, vm) : text(pool.db.get('VM', vm), 'resident_on')
    if (state !== 'Halted') endDomain(pool, vm, 'Halted')
    if (state === 'Halted' || text(pool.db.get('VM', vm), 'actions_after_reboot') === 'restart') {
      startDomain(pool, vm, { host, paused: false, boot: true })
    }
    tellAbout(call, vm, 'VM_REBOOTED', operation === 'hard_reboot' ? 'rebooted forcibly' : 'rebooted cleanly')
    return undefined
  })
}

/** Writes the VM's memory into a new disk and takes its domain away. Used by checkpoints too. */
export async function suspendDomain(call: Call, vm: Refstring): Promise<void> {
  const { pool } = call
  const { db } = pool
  const row = db.get('VM', vm)
  const sr = suspendSr(call, vm)
  const image = (await pool
    .invoke('VDI.create', {
      name_label: 'Suspend image',
      name_description: 'Suspend image',
      SR: sr,
      virtual_size: suspendImageSize(count(row, 'memory_static_max')),
      type: 'suspend',
      sharable: false,
      read_only: false,
      other_config: {},
      xenstore_data: {},
      sm_config: {},
      tags: [],
    })
    .catch((error: unknown) => {
      if (error instanceof XapiFailure && error.code === 'SR_BACKEND_FAILURE_44')
        throw new XapiFailure('SR_SUSPEND_SPACE_INSUFFICIENT', [sr])
      throw error
    })) as Refstring
  if (!isLive(db.get('VM', vm))) {
    // Shut down while the image was made.
    await pool.invoke('VDI.destroy', image)
    throw new XapiFailure('VM_BAD_POWER_STATE', [vm, 'running', text(db.get('VM', vm), 'power_state').toLowerCase()])
  }
  const state = writeMemory(pool, image)
  const cpu = cpuOf(db.get('host', text(db.get('VM', vm), 'resident_on')))
  db.update('VM', vm, { suspend_VDI: image, last_booted_record: state, last_boot_CPU_flags: cpu })
  endDomain(pool, vm, 'Suspended')
}

/** Memory, a fifth and a twentieth on top, and 100 MiB (create in ocaml/xapi/xapi_xenops.ml). */
function suspendImageSize(memory: number): number {
  return Math.ceil(memory * 1.2 * 1.05) + 100 * 1024 * 1024
}

/** The VM's own choice, else the pool's, else the host's, of those that are there (choose_suspend_sr, ocaml/xapi/helpers.ml). */
function suspendSr({ pool }: Call, vm: Refstring): Refstring {
  const { db, refs } = pool
  const host = text(db.get('VM', vm), 'resident_on')
  const choices = [
    text(db.get('VM', vm), 'suspend_SR'),
    text(db.get('pool', refs.pool), 'suspend_image_SR'),
    text(db.get('host', host), 'suspend_image_sr'),
  ]
  const found = choices.find((sr) => !isNullRef(sr) && isPlugged(pool, sr, host))
  if (found === undefined) throw new XapiFailure('VM_NO_SUSPEND_SR', [vm])
  return found
}

/** Puts a VM back that was suspended for a checkpoint, on the host where it was. */
export async function resumeSuspended(call: Call, vm: Refstring, host: Refstring): Promise<void> {
  if (text(call.pool.db.get('VM', vm), 'power_state') !== 'Suspended') return
  startDomain(call.pool, vm, { host, paused: false, boot: false })
  await dropSuspendImage(call, vm)
}

async function resetPowerState({ pool }: Call, vm: Refstring): Promise<undefined> {
  const row = pool.db.get('VM', vm)
  if (flag(row, 'is_control_domain')) throw new XapiFailure('CANNOT_RESET_CONTROL_DOMAIN', [vm])
  // A host that is away can't say that it still runs there.
  if (text(row, 'power_state') === 'Running' && !isAway(pool.db, text(row, 'resident_on'))) throw new XapiFailure('DOMAIN_EXISTS', [vm])
  pool.db.update('VM', vm, { current_operations: {} })
  noteCutTracking(pool, vm)
  endDomain(pool, vm, 'Halted')
  return undefined
}

export const vmStopMessages: MessageTable = {
  'VM.clean_shutdown': (call, vm: Refstring) => shutDown(call, vm, 'clean_shutdown'),
  'VM.hard_shutdown': (call, vm: Refstring) => shutDown(call, vm, 'hard_shutdown'),
  // Cleanly when the guest can, by force otherwise.
  'VM.shutdown': (call, vm: Refstring) => shutDown(call, vm, 'shutdown'),
  'VM.clean_reboot': (call, vm: Refstring) => reboot(call, vm, 'clean_reboot'),
  'VM.hard_reboot': (call, vm: Refstring) => reboot(call, vm, 'hard_reboot'),
  'VM.pause': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'pause' }, () => {
      setDomainPaused(call.pool, vm, true)
      tellAbout(call, vm, 'VM_PAUSED', 'paused')
      return undefined
    }),
  'VM.suspend': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'suspend' }, async () => {
      call.pool.db.update('VM', vm, { ha_always_run: false })
      await suspendDomain(call, vm)
      tellAbout(call, vm, 'VM_SUSPENDED', 'suspended')
      return undefined
    }),
  'VM.power_state_reset': resetPowerState,
}
