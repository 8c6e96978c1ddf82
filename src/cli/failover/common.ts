/** What the commands that start, clone and fail over VMs share: their options, their connections, how they end. */
import { randomUUID } from 'node:crypto'
import type { NetworkChoice } from '../../core/failover/copy-networks.ts'
import { parseCheck, type ReadinessCheck } from '../../core/failover/readiness.ts'
import { Failure } from '../../core/failure.ts'
import { systemClock } from '../../replication/failover/clock.ts'
import type { CopyWishes } from '../../replication/failover/clone.ts'
import type { FailoverOptions } from '../../replication/failover/options.ts'
import type { SilentPool } from '../../replication/failover/source-look.ts'
import { XapiConnectionError } from '../../xapi/errors.ts'
import type { PoolLogin } from '../../xapi/pool-url.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { askOnTerminal } from '../ask-trust.ts'
import { UsageError } from '../command.ts'
import { optionalUuid } from '../pool-arguments.ts'
import { inPoolSession } from '../pool-session.ts'
import { wantedPoint } from '../restore-point-argument.ts'

/** Of util.parseArgs. */
export const POINT_OPTIONS = {
  to: { type: 'string' },
  sr: { type: 'string' },
  vm: { type: 'string' },
  job: { type: 'string' },
  'restore-point': { type: 'string' },
  trust: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
} as const

export const POINT_USAGE = `  --to URL            pool where the replica is: https://user:password@host[:port], percent-encoded (also UNDERSTUDY_TO)
  --sr UUID           storage repository that the replica lives on
  --vm UUID           the source VM; its newest complete restore point is taken
  --job ID            uuid of the job (default: the only one with restore points of the VM there)
  --restore-point UUID  this restore point instead: uuid of the replica's snapshot`

export const TRUST_USAGE = `  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              what was done (or would be, or failed), as JSON on standard output, nothing else`

export const NETWORK_USAGE = `  --network CHOICE    isolated, replica (the networks that the replica has), none, the uuid of one network for all, or OLD=NEW for one
                      network of the replica (by uuid; NEW may be none); OLD=NEW is repeatable`

export interface Networks {
  readonly choice: NetworkChoice
  readonly mapping: ReadonlyMap<string, string | null>
}

export function networksOf(texts: readonly string[], fallback: NetworkChoice): Networks {
  const mapping = new Map<string, string | null>()
  let choice: NetworkChoice | undefined
  for (const text of texts) {
    const [from, to, ...more] = text.split('=')
    if (to !== undefined) {
      if (more.length > 0) throw new UsageError(`--network takes OLD=NEW or OLD=none, not '${text}'`)
      mapping.set(optionalUuid(from, '--network') as string, to === 'none' ? null : (optionalUuid(to, '--network') as string))
      continue
    }
    if (choice !== undefined) throw new UsageError('--network: one choice for all, and OLD=NEW for some')
    if (text === 'isolated' || text === 'replica' || text === 'none') choice = { kind: text }
    else choice = { kind: 'one', network: optionalUuid(text, '--network') as string }
  }
  return { choice: choice ?? fallback, mapping }
}

export const READY_USAGE = `  --ready CHECK       when the VM counts as up: tools (default: its guest tools report), address (they tell one), tcp:PORT (that address
                      accepts a connection), tcp:HOST:PORT, script:/PATH (a program on this machine ends with 0), running; repeatable, in order
  --ready-timeout S   seconds until it is given up (default 300)`

export function readinessOf(checks: readonly string[], timeout: string): { checks: ReadinessCheck[]; timeoutMs: number } {
  const seconds = Number(timeout)
  if (timeout === '' || !Number.isFinite(seconds) || seconds <= 0 || seconds > 86_400)
    throw new UsageError(`--ready-timeout takes seconds, up to a day, not '${timeout}'`)
  const wanted = (checks.length === 0 ? ['tools'] : checks).map((text) => {
    const check = parseCheck(text)
    if (check === undefined)
      throw new UsageError(`--ready takes tools, address, tcp:PORT, tcp:HOST:PORT, script:/PATH or running, not '${text}'`)
    return check
  })
  return { checks: wanted, timeoutMs: seconds * 1000 }
}

/** Of util.parseArgs, for what makes a VM of a restore point; `mac` has a default of its own in each command. */
export const COPY_OPTIONS = {
  ...POINT_OPTIONS,
  name: { type: 'string' },
  network: { type: 'string', multiple: true, default: [] as string[] },
  'dry-run': { type: 'boolean', default: false },
} as const

/** Of util.parseArgs. */
export const READY_OPTIONS = {
  ready: { type: 'string', multiple: true, default: [] as string[] },
  'ready-timeout': { type: 'string', default: '300' },
} as const

/** What COPY_OPTIONS ask for. Throws UsageError. */
export function copyWishesOf(
  values: Parameters<typeof wantedPoint>[0] & {
    readonly name?: string | undefined
    readonly network: readonly string[]
    readonly mac: string
  },
  fallback: NetworkChoice,
): CopyWishes {
  const { choice, mapping } = networksOf(values.network, fallback)
  const name = values.name === undefined ? {} : { name: values.name }
  return { wanted: wantedPoint(values), networks: choice, mapping, macs: macChoice(values.mac), ...name }
}

function macChoice(text: string): 'new' | 'keep' | 'safe' {
  if (text === 'new' || text === 'keep' || text === 'safe') return text
  throw new UsageError(`--mac is one of new, keep, safe, not ${text}`)
}

export interface Session extends FailoverOptions {
  readonly json: boolean
  /** The source pool, or another one. */
  connect(login: PoolLogin): Promise<Xapi>
  /** The same of a pool that may be gone: that it does not answer is told, and no failure. */
  reach(login: PoolLogin): Promise<Xapi | SilentPool>
  /** True when somebody on the terminal agrees, or `yes` says so beforehand. */
  agreed(question: string): Promise<boolean>
  /** What standard output gets: `value` as JSON, or the text. */
  print(value: unknown, text: () => string): void
}

/** How long a pool that may be gone is waited for. */
const REACH_MS = 15_000

/** Connects to the target, runs, logs out. */
export async function inSession(
  {
    to,
    yes = false,
    ...access
  }: { readonly to: PoolLogin; readonly trust: readonly string[]; readonly json: boolean; readonly yes?: boolean },
  use: (session: Session) => Promise<number>,
): Promise<number> {
  return inPoolSession(access, async ({ signal, json, open, show, clear, log, print }) =>
    use({
      target: await open('target', to),
      signal,
      id: randomUUID(),
      clock: systemClock,
      onEvent: (event) => (event.kind === 'step' ? show(event.text) : log(event.message)),
      json,
      print,
      connect: (login) => open('source', login),
      async reach(login) {
        try {
          return await open('source', login, REACH_MS)
        } catch (error) {
          signal.throwIfAborted()
          const gone = error instanceof Failure && error.cause instanceof XapiConnectionError
          if (!gone) throw error
          return { silent: error.message }
        }
      },
      async agreed(question) {
        clear()
        return yes || (await askOnTerminal(question, signal))
      },
    }),
  )
}

/** Throws Failure NOT_CONFIRMED unless somebody agrees. */
export async function confirm(session: Session, question: string): Promise<void> {
  if (!(await session.agreed(question))) throw new Failure('NOT_CONFIRMED', 'nobody agreed, and nothing was done')
}
