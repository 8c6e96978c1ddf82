/**
 * The query language of get_all_records_where: `field "name__label"="x"`, `and`, `or`, `not`, `true`, `false`, parentheses.
 * `and` and `or` bind alike, from left to right, and `not` takes everything to its right (xen-api ocaml/database/db_filter_parse.mly,
 * db_filter_lex.mll). Field names are those of the database, where `__` stands between the parts of a grouped name and the API
 * has `_`; both are understood here.
 */
import { classes } from '../../xapi/model.ts'
import { type Row, type Value, XapiFailure } from '../pool.ts'

type Test = (row: Row) => boolean
type Operand = (row: Row) => string
/** A quoted text, or one of the language's own words and signs. */
type Token = { readonly text: string } | string

/** Deepest nesting; real expressions have a handful. */
const MAX_DEPTH = 200

/** Compiles an expression; INVALID_VALUE [expression, why] when it is none. */
export function compileWhere(className: string, expression: string): Test {
  const parser = new Parser(className, expression)
  const test = parser.expression(0)
  parser.end()
  return test
}

class Parser {
  readonly #className: string
  readonly #expression: string
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(className: string, expression: string) {
    this.#className = className
    this.#expression = expression
    this.#tokens = this.#tokenise()
  }

  expression(depth: number): Test {
    if (depth > MAX_DEPTH) throw this.#failure('it is nested too deeply')
    if (this.#accept('not')) {
      const inner = this.expression(depth + 1)
      return (row) => !inner(row)
    }
    let left = this.#primary(depth)
    for (;;) {
      const operator = this.#accept('and') ? 'and' : this.#accept('or') ? 'or' : undefined
      if (!operator) return left
      const [one, other] = [left, this.#operandOf(depth)]
      left = operator === 'and' ? (row) => one(row) && other(row) : (row) => one(row) || other(row)
    }
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw this.#failure('something follows its end')
  }

  #operandOf(depth: number): Test {
    return this.#tokens[this.#at] === 'not' ? this.expression(depth + 1) : this.#primary(depth)
  }

  #primary(depth: number): Test {
    if (this.#accept('(')) {
      const inner = this.expression(depth + 1)
      if (!this.#accept(')')) throw this.#failure('a closing parenthesis is missing')
      return inner
    }
    if (this.#accept('true')) return () => true
    if (this.#accept('false')) return () => false
    const left = this.#operand()
    if (!this.#accept('=')) throw this.#failure('"=" is due')
    const right = this.#operand()
    return (row) => left(row) === right(row)
  }

  #operand(): Operand {
    const isField = this.#accept('field')
    const token = this.#tokens[this.#at]
    if (typeof token !== 'object') throw this.#failure('a quoted text is due')
    this.#at += 1
    if (!isField) return () => token.text
    const fields = classes[this.#className]?.fields ?? {}
    const field = [token.text, token.text.replaceAll('__', '_')].find((name) => Object.hasOwn(fields, name))
    if (field === undefined) throw this.#failure(`no field "${token.text}"`)
    return (row) => asText(row[field])
  }

  #accept(word: string): boolean {
    if (this.#tokens[this.#at] !== word) return false
    this.#at += 1
    return true
  }

  #tokenise(): Token[] {
    const out: Token[] = []
    const pattern = /[ \t\n]*(?:"([^"]*)"|(true|false|field|and|or|not|[=()])|$)/y
    while (pattern.lastIndex < this.#expression.length) {
      const found = pattern.exec(this.#expression)
      if (!found) throw this.#failure('a word is not known')
      const [, quoted, word] = found
      if (quoted !== undefined) out.push({ text: quoted })
      else if (word !== undefined) out.push(word)
    }
    return out
  }

  #failure(why: string): XapiFailure {
    return new XapiFailure('INVALID_VALUE', [this.#expression, `The expression can't be parsed: ${why}`])
  }
}

/** A value as the database stores it: text, sets and maps as s-expressions. */
function asText(value: Value | undefined): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return `(${value.map((one) => `'${asText(one as Value)}'`).join(' ')})`
  return `(${Object.entries(value ?? {})
    .map(([key, one]) => `('${key}' '${asText(one as Value)}')`)
    .join(' ')})`
}
