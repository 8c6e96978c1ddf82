/** Turns what was thrown in the middle of a run into one clear line with what to do: the only place that knows all kinds of errors. */
import { Failure } from '../core/failure.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import { Qcow2Error } from '../qcow2/error.ts'
import { VhdError } from '../vhd/error.ts'
import { XapiConnectionError, XapiError, XapiTrustError } from '../xapi/errors.ts'
import type { PreparedRun } from './run.ts'
import type { RunContext } from './session.ts'

/** Errors of storage, as XAPI passes them on, that mean there is no room. */
const NO_ROOM = new Set(['SR_FULL', 'SR_BACKEND_FAILURE_44'])

/** Whether an error means that a connection or a host went away in the middle: what was in place before is as good as it was. */
export function isInterruption(error: unknown): boolean {
  if (error instanceof XapiConnectionError || error instanceof NbdError) return true
  if (error instanceof VhdError || error instanceof Qcow2Error) return error.code === 'truncated'
  return error instanceof XapiError && INTERRUPTIONS.has(error.code)
}

/** A transfer that was cut, a session or task that died with its toolstack, a host that is starting again. */
const INTERRUPTIONS = new Set(['VDI_IO_ERROR', 'SESSION_INVALID', 'HOST_STILL_BOOTING', 'HANDLE_INVALID', 'HOST_OFFLINE'])

/** Never throws; what is a Failure already, or a cancellation, is given back as it is. */
export async function explainFailure(error: unknown, context: RunContext, prepared: PreparedRun): Promise<unknown> {
  if (context.signal.aborted) return context.signal.reason
  if (error instanceof XapiError && (NO_ROOM.has(error.code) || (error.code === 'VDI_IO_ERROR' && (await isFull(context, prepared))))) {
    const { name, uuid } = prepared.plan.targetSr
    return new Failure(
      'TARGET_SR_FULL',
      `the target storage "${name}" (${uuid}) is full`,
      'free space on it, keep fewer restore points, or replicate to another one; the last restore point is untouched',
      error,
    )
  }
  return explainError(error)
}

/** XAPI tells of a full SR during an import as an I/O error: the SR itself knows better. */
async function isFull({ target }: RunContext, { target: { sr } }: PreparedRun): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(5_000)
    await target.call('SR.scan', [sr], { signal }).catch(() => undefined)
    const { physical_size: size, physical_utilisation: used } = await target.record('SR', sr, { signal })
    return size > 0 && size - used < Math.max(size / 50, 4 * 1024 * 1024)
  } catch {
    return false
  }
}

const XAPI_HINTS: Readonly<Record<string, readonly [text: string, hint: string]>> = {
  SESSION_AUTHENTICATION_FAILED: [
    'the pool refuses the user name or the password',
    'check the credentials in the URL (percent-encode special characters)',
  ],
  HOST_IS_SLAVE: ['the host is not the pool master', 'name the master'],
  HOST_STILL_BOOTING: ['the host is still starting', 'try again in a few minutes'],
  RBAC_PERMISSION_DENIED: ['the user may not do this', 'use a pool administrator’s account'],
  OPERATION_BLOCKED: ['an operation is blocked on this VM', 'see its blocked operations (xe vm-param-get param-name=blocked-operations)'],
  OTHER_OPERATION_IN_PROGRESS: ['another operation on the same object is under way', 'run again when it has ended'],
  SR_BACKEND_FAILURE_109: [
    'the chain of snapshots of a disk is too long',
    'delete snapshots and give the storage time to coalesce, then run again',
  ],
  VDI_IO_ERROR: ['the storage reported an I/O error', 'look at the storage’s log on the host (/var/log/SMlog), then run again'],
  VDI_IN_USE: ['a disk is still in use', 'see what holds it (xe vbd-list vdi-uuid=…), then run again'],
}

/** What can be said without knowing the run. */
export function explainError(error: unknown): unknown {
  if (error instanceof XapiError) {
    const [text, hint] = XAPI_HINTS[error.code] ?? ['the pool refused a call', 'see the code; docs/errors.md tells the common ones']
    return new Failure(error.code, `${text}: ${error.message}`, hint, error)
  }
  if (error instanceof XapiTrustError) {
    return new Failure(error.kind === 'changed' ? 'CERTIFICATE_CHANGED' : 'CERTIFICATE_UNKNOWN', error.message, '', error)
  }
  if (error instanceof XapiConnectionError) {
    return new Failure(
      `POOL_${error.reason.toUpperCase().replaceAll('-', '_')}`,
      error.message,
      'check the address, the network and that the host is up',
      error,
    )
  }
  if (error instanceof NbdError || error instanceof VhdError || error instanceof Qcow2Error) {
    return new Failure(error.code.toUpperCase().replaceAll('-', '_'), error.message, 'run again; if it stays, see docs/errors.md', error)
  }
  return error
}
