/** How often a refused password is sent again: not for ever, directories lock accounts after a few wrong ones. */
import { Failure } from '../../core/failure.ts'

/**
 * Pauses before it is sent once more. Not given up at once: XAPI tells of a directory that does not answer by the same code (do_external_auth
 * and Auth_service_error in xen-api ocaml/xapi/xapi_session.ml); a toolstack that is starting has a code of its own, HOST_STILL_BOOTING.
 */
const PAUSES_MS = [60_000, 10 * 60_000]

export const isRefusedLogin = (failure: Failure): boolean => failure.code === 'SESSION_AUTHENTICATION_FAILED'

export class RefusedLogins {
  #count: number
  readonly #onCount: (count: number) => void
  readonly #pausesMs: readonly number[]

  /** @param count refusals in a row so far, of earlier starts too; `onCount` is told when it is another */
  constructor(count: number, onCount: (count: number) => void, pausesMs: readonly number[] = PAUSES_MS) {
    this.#count = count
    this.#onCount = onCount
    this.#pausesMs = pausesMs
  }

  /** Whether the password is not sent again until somebody has changed or tried it. */
  get isEnough(): boolean {
    return this.#count > this.#pausesMs.length
  }

  /** One more; milliseconds until it may be sent again, undefined: not before somebody acts. */
  refused(): number | undefined {
    this.#set(this.#count + 1)
    return this.#pausesMs[this.#count - 1]
  }

  /** It was accepted, or somebody has changed or tried it. */
  forget(): void {
    this.#set(0)
  }

  /** What is told of the pool. @param refusal as the pool told it; undefined: it was told before the start of the server */
  explain(refusal?: Failure): Failure {
    const most = this.#pausesMs.length + 1
    const first = refusal?.message ?? 'the pool refuses the user name or the password'
    const then = this.isEnough
      ? `it was sent ${most} times and is not sent again until somebody acts, so that no account is locked`
      : `it is sent ${most - this.#count} more times`
    return new Failure(
      'SESSION_AUTHENTICATION_FAILED',
      `${first}; ${then}`,
      `store the right password (understudy pool edit POOL --new-password); when the stored one is right, try it (understudy pool test POOL)`,
      refusal,
    )
  }

  #set(count: number): void {
    if (count === this.#count) return
    this.#count = count
    this.#onCount(count)
  }
}
