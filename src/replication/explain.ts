/** Turns what was thrown in the middle of a run into one clear line with what to do: the only place that knows all kinds of errors. */
import { asCode, errorEntry, isXapiErrorCode } from '../core/errors/registry.ts'
import { Failure } from '../core/failure.ts'
import { NbdError } from '../nbd/nbd-error.ts'
import { Qcow2Error } from '../qcow2/error.ts'
import { VhdError } from '../vhd/error.ts'
import { KnownCertificatesError, XapiConnectionError, XapiError, XapiTrustError } from '../xapi/errors.ts'
import { PoolUrlError } from '../xapi/pool-url.ts'
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
    return new Failure('TARGET_SR_FULL', `the target storage "${name}" (${uuid}) is full`, undefined, error)
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

/** What can be said without knowing the run: each error of the layers below under its code of the registry, with the registry's hint. */
export function explainError(error: unknown): unknown {
  if (error instanceof XapiError) {
    const code = isXapiErrorCode(error.code) ? error.code : 'XAPI_ERROR'
    return new Failure(code, `${errorEntry(code).title}: ${error.message}`, undefined, error)
  }
  // Its text says what to do.
  if (error instanceof XapiTrustError) return new Failure(`CERTIFICATE_${asCode(error.kind)}`, error.message, '', error)
  if (error instanceof XapiConnectionError) return new Failure(`POOL_${asCode(error.reason)}`, error.message, undefined, error)
  if (error instanceof PoolUrlError || error instanceof KnownCertificatesError || error instanceof NbdError)
    return new Failure(error.code, error.message, undefined, error)
  if (error instanceof VhdError || error instanceof Qcow2Error) return new Failure(imageErrorCode(error), error.message, undefined, error)
  return error
}

export const imageErrorCode = (error: VhdError | Qcow2Error) => `IMAGE_${asCode(error.code)}` as const
