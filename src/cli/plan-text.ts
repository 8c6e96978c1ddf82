import { readFileSync } from 'node:fs'
import { Failure } from '../core/failure.ts'

/** What a file with a recovery plan holds. Failure RECOVERY_PLAN_INVALID when it can't be read. */
export function readPlanText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure(
      'RECOVERY_PLAN_INVALID',
      `${file} can't be read (${(error as NodeJS.ErrnoException).code})`,
      'name a file that can',
      error,
    )
  }
}
