/** What the registry holds of each error. */
export interface ErrorEntry {
  /** What it means: a clause without names, that also makes the beginning of a line. */
  readonly title: string
  /** Why it comes about, where the title does not say it. */
  readonly cause?: string
  /** What to do about it, one clause. Who throws the error may know better: the hint of a `Failure` goes before this one. */
  readonly hint: string
  /** What an HTTP API answers with when a request ends with it (RFC 9457). */
  readonly status: number
}

/** The errors of one area, by their code: upper case, stable, never given to anything else. */
export type ErrorArea = Readonly<Record<string, ErrorEntry>>
