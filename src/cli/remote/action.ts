/**
 * What the commands against a server are made of: nouns (`job`) with actions (`create`). Usage, parsing and shell completion all come from
 * the same declaration, so that none of them can forget an option.
 */
import type { Context } from './context.ts'
import type { Given } from './given.ts'

/** What a shell can complete an argument with: names that the server knows, files, or fixed words. */
export type Completes =
  | 'pool'
  | 'job'
  | 'schedule'
  | 'vm'
  | 'sr'
  | 'run'
  | 'plan'
  | 'user'
  | 'token'
  | 'channel'
  | 'server'
  | 'file'
  | readonly string[]

export interface OptionSpec {
  /** Left out: a flag. Else what stands for the value in the usage. */
  readonly value?: string
  readonly multiple?: boolean
  readonly help: string
  readonly completes?: Completes
}

export interface PositionalSpec {
  readonly name: string
  readonly optional?: boolean
  /** The last one may come several times. */
  readonly repeated?: boolean
  readonly completes?: Completes
}

export interface Action {
  readonly summary: string
  readonly positionals?: readonly PositionalSpec[]
  readonly options?: Readonly<Record<string, OptionSpec>>
  /** What the usage says besides. */
  readonly notes?: string
  /** It says something to no server. */
  readonly local?: boolean
  run(context: Context, given: Given): Promise<number>
}

export interface Noun {
  readonly name: string
  readonly summary: string
  readonly actions: Readonly<Record<string, Action>>
  readonly notes?: string
}

/** Options of every action that speaks to a server. */
export const COMMON: Readonly<Record<string, OptionSpec>> = {
  server: {
    value: 'SERVER',
    help: "address, or a name of 'understudy config list' (also UNDERSTUDY_SERVER)",
    completes: 'server',
  },
  'token-file': {
    value: 'FILE',
    help: 'file that holds the API token (also UNDERSTUDY_TOKEN; else the one that login stored)',
    completes: 'file',
  },
  trust: {
    value: 'FINGERPRINT',
    multiple: true,
    help: 'accept the server certificate with this SHA-256 fingerprint (also UNDERSTUDY_TRUST)',
  },
  json: { help: 'what the API answers, as JSON on standard output, nothing else' },
  wide: { help: 'every column in full, with exact times' },
}
/** Of an action that speaks to no server. */
export const LOCAL: Readonly<Record<string, OptionSpec>> = {
  json: { help: 'as JSON on standard output, nothing else' },
  wide: { help: 'in full' },
}

export function optionsOf(action: Action): Readonly<Record<string, OptionSpec>> {
  return { ...action.options, ...(action.local === true ? LOCAL : COMMON) }
}
