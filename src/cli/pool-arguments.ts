/** The arguments that name pools, their objects and their certificates: read, told wrong and explained alike by every command. */
import { explainedTrust } from '../xapi/explained-trust.ts'
import { knownCertificatesFile } from '../xapi/known-certificates.ts'
import { type PoolLogin, PoolUrlError, parsePoolUrl } from '../xapi/pool-url.ts'
import { type TrustAsker, trustListed, trustRemembered } from '../xapi/trust.ts'
import { terminalAsker } from './ask-trust.ts'
import { UsageError } from './command.ts'
import type { PoolAccess } from './connect-pool.ts'

/** Comparing a fingerprint with what a host shows takes a person a while. */
const ASKING_MS = 600_000

type Environment = Readonly<Record<string, string | undefined>>

/** What stands in for an option that holds a password: in the environment it is in no list of processes. */
const STANDS_IN: Readonly<Record<string, string>> = {
  '--from': 'UNDERSTUDY_FROM',
  '--to': 'UNDERSTUDY_TO',
  '--original': 'UNDERSTUDY_FROM',
}

/** The pool that an option names, else its variable in the environment. Throws UsageError, which names what was wrong but no password. */
export function poolArgument(text: string | undefined, option: string, env: Environment = process.env): PoolLogin {
  const login = optionalPool(text, option, env)
  if (login === undefined) throw new UsageError(`${option} is missing: the URL of a pool, https://user:password@host`)
  return login
}

/** The same where a command can do without. */
export function optionalPool(text: string | undefined, option: string, env: Environment = process.env): PoolLogin | undefined {
  const variable = STANDS_IN[option]
  const fromEnvironment = text === undefined && variable !== undefined
  const url = fromEnvironment ? env[variable] : text
  if (url === undefined || url === '') return undefined
  try {
    return parsePoolUrl(url)
  } catch (error) {
    throw error instanceof PoolUrlError ? new UsageError(`${fromEnvironment ? variable : option}: ${error.message}`) : error
  }
}

/** In lower case, as XAPI writes them. Throws UsageError. */
export function uuidArgument(text: string | undefined, option: string): string {
  const uuid = optionalUuid(text, option)
  if (uuid === undefined) throw new UsageError(`${option} is missing`)
  return uuid
}

export function optionalUuid(text: string | undefined, option: string): string | undefined {
  if (text === undefined) return undefined
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new UsageError(`${option} takes a uuid, not '${text}'`)
  return text.toLowerCase()
}

/** `SOURCE=TARGET` or `SOURCE=none`, networks by uuid. Throws UsageError. */
export function networkArgument(text: string): [string, string | null] {
  const [from, to, ...more] = text.split('=')
  if (to === undefined || more.length > 0) throw new UsageError(`--network takes SOURCE=TARGET or SOURCE=none, not '${text}'`)
  return [uuidArgument(from, '--network'), to === 'none' ? null : uuidArgument(to, '--network')]
}

/**
 * Whose certificates are accepted: those of `--trust`, then those of UNDERSTUDY_TRUST, then those accepted earlier; on a terminal the user is
 * asked about a new one, and has time to compare. Throws UsageError for a fingerprint that is none.
 * @param beforeAsking clears the screen for the question
 * @param asker whom to ask in place of the terminal; null for nobody
 */
export function trustArgument(
  given: readonly string[],
  signal: AbortSignal,
  {
    beforeAsking,
    env = process.env,
    asker = terminalAsker(signal),
  }: { readonly beforeAsking?: () => void; readonly env?: Environment; readonly asker?: TrustAsker | null } = {},
): PoolAccess {
  const ask: TrustAsker | undefined = asker
    ? (address, fingerprint) => {
        beforeAsking?.()
        return asker(address, fingerprint)
      }
    : undefined
  const listed = (name: string, texts: readonly string[]) => {
    try {
      return [name, trustListed(texts)] as const
    } catch (error) {
      throw new UsageError(`${name}: ${(error as Error).message}`)
    }
  }
  const file = knownCertificatesFile(env)
  const trust = explainedTrust([
    listed('--trust', given),
    listed('UNDERSTUDY_TRUST', [env.UNDERSTUDY_TRUST ?? '']),
    ['what was accepted earlier', trustRemembered(file)],
    ...(ask === undefined ? [] : ([['you, just now', trustRemembered(file, ask)]] as const)),
  ])
  return ask === undefined ? { trust } : { trust, loginTimeoutMs: ASKING_MS }
}
