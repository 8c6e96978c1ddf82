/** A failure as JSON, for every command that takes `--json`. */
import type { Failure } from '../core/failure.ts'

export const failed = ({ code, message, hint }: Failure) => ({ status: 'failed', error: { code, message, hint } })
