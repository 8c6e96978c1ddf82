/** Checks a name and a password. What it answers, and how long that takes, is alike for a wrong password, an unknown name and a disabled user. */
import type { User } from '../../core/control/user.ts'
import { Failure } from '../../core/failure.ts'
import type { Store } from '../../store/open-store.ts'
import { findUserByName } from '../../store/users/find-user.ts'
import { noteLogin } from '../../store/users/note-login.ts'
import type { LoginLimiter } from './login-limit.ts'
import { checkPassword, hashPassword } from './password.ts'

/** With the seconds after which another try is allowed. */
export class SignInLimited extends Failure {
  readonly retryAfterSeconds: number
  constructor(waitMs: number) {
    super('SIGN_IN_LIMITED', 'too many sign-ins failed for this name or from this network')
    this.retryAfterSeconds = Math.ceil(waitMs / 1000)
  }
}

let standIn: Promise<string> | undefined

/** SIGN_IN_FAILED, SIGN_IN_LIMITED, SERVER_BUSY */
export async function signIn(
  store: Store,
  limiter: LoginLimiter,
  given: { readonly name: string; readonly password: string; readonly address: string },
  now: number,
): Promise<User> {
  const wait = limiter.attempt(given.name, given.address, now)
  if (wait > 0) throw new SignInLimited(wait)
  const found = await findUserByName(store.db, given.name)
  standIn ??= hashPassword('nobody has this password')
  const { right, outdated } = await checkPassword(given.password, found?.passwordHash ?? (await standIn))
  if (found === undefined || !right || found.user.disabled) throw new Failure('SIGN_IN_FAILED', 'the name or the password is wrong')
  limiter.succeeded(given.name, given.address)
  await noteLogin(store.db, found.user.id, now, outdated ? await hashPassword(given.password) : undefined)
  return found.user
}
