/** A failure as JSON, for every command that takes `--json`: on standard output, while its line for people is on standard error. */

interface FailureAsJson {
  readonly status: 'failed'
  readonly error: { readonly code: string; readonly message: string; readonly hint: string }
}

export const failed = ({ code, message, hint }: FailureAsJson['error']): FailureAsJson => ({
  status: 'failed',
  error: { code, message, hint },
})

const told = new WeakSet<Error>()

/** Marks a failure that what was printed holds already: nothing more is printed of it. */
export function toldAsJson<E extends Error>(error: E): E {
  told.add(error)
  return error
}

export const wasToldAsJson = (error: unknown): boolean => error instanceof Error && told.has(error)
