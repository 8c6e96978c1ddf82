/** What one check of the doctor is, and how a list of them is run: in order, each bounded in time, none without what it needs. */
import { NbdError } from '../../nbd/nbd-error.ts'
import { VhdError } from '../../vhd/error.ts'
import { XapiConnectionError, XapiError } from '../../xapi/errors.ts'
import type { Bench } from './bench.ts'

export type Outcome = 'ok' | 'warning' | 'failed' | 'not-run'

export interface CheckResult {
  readonly outcome: Outcome
  /** What was found, one clause. */
  readonly detail: string
  /** What it costs that this does not hold; absent for `ok`. */
  readonly costs?: string
  /** How to mend it; absent for `ok`. */
  readonly mend?: string
  /** What was measured, by name with the unit at its end: `latencyMs`, `mibPerSecond`. */
  readonly figures?: Readonly<Record<string, number>>
  /** A warning that means "does not work here": checks that need this one are not run. */
  readonly unusable?: true
}

export interface Check {
  readonly id: string
  readonly title: string
  /** Ids of checks without which this one has no sense. */
  readonly needs: readonly string[]
  /** What it costs when this does not work at all, and how to mend it: told for whatever `run` throws. */
  readonly costs: string
  readonly mend: string
  /** Replication goes on without it: a failure is a warning. */
  readonly dispensable?: true
  /** After which it is given up, where that is longer than for others. */
  readonly timeoutMs?: number
  run(bench: Bench, signal: AbortSignal): Promise<CheckResult>
}

export interface CheckReport extends CheckResult {
  readonly id: string
  readonly title: string
  readonly seconds: number
}

/** No check needs more than some seconds on a healthy pool; what hangs is given up. */
const CHECK_TIMEOUT_MS = 180_000

/** A person compares fingerprints; how long a pool may take has its own limits there. */
export const ASKING_TIMEOUT_MS = 660_000

export const ok = (detail: string, figures?: CheckResult['figures']): CheckResult => ({
  outcome: 'ok',
  detail,
  ...(figures === undefined ? {} : { figures }),
})

/** It works, but the user should know something. */
export const reserve = (detail: string, costs: string, mend: string, figures?: CheckResult['figures']): CheckResult => ({
  outcome: 'warning',
  detail,
  costs,
  mend,
  ...(figures === undefined ? {} : { figures }),
})

/** It does not work: as grave as the check says. */
export const lacking = (check: Pick<Check, 'costs' | 'mend' | 'dispensable'>, detail: string, mend = check.mend): CheckResult => ({
  outcome: check.dispensable ? 'warning' : 'failed',
  detail,
  costs: check.costs,
  mend,
  ...(check.dispensable ? { unusable: true } : {}),
})

/** It seems to work and gives wrong bytes: worse than not working, dispensable or not. */
export const wrong = (check: Pick<Check, 'costs'>, detail: string): CheckResult => ({
  outcome: 'failed',
  detail,
  costs: `wrong data would be carried over; ${check.costs}`,
  mend: 'do not replicate with this pool; send this output, the version of the host and the type of the storage with a report',
})

/**
 * Runs the checks one after the other; what they throw becomes their result. Throws only the signal's reason.
 * @param onStart told before each check
 */
export async function runChecks(
  checks: readonly Check[],
  bench: Bench,
  signal: AbortSignal,
  onStart: (check: Check, nth: number) => void,
): Promise<CheckReport[]> {
  const reports: CheckReport[] = []
  for (const [nth, check] of checks.entries()) {
    signal.throwIfAborted()
    const missing = check.needs.map((id) => reports.find((report) => report.id === id)).find((report) => report && !holds(report))
    if (missing !== undefined) {
      const first = missing.outcome === 'not-run' ? missing.detail.replace('needs ', '') : `"${missing.title}"`
      reports.push({ id: check.id, title: check.title, outcome: 'not-run', detail: `needs ${first}`, seconds: 0 })
      continue
    }
    onStart(check, nth)
    const started = performance.now()
    const timeoutMs = check.timeoutMs ?? CHECK_TIMEOUT_MS
    const limit = AbortSignal.timeout(timeoutMs)
    let result: CheckResult
    try {
      result = await check.run(bench, AbortSignal.any([signal, limit]))
    } catch (error) {
      signal.throwIfAborted()
      result = limit.aborted ? lacking(check, `gave no answer within ${timeoutMs / 1000} s`) : explained(check, error)
    }
    reports.push({ id: check.id, title: check.title, ...result, seconds: (performance.now() - started) / 1000 })
  }
  return reports
}

const holds = ({ outcome, unusable }: CheckResult) => outcome === 'ok' || (outcome === 'warning' && unusable !== true)

const MENDS: Readonly<Record<string, string>> = {
  RBAC_PERMISSION_DENIED: 'use an account of the role pool-admin or pool-operator',
  SR_BACKEND_FAILURE_44: 'free space on this storage, or name another one',
  SR_FULL: 'free space on this storage, or name another one',
  SR_BACKEND_FAILURE_46: 'look at the log of the storage on the host (/var/log/SMlog)',
  SR_OPERATION_NOT_SUPPORTED: 'use storage of a kind that offers it, such as ext, nfs or lvm',
  LICENSE_RESTRICTION: 'the licence of the host does not include this: change it, or do without',
  FEATURE_RESTRICTED: 'the licence of the host does not include this: change it, or do without',
}

/** A failure in one line. Errors that nobody expects are mistakes of ours, and say so. */
function explained(check: Check, error: unknown): CheckResult {
  if (error instanceof XapiError) {
    const mend = MENDS[error.code] ?? check.mend
    return lacking(check, inWords(error), mend)
  }
  if (error instanceof XapiConnectionError || error instanceof NbdError || error instanceof VhdError || isTimeout(error)) {
    return lacking(check, error.message)
  }
  return lacking(check, `unexpected: ${error instanceof Error ? error.message : String(error)}`)
}

/** References say nothing to anybody. */
function inWords({ code, params, method }: XapiError): string {
  if (code === 'RBAC_PERMISSION_DENIED') return `the user may not call ${params[0] || method}`
  if (code === 'SR_OPERATION_NOT_SUPPORTED') return `this kind of storage does not offer it (${code} from ${method})`
  const told = params.filter((param) => param !== '' && !param.startsWith('OpaqueRef:'))
  return `${code}${told.length === 0 ? '' : ` (${told.join(', ')})`} from ${method}`
}

const isTimeout = (error: unknown): error is Error => error instanceof Error && error.name === 'TimeoutError'
