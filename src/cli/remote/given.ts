/** The arguments of an action, read by what they have to be. */
import { parseArgs } from 'node:util'
import { UsageError } from '../command.ts'
import { type Action, optionsOf, type PositionalSpec } from './action.ts'

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

export class Given {
  readonly #values: Values
  readonly #positionals: Readonly<Record<string, readonly string[]>>

  constructor(values: Values, positionals: Readonly<Record<string, readonly string[]>>) {
    this.#values = values
    this.#positionals = positionals
  }

  /** An argument that the action's declaration says is there. */
  argument(name: string): string {
    const [value] = this.#positionals[name] ?? []
    if (value === undefined) throw new UsageError(`${name} is missing`)
    return value
  }

  optional(name: string): string | undefined {
    return this.#positionals[name]?.[0]
  }

  all(name: string): readonly string[] {
    return this.#positionals[name] ?? []
  }

  text(option: string): string | undefined {
    const value = this.#values[option]
    return typeof value === 'string' ? value : undefined
  }

  needed(option: string): string {
    const value = this.text(option)
    if (value === undefined || value === '') throw new UsageError(`--${option} is missing`)
    return value
  }

  flag(option: string): boolean {
    return this.#values[option] === true
  }

  list(option: string): readonly string[] {
    const value = this.#values[option]
    return Array.isArray(value) ? (value as readonly string[]) : typeof value === 'string' ? [value] : []
  }

  /** A whole number between two. */
  number(option: string, least: number, most: number): number | undefined {
    const text = this.text(option)
    if (text === undefined) return undefined
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) throw new UsageError(`--${option} is a number from ${least} to ${most}, not '${text}'`)
    return value
  }

  choice<T extends string>(option: string, choices: readonly T[]): T | undefined {
    const text = this.text(option)
    if (text === undefined) return undefined
    const found = choices.find((each) => each === text)
    if (found === undefined) throw new UsageError(`--${option} is one of ${choices.join(', ')}, not '${text}'`)
    return found
  }
}

/** Throws UsageError. */
export function parseGiven(action: Action, args: readonly string[]): Given {
  refuseSecrets(args)
  const options = Object.fromEntries(
    Object.entries(optionsOf(action)).map(([name, { value, multiple }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), multiple: multiple === true },
    ]),
  )
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  return new Given(values as Values, arrange(action.positionals ?? [], positionals))
}

/** What stands in arguments is in the list of processes, for every user of the machine, and in the history of the shell. */
function refuseSecrets(args: readonly string[]): void {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  const secret = options.map((each) => /^--(token|password|secret)(?:=|$)/.exec(each)?.[1]).find((each) => each !== undefined)
  if (secret === undefined) return
  throw new UsageError(`a ${secret} in the arguments is readable in the list of processes: put it into a file and give --${secret}-file`)
}

function arrange(specs: readonly PositionalSpec[], words: readonly string[]): Record<string, readonly string[]> {
  const out: Record<string, readonly string[]> = {}
  let left = words
  for (const { name, optional, repeated } of specs) {
    const taken = repeated ? left : left.slice(0, 1)
    left = left.slice(taken.length)
    if (taken.length === 0 && !optional) throw new UsageError(`${name} is missing`)
    out[name] = taken
  }
  if (left.length > 0) throw new UsageError(`unexpected argument '${left[0]}'`)
  return out
}
