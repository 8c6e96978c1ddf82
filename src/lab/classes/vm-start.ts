/** Starting VMs: start, start_on, resume, resume_on, unpause (ocaml/xapi/xapi_vm.ml, message_forwarding.ml). */
import { assertReachable } from '../hosts/away.ts'
import { type Call, type MessageTable, type Refstring, type Row, XapiFailure } from '../pool.ts'
import { GENERIC_BIOS_STRINGS } from './bios-strings.ts'
import { deviceOperationError } from './device-operations.ts'
import { assertActivatable } from './disk-attachment.ts'
import { endDomain, setDomainPaused, startDomain } from './domain.ts'
import { flag, isNullRef, map, NULL_REF, text, texts, without } from './fields.ts'
import { failure, operationKey, whenFree, withVmOperation } from './operation-lock.ts'
import { assertCpuFits, assertMemory } from './suspend-image.ts'
import { domainTypeOf } from './vm-create.ts'
import { memoryOverhead } from './vm-memory.ts'
import { tellAbout } from './vm-news.ts'
import { assertCanRun, assertEnoughMemory, chooseHost } from './vm-placement.ts'

interface Start {
  readonly vm: Refstring
  /** Absent: any host will do. */
  readonly host?: Refstring
  readonly paused: boolean
}

function start(call: Call, { vm, host, paused }: Start): Promise<undefined> {
  const { pool } = call
  return withVmOperation(call, { vm, operation: host === undefined ? 'start' : 'start_on' }, async () => {
    await withDevicesMarked(call, vm, ['VBD', 'VIF'], () => {
      prepare(call, vm)
      const place = placeFor(call, vm, host)
      for (const vbd of texts(pool.db.get('VM', vm), 'VBDs')) assertActivatable(pool, vbd)
      const row = pool.db.get('VM', vm)
      if (text(row, 'ha_restart_priority') === 'restart') pool.db.update('VM', vm, { ha_always_run: true })
      pool.db.update('VM', vm, { platform: startPlatform(row) })
      startDomain(pool, vm, { host: place, paused, boot: true })
    })
    tellAbout(call, vm, 'VM_STARTED', 'started on host')
    return undefined
  })
}

/** Fields that are filled in by the first start, and derived ones that may be out of date. */
function prepare({ pool }: Call, vm: Refstring): void {
  const row = pool.db.get('VM', vm)
  const type = text(row, 'domain_type')
  const strings = map(row, 'bios_strings')
  pool.db.update('VM', vm, {
    domain_type: type === 'unspecified' ? domainTypeOf(text(row, 'HVM_boot_policy')) : type,
    bios_strings: Object.keys(strings).length === 0 ? GENERIC_BIOS_STRINGS : strings,
    memory_overhead: memoryOverhead(row),
  })
}

/** With a host named the reason is told; without, only that there is none (choose_host_for_vm). Memory is always told. */
function placeFor({ pool }: Call, vm: Refstring, host: Refstring | undefined): Refstring {
  if (host !== undefined) assertCanRun(pool, vm, host)
  const place = host ?? chooseHost(pool, vm)
  assertEnoughMemory(pool, vm, place)
  assertReachable(pool.db, place)
  return place
}

/** A VM that needs an emulated machine gets its model written down at the first start (ensure_device_model_profile_present). */
function startPlatform(vm: Row): Row {
  const platform = map(vm, 'platform')
  if (text(vm, 'domain_type') !== 'hvm' || platform['device-model'] !== undefined) return platform
  const uefi = map(vm, 'HVM_boot_params').firmware === 'uefi'
  return { ...platform, 'device-model': uefi ? 'qemu-upstream-uefi' : 'qemu-upstream-compat' }
}

function resume(call: Call, { vm, host, paused }: Start, force: boolean): Promise<undefined> {
  const { pool } = call
  return withVmOperation(call, { vm, operation: host === undefined ? 'resume' : 'resume_on' }, async () => {
    await withDevicesMarked(call, vm, ['VBD'], () => {
      const place = placeFor(call, vm, host)
      if (!force) assertCpuFits(pool, vm, place)
      const row = pool.db.get('VM', vm)
      for (const vbd of texts(row, 'VBDs')) if (flag(pool.db.get('VBD', vbd), 'currently_attached')) assertActivatable(pool, vbd)
      assertImage(call, vm)
      if (text(row, 'ha_restart_priority') === 'restart') pool.db.update('VM', vm, { ha_always_run: true })
      startDomain(pool, vm, { host: place, paused, boot: false })
    })
    await dropSuspendImage(call, vm)
    tellAbout(call, vm, 'VM_RESUMED', 'resumed on host')
    return undefined
  })
}

/** A VM that lost its image is halted, and told so (resume of ocaml/xapi/xapi_xenops.ml). */
function assertImage({ pool }: Call, vm: Refstring): void {
  const row = pool.db.get('VM', vm)
  const image = text(row, 'suspend_VDI')
  if (!isNullRef(image) && pool.db.find('VDI', image)) {
    assertMemory(pool, image, row)
    return
  }
  endDomain(pool, vm, 'Halted')
  throw new XapiFailure('VM_HAS_NO_SUSPEND_VDI', ['VM', vm])
}

/** The image has done its work once the memory is back. */
export async function dropSuspendImage({ pool }: Call, vm: Refstring): Promise<void> {
  const image = text(pool.db.get('VM', vm), 'suspend_VDI')
  pool.db.update('VM', vm, { suspend_VDI: NULL_REF })
  if (!isNullRef(image)) await pool.invoke('VDI.destroy', image).catch(() => undefined)
}

/** How long a start waits for disks that something else works on (Policy.fail_quickly, ocaml/xapi/helpers.ml). */
const DEVICE_PATIENCE_MS = 5_000

/**
 * Runs `work` while `attach` stands in the current operations of a VM's devices: a second VM that starts at the same time can't take
 * the same disk. Throws what speaks against attaching the first device that can't be.
 */
export async function withDevicesMarked(call: Call, vm: Refstring, kinds: readonly ('VBD' | 'VIF')[], work: () => void): Promise<void> {
  const { pool } = call
  const { db } = pool
  const key = operationKey(call, 'VM.start')
  const marked = await whenFree(pool, DEVICE_PATIENCE_MS, () => {
    const devices = kinds.flatMap((kind) => texts(db.get('VM', vm), `${kind}s`).map((ref) => [kind, ref] as const))
    for (const [kind, ref] of devices) {
      const error = deviceOperationError(pool, kind, ref, 'attach')
      if (error) throw failure(error)
    }
    for (const [kind, ref] of devices) {
      db.update(kind, ref, { current_operations: { ...map(db.get(kind, ref), 'current_operations'), [key]: 'attach' } })
    }
    return devices
  })
  try {
    // Lets others see the operation under way, as they would on a host.
    await new Promise((resolve) => setImmediate(resolve))
    work()
  } finally {
    for (const [kind, ref] of marked) {
      const row = db.find(kind, ref)
      if (row) db.update(kind, ref, { current_operations: without(map(row, 'current_operations'), key) })
    }
  }
}

function knownHost(call: Call, vm: Refstring, host: Refstring): Refstring {
  call.pool.db.get('VM', vm)
  call.pool.db.get('host', host)
  return host
}

export const vmStartMessages: MessageTable = {
  'VM.start': (call, vm: Refstring, paused: boolean) => start(call, { vm, paused }),
  'VM.start_on': async (call, vm: Refstring, host: Refstring, paused: boolean) =>
    start(call, { vm, host: knownHost(call, vm, host), paused }),
  'VM.resume': (call, vm: Refstring, paused: boolean, force: boolean) => resume(call, { vm, paused }, force),
  'VM.resume_on': async (call, vm: Refstring, host: Refstring, paused: boolean, force: boolean) =>
    resume(call, { vm, host: knownHost(call, vm, host), paused }, force),
  'VM.unpause': (call, vm: Refstring) =>
    withVmOperation(call, { vm, operation: 'unpause' }, () => {
      setDomainPaused(call.pool, vm, false)
      tellAbout(call, vm, 'VM_UNPAUSED', 'unpaused')
      return undefined
    }),
}
