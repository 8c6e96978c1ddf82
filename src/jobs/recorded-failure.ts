import type { RunFailure } from '../core/control/run-record.ts'
import { Failure } from '../core/failure.ts'
import { explainError } from '../replication/explain.ts'

/**
 * A failure as it is stored and told. Never with secrets: messages of unforeseen errors are ours or Node's, which hold none.
 * @param unforeseen code of what nobody planned for
 */
export function recordedFailure(error: unknown, unforeseen: 'RUN_BROKEN' | 'ACTIVITY_BROKEN'): RunFailure {
  const explained = explainError(error)
  const failure =
    explained instanceof Failure
      ? explained
      : new Failure(unforeseen, `nobody planned for this: ${explained instanceof Error ? explained.message : String(explained)}`)
  const { code, message, hint } = failure
  return { code, message, hint }
}
