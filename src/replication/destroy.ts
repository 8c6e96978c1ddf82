/** Destroying what is ours, in orders that a crash in the middle leaves recognisable. Everything here may already be gone. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import { XapiConnectionError, XapiError } from '../xapi/errors.ts'
import type { RecordOf } from '../xapi/records.generated.ts'
import { isNull, type Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'

/** Milliseconds that a transfer's attachment to the control domain may outlast it (the original waits 50 s). */
const DETACH_LIMIT = 60_000

/**
 * Plain calls, not tasks: a third of the requests, and asking again after a broken connection does no harm. Storage can be slow
 * to remove (a lock of its garbage collector), hence the time.
 */
export const REMOVAL_TIMEOUT_MS = 600_000

export const isGone = (error: unknown): boolean =>
  error instanceof XapiError && (error.code === 'HANDLE_INVALID' || error.code === 'UUID_INVALID')

/**
 * Runs `action`; while it is refused because the disk is still attached, waits for the attachments to go (on events) and tries
 * again, for a minute at most. `vdi` is the disk that is waited for.
 */
export async function whenDetached<T>(xapi: Xapi, vdi: Ref<'VDI'>, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const end = Date.now() + DETACH_LIMIT
  for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof XapiError) || error.code !== 'VDI_IN_USE' || Date.now() > end) throw error
      await detached(xapi, vdi, signal, end - Date.now())
      // The storage layer lags behind the records; a short pause keeps the next try from racing with it.
      await sleep(pause, undefined, { signal })
    }
  }
}

async function detached(xapi: Xapi, vdi: Ref<'VDI'>, signal: AbortSignal, timeoutMs: number): Promise<void> {
  try {
    await xapi.waitFor('VDI', vdi, (record) => record === undefined || record.VBDs.length === 0, {
      signal,
      timeoutMs: Math.max(1, Math.min(timeoutMs, 5000)),
    })
  } catch (error) {
    // A VBD may belong to a halted VM and stay: then it is not what holds the disk, and the next try tells.
    signal.throwIfAborted()
    if (error instanceof XapiError && error.code === 'HANDLE_INVALID') return
  }
}

/**
 * Waits until nothing but `holders` VBDs has the disk: an import begins with a RW attachment to the control domain, which the storage layer
 * refuses (`Illegal_transition`, told late and only by the task) while a reader's is left, and accepts beside another import's.
 */
export async function whenFree(xapi: Xapi, vdi: Ref<'VDI'>, holders: number, signal: AbortSignal): Promise<void> {
  const attached = await xapi.call<readonly string[]>('VDI.get_VBDs', [vdi], { signal })
  if (attached.length <= holders) return
  try {
    await xapi.waitFor('VDI', vdi, (record) => record === undefined || record.VBDs.length <= holders, { signal, timeoutMs: DETACH_LIMIT })
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof XapiConnectionError) || error.reason !== 'timeout') throw error
    const uuid = await xapi.call<string>('VDI.get_uuid', [vdi], { signal })
    throw new Failure(
      'TARGET_DISK_BUSY',
      `disk ${uuid} of the replica is in use by a transfer that does not end, or by another VM`,
      `see what holds it (xe vbd-list vdi-uuid=${uuid}), then run again`,
      error,
    )
  }
}

export async function destroyDisk(xapi: Xapi, vdi: Ref<'VDI'>, signal: AbortSignal): Promise<void> {
  try {
    await whenDetached(xapi, vdi, signal, () => xapi.call('VDI.destroy', [vdi], { signal, timeoutMs: REMOVAL_TIMEOUT_MS }))
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

export async function destroyVm(xapi: Xapi, vm: Ref<'VM'>, signal: AbortSignal): Promise<void> {
  try {
    await xapi.call('VM.destroy', [vm], { signal })
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * A checkpoint is a snapshot that is suspended: its disks can be removed once it is halted, which takes the image of its memory along
 * (hard_shutdown in ocaml/xapi/xapi_vm.ml, where a failure of that is passed over: so it is looked after here). Others are left as they are.
 */
export async function haltCheckpoint(
  xapi: Xapi,
  vm: Ref<'VM'>,
  { power_state: state, suspend_VDI: image }: Pick<RecordOf['VM'], 'power_state' | 'suspend_VDI'>,
  signal: AbortSignal,
): Promise<void> {
  if (state !== 'Suspended') return
  try {
    // What reads the image still has it attached for a moment.
    if (!isNull(image)) await whenFree(xapi, image, 0, signal)
    await xapi.callAsync('VM.hard_shutdown', [vm], { signal })
    if (!isNull(image)) await destroyDisk(xapi, image, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * Disks first, then the VM: broken off in the middle, what is left is a VM that misses disks, which no inspection takes for a
 * restore point; the other way round it would be disks that belong to nothing.
 */
export async function destroyWithDisks(xapi: Xapi, vm: Ref<'VM'>, disks: readonly Ref<'VDI'>[], signal: AbortSignal): Promise<void> {
  await Promise.all(disks.map((disk) => destroyDisk(xapi, disk, signal)))
  await destroyVm(xapi, vm, signal)
}
