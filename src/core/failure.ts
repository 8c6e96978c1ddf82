import { type ErrorCode, errorEntry } from './errors/registry.ts'

/** A failure told to a user: what happened and what to do. The code is one of the registry (errors/registry.ts). */
export class Failure extends Error {
  readonly code: ErrorCode
  /** What to do about it, one clause. */
  readonly hint: string

  /** @param hint undefined for the one that the registry has; '' when the text says it itself */
  constructor(code: ErrorCode, text: string, hint: string = errorEntry(code).hint, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause })
    this.name = 'Failure'
    this.code = code
    this.hint = hint
  }
}
