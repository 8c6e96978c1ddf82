/** The targets of one `understudy replicate`: as arguments, and what is told of each. */
import { Failure } from '../core/failure.ts'
import { explainError } from '../replication/explain.ts'
import type { PoolLogin } from '../xapi/pool-url.ts'
import type { Xapi } from '../xapi/xapi.ts'
import { UsageError } from './command.ts'
import { poolArgument, uuidArgument } from './pool-arguments.ts'
import { failed, toldAsJson } from './told-failure.ts'

export interface TargetArgument {
  readonly to: PoolLogin
  readonly sr: string
}

/** At least one. */
export const srArguments = (texts: readonly string[] | undefined): [string, ...string[]] => {
  const [first, ...others] = texts ?? []
  return [uuidArgument(first, '--sr'), ...others.map((text) => uuidArgument(text, '--sr'))]
}

/** In pairs, in the order given; one pool serves several storage repositories. */
export function targetArguments(urls: readonly string[], srs: readonly string[]): TargetArgument[] {
  const pools = urls.length === 0 ? [poolArgument(undefined, '--to')] : urls.map((url) => poolArgument(url, '--to'))
  if (pools.length > 1 && pools.length !== srs.length) {
    throw new UsageError(`${pools.length} --to and ${srs.length} --sr: give them in pairs, or one --to for all`)
  }
  const twice = srs.find((sr, nth) => srs.indexOf(sr) !== nth)
  if (twice !== undefined) throw new UsageError(`--sr ${twice} is named twice`)
  return srs.map((sr, nth) => ({ to: (pools[nth] ?? pools[0]) as PoolLogin, sr }))
}

/** With targets in several pools a mapping is for those that have the network; one that none has is for all, to be told of. */
export async function mapNetworks(
  networks: readonly (readonly [string, string | null])[],
  opened: readonly PromiseSettledResult<Xapi>[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | null>[]> {
  if (opened.length === 1 || networks.length === 0) return opened.map(() => new Map(networks))
  const there = await Promise.all(
    opened.map(async (target) => {
      if (target.status === 'rejected') return new Set<string>()
      return new Set([...(await target.value.records('network', { signal })).values()].map(({ uuid }) => uuid))
    }),
  )
  const nobodys = (to: string) => there.every((known) => !known.has(to))
  return there.map((known) => new Map(networks.filter(([, to]) => to === null || known.has(to) || nobodys(to))))
}

/** What came of one target, ready to be printed. */
export type Told =
  | { readonly kind: 'success'; readonly told: object; readonly text: string }
  | { readonly kind: 'failure'; readonly error: unknown }

export const nameOf = ({ to, sr }: TargetArgument) => `target ${sr} of ${to.url}`

/** Every target's report, in the order of the arguments; those that failed are named in one error. */
export function tellAll(targets: readonly TargetArgument[], outcomes: readonly Told[], json: boolean): number {
  const failures = outcomes.flatMap((outcome, nth) => {
    if (outcome.kind === 'success') return []
    const explained = explainError(outcome.error)
    return [{ nth, error: explained instanceof Failure ? explained : (explained as Error) }]
  })
  if (json) {
    const told = outcomes.map((outcome, nth) => {
      if (outcome.kind === 'success') return outcome.told
      const { to, sr } = targets[nth] as TargetArgument
      const error = failures.find((failure) => failure.nth === nth)?.error
      return {
        to: to.url,
        sr: { uuid: sr },
        ...(error instanceof Failure ? failed(error) : { status: 'failed', error: { message: error?.message } }),
      }
    })
    process.stdout.write(`${JSON.stringify({ targets: told })}\n`)
  } else for (const outcome of outcomes) if (outcome.kind === 'success') process.stdout.write(outcome.text)
  if (failures.length === 0) return 0
  const texts = failures.map(({ nth, error }) => {
    const hint = error instanceof Failure && error.hint !== '' ? ` (${error.hint})` : ''
    return `${nameOf(targets[nth] as TargetArgument)}: ${error.message}${hint}`
  })
  const all = new Error(`${failures.length} of ${outcomes.length} targets failed: ${texts.join('; ')}`)
  throw json ? toldAsJson(all) : all
}
