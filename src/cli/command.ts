/** What a command of `understudy` is, and how it tells that something is wrong. */

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string
  /** What `understudy COMMAND --help` prints. */
  readonly usage: string
  /**
   * Runs with the arguments after the command's name; resolves to the exit code. Throw `UsageError` for wrong arguments (as does
   * `util.parseArgs`), and an error with a `hint`, or `CommandFailure`, for what can go wrong: each becomes one line on standard error.
   */
  run(args: readonly string[]): Promise<number>
  /** Of a command with commands of its own: what `--help` prints when one of them is named; undefined when none is. */
  usageOf?(args: readonly string[]): Promise<string | undefined>
}

/** Wrong arguments: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Something that can be expected to fail: exit code 1, one line, the hint (what to do) at its end. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly hint: string | undefined
  constructor(message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.hint = options.hint
  }
}

const stopping = new AbortController()
let asked = false

/**
 * Aborts when the process is asked to stop (SIGINT, SIGTERM). A command that asks for it promises to tidy up and end soon after; one
 * that doesn't ends at once. The reason is a `Stopped`: let it pass, it becomes exit code 130 or 143.
 */
export function stopSignal(): AbortSignal {
  asked = true
  return stopping.signal
}

/** The reason of `stopSignal` when it aborts. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly exitCode: number
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`)
    this.exitCode = signal === 'SIGINT' ? 130 : 143
  }
}

/** For main.ts: makes `stopSignal` abort. False when nobody listens, or for the second time: then there is nothing to wait for. */
export function stop(signal: 'SIGINT' | 'SIGTERM'): boolean {
  if (!asked || stopping.signal.aborted) return false
  stopping.abort(new Stopped(signal))
  return true
}

/** The reason the process was asked to stop, if it was. */
export function stopped(): Stopped | undefined {
  return stopping.signal.aborted ? (stopping.signal.reason as Stopped) : undefined
}
