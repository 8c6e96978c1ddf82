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
  if (!(error instanceof XapiError)) return explainError(error)
  const { name, uuid } = prepared.plan.targetSr
  const where = `the target storage "${name}" (${uuid})`
  if (NO_ROOM.has(error.code)) return new Failure('TARGET_SR_FULL', `${where} is full`, undefined, error)
  if (error.code !== 'VDI_IO_ERROR') return explainError(error)
  const space = await measure(context, prepared)
  if (space !== undefined && isFull(space)) return new Failure('TARGET_SR_FULL', `${where} is full`, undefined, error)
  return isWriting(error) ? brokenWrite(error, `${where} of pool ${context.target.url}`, space) : explainError(error)
}

interface Space {
  /** Bytes. */
  readonly size: number
  readonly used: number
}

/** XAPI tells of a full SR during an import as an I/O error: the SR itself knows better. Undefined: it does not tell, or does not answer. */
async function measure({ target }: RunContext, { target: { sr } }: PreparedRun): Promise<Space | undefined> {
  try {
    const signal = AbortSignal.timeout(5_000)
    await target.call('SR.scan', [sr], { signal }).catch(() => undefined)
    const { physical_size: size, physical_utilisation: used } = await target.record('SR', sr, { signal })
    return size > 0 ? { size, used } : undefined
  } catch {
    return undefined
  }
}

const isFull = ({ size, used }: Space) => size - used < Math.max(size / 50, 4 * 1024 * 1024)

const isWriting = ({ method }: XapiError) => method.startsWith('PUT ')

/**
 * What a write ended with that the storage gives no reason for. Its own account of its space can be wrong: thin volumes over a volume group
 * or an array, quotas of a file server, and a host that has not measured again.
 */
function brokenWrite(error: XapiError, where: string, space: Space | undefined): Failure {
  const said =
    space === undefined
      ? 'how full it is could not be found out'
      : `by its own account ${inGib(space.size - space.used)} of ${inGib(space.size)} are free`
  const text = `writing to ${where} ended in an I/O error, ${said}: ${error.message}`
  const full = 'see whether it is full all the same (df on its host or file server, lvs, quotas of the array): then free space there'
  const hint = `${full}. If not, the transfer was cut off (run again: it goes on), or the storage is at fault: /var/log/SMlog on the pool's hosts`
  return new Failure('VDI_IO_ERROR', text, hint, error)
}

const inGib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`

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
