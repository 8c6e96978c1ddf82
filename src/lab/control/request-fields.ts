import type { Extent } from '../../block/block.ts'

/** A request that can't be carried out as it stands. The status is the HTTP status that says so. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * The JSON object of a request, read field by field; every complaint names the field. `where` stands before the names in
 * complaints (`disks[0].`). Fields that nobody asked for are complained about by `done`, so that a typing error isn't a silence.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #where: string
  readonly #read = new Set<string>()

  constructor(value: unknown, where = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ControlError(400, where === '' ? 'the request needs a JSON object' : `${where.slice(0, -1)} needs to be an object`)
    }
    this.#values = value as Readonly<Record<string, unknown>>
    this.#where = where
  }

  has(name: string): boolean {
    this.#read.add(name)
    return Object.hasOwn(this.#values, name) && this.#values[name] !== undefined && this.#values[name] !== null
  }

  text(name: string, fallback?: string): string {
    const value = this.#get(name, fallback)
    if (typeof value !== 'string') throw this.#wrong(name, 'a string')
    return value
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const value = this.#get(name, fallback)
    if (!choices.includes(value as T)) throw this.#wrong(name, `one of ${choices.join(', ')}`)
    return value as T
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#get(name, fallback)
    if (typeof value !== 'boolean') throw this.#wrong(name, 'true or false')
    return value
  }

  /** A whole number from `least` to `most`; a multiple of `multiple`. */
  integer(name: string, limits: { readonly least: number; readonly most: number; readonly multiple?: number }, fallback?: number): number {
    const value = this.#get(name, fallback)
    const { least, most, multiple = 1 } = limits
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most || value % multiple !== 0) {
      throw this.#wrong(name, `a whole number from ${least} to ${most}${multiple === 1 ? '' : `, a multiple of ${multiple}`}`)
    }
    return value
  }

  /** A seed: a string, or a number taken as one. */
  seed(fallback = '0'): string {
    const value = this.#get('seed', fallback)
    if (typeof value !== 'string' && typeof value !== 'number') throw this.#wrong('seed', 'a string or a number')
    return String(value)
  }

  list(name: string, most: number): readonly unknown[] {
    const value = this.#get(name, undefined)
    if (!Array.isArray(value) || value.length > most) throw this.#wrong(name, `a list of at most ${most}`)
    return value
  }

  texts(name: string, most: number): string[] {
    const values = this.list(name, most)
    for (const value of values) if (typeof value !== 'string') throw this.#wrong(name, 'a list of strings')
    return values as string[]
  }

  /** All fields as they came, for who checks them himself. */
  all(): Readonly<Record<string, unknown>> {
    for (const name of Object.keys(this.#values)) this.#read.add(name)
    return this.#values
  }

  /** All fields, as a map of strings. */
  strings(): Record<string, string> {
    return Object.fromEntries(Object.keys(this.#values).map((name) => [name, this.text(name)]))
  }

  object(name: string): Fields {
    return new Fields(this.#get(name, undefined), `${this.#where}${name}.`)
  }

  objects(name: string, most: number): Fields[] {
    return this.list(name, most).map((value, index) => new Fields(value, `${this.#where}${name}[${index}].`))
  }

  /** `{offset, length}` in multiples of 512. */
  extent(): Extent {
    const limits = { least: 0, most: 2 ** 50, multiple: 512 }
    const extent = { offset: this.integer('offset', limits), length: this.integer('length', { ...limits, least: 512 }) }
    this.done()
    return extent
  }

  /** Complains about fields that were not read. */
  done(): void {
    const unread = Object.keys(this.#values).filter((name) => !this.#read.has(name))
    if (unread.length > 0)
      throw new ControlError(
        400,
        `there is no field ${unread.map((name) => this.#where + name).join(', ')}; known here: ${[...this.#read].join(', ')}`,
      )
  }

  #get(name: string, fallback: unknown): unknown {
    if (this.has(name)) return this.#values[name]
    if (fallback === undefined) throw new ControlError(400, `${this.#where}${name} is missing`)
    return fallback
  }

  #wrong(name: string, what: string): ControlError {
    return new ControlError(400, `${this.#where}${name} needs to be ${what}`)
  }
}
