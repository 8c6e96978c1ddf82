/** A failure told to a user: what happened and what to do. Codes are stable and listed in docs/errors.md. */
export class Failure extends Error {
  readonly code: string
  /** What to do about it, one clause. */
  readonly hint: string

  constructor(code: string, text: string, hint: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause })
    this.name = 'Failure'
    this.code = code
    this.hint = hint
  }
}
