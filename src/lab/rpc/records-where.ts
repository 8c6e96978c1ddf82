/**
 * The query language of get_all_records_where: `field "name__label"="x"`, `and`, `or`, `not`, `true`, `false`, parentheses.
 * Field names are those of the database, where `__` stands between the parts of a grouped name and the API has `_`
 * (xen-api ocaml/database/db_filter_types.ml and db_filter_parse.mly).
 */
import { classes } from '../../xapi/model.ts'
import { type Row, type Value, XapiFailure } from '../pool.ts'

type Test = (row: Row) => boolean
type Operand = (row: Row) => string

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]+)|(==?|[()]))/y

/** Compiles an expression; INVALID_VALUE [expression, why] when it is none. */
export function compileWhere(className: string, expression: string): Test {
  const fail = (why: string) => new XapiFailure('INVALID_VALUE', [expression, `Failed to parse expression: ${why}`])
  const tokens = tokenise(expression, fail)
  let at = 0
  const peek = () => tokens[at]
  const accept = (token: string) => peek() === token && (at += 1) > 0
  const operand = (): Operand => {
    const token = tokens[at++]
    if (token === 'field') {
      const named = tokens[at++]
      if (!named?.startsWith('"')) throw fail('a quoted field name is due after "field"')
      return fieldOperand(className, named.slice(1), fail)
    }
    if (token?.startsWith('"')) return () => token.slice(1)
    throw fail(token === undefined ? 'it ends too early' : `"${token}" is not expected`)
  }
  const primary = (): Test => {
    if (accept('not')) {
      const inner = primary()
      return (row) => !inner(row)
    }
    if (accept('(')) {
      const inner = either()
      if (!accept(')')) throw fail('a closing parenthesis is missing')
      return inner
    }
    if (accept('true')) return () => true
    if (accept('false')) return () => false
    const left = operand()
    if (!accept('=') && !accept('==')) throw fail('"=" is due')
    const right = operand()
    return (row) => left(row) === right(row)
  }
  const both = (): Test => {
    let left = primary()
    while (accept('and')) {
      const [one, other] = [left, primary()]
      left = (row) => one(row) && other(row)
    }
    return left
  }
  const either = (): Test => {
    let left = both()
    while (accept('or')) {
      const [one, other] = [left, both()]
      left = (row) => one(row) || other(row)
    }
    return left
  }
  const test = either()
  if (at < tokens.length) throw fail(`"${peek()}" is not expected`)
  return test
}

function tokenise(expression: string, fail: (why: string) => XapiFailure): string[] {
  const out: string[] = []
  TOKEN.lastIndex = 0
  const end = expression.trimEnd().length
  while (TOKEN.lastIndex < end) {
    const found = TOKEN.exec(expression)
    if (!found) throw fail('a character is not expected')
    const [, quoted, word, sign] = found
    // A quoted text keeps one leading quote as its mark.
    out.push(
      quoted !== undefined ? `"${quoted.slice(1, -1).replace(/\\(.)/g, '$1')}` : word !== undefined ? word.toLowerCase() : (sign ?? ''),
    )
  }
  return out
}

function fieldOperand(className: string, name: string, fail: (why: string) => XapiFailure): Operand {
  const fields = classes[className]?.fields ?? {}
  const field = [name, name.replaceAll('__', '_')].find((one) => Object.hasOwn(fields, one))
  if (field === undefined) throw fail(`no field "${name}"`)
  return (row) => asText(row[field])
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
