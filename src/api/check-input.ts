/** Checks what comes in against its schema, and says in words what is wrong with which field. */

import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { Settings } from 'typebox/system'
import { type FieldError, InputInvalid } from './problem.ts'

Settings.Set({ maxErrors: 100 })

/**
 * A check for one schema; what it gives back is the value, or it throws InputInvalid. `texts`: all values came as text (query strings), and
 * become numbers, booleans and lists where the schema wants them.
 */
export function checkerOf(schema: TSchema, { texts = false } = {}): (value: unknown) => unknown {
  const validator = Compile(schema)
  return (value) => {
    const given = texts ? validator.Convert(value ?? {}) : value
    if (validator.Check(given)) return given
    throw new InputInvalid(inWords(validator.Errors(given), schema, given).slice(0, 20))
  }
}

/** Errors of the branches of a union that were not meant are left out: what is meant is said by `kind`. */
function inWords(errors: readonly TLocalizedValidationError[], schema: TSchema, value: unknown): FieldError[] {
  const out = new Map<string, FieldError>()
  const tell = (each: FieldError) => void (out.has(each.field) || out.set(each.field, each))
  const meant = errors.filter((error) => {
    const branch = branchOf(error, schema, value)
    if (branch !== undefined && branch.kinds.length > 0 && !branch.isKnown) {
      tell({ field: fieldName(`${branch.at}/kind`), message: `must be one of ${branch.kinds.join(', ')}` })
    }
    return branch === undefined
  })
  const isSummary = ({ keyword, instancePath, schemaPath }: TLocalizedValidationError) =>
    keyword === 'anyOf' &&
    (out.has(fieldName(`${instancePath}/kind`)) || meant.some((other) => other.schemaPath.startsWith(`${schemaPath}/anyOf/`)))
  for (const error of meant) {
    if (error.message === 'schema is false' || isSummary(error) || isOnlyNull(error, meant)) continue
    for (const each of wordsOf(error, schema)) tell(each)
  }
  return out.size > 0 ? [...out.values()] : [{ field: '', message: 'is not what is expected here' }]
}

interface Unmeant {
  /** Pointer to the value that the union is for. */
  readonly at: string
  readonly kinds: readonly string[]
  /** Whether the value is of a kind that another branch is for. */
  readonly isKnown: boolean
}

type Node = Readonly<Record<string, unknown>> | undefined

/** Whether an error is of a branch that is for another `kind` than the value's: follows the path of the error down schema and value. */
function branchOf({ schemaPath, instancePath }: TLocalizedValidationError, schema: TSchema, value: unknown): Unmeant | undefined {
  const steps = schemaPath.split('/').slice(1)
  const names = instancePath.split('/').slice(1)
  let node = schema as Node
  let given = value
  let at = ''
  const descend = (name: string) => {
    given = (given as Node)?.[name]
    at += `/${name}`
  }
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index] as string
    node = node?.[step] as Node
    if (step === 'properties') {
      const name = steps[++index] as string
      node = node?.[name] as Node
      names.shift()
      descend(name)
    } else if (step === 'items' || step === 'additionalProperties') {
      const name = names.shift()
      if (name === undefined) return undefined
      descend(name)
    } else if (step === 'anyOf') {
      const branches = node as unknown as readonly Node[]
      const kindOf = (branch: Node) => ((branch?.properties as Node)?.kind as Node)?.const
      const kinds = branches.map(kindOf).filter((kind) => typeof kind === 'string')
      node = branches[Number(steps[++index])]
      const own = kindOf(node)
      if (kinds.length === 0) continue
      const kind = (given as Node)?.kind
      const isKnown = kinds.some((each) => each === kind)
      // Of something that is not even an object, "must be an object" is what there is to say.
      if (typeof given !== 'object' || given === null || (kind === undefined && own === undefined)) continue
      if (own !== kind) return { at, kinds, isKnown }
    }
  }
  return undefined
}

/** "must be null" of a field that may be null or something: the something is the news. */
function isOnlyNull(
  { keyword, params, instancePath, schemaPath }: TLocalizedValidationError,
  all: readonly TLocalizedValidationError[],
): boolean {
  const sibling = all.some(
    (other) => other.instancePath === instancePath && other.schemaPath !== schemaPath && !['anyOf'].includes(other.keyword),
  )
  if (keyword === 'anyOf') return sibling
  return keyword === 'type' && (params as { readonly type?: unknown }).type === 'null' && sibling
}

function wordsOf(error: TLocalizedValidationError, schema: TSchema): FieldError[] {
  const field = fieldName(error.instancePath)
  const beside = (name: string) => (field === '' ? name : `${field}.${name}`)
  switch (error.keyword) {
    case 'required':
      return error.params.requiredProperties.map((name) => ({ field: beside(name), message: 'is missing' }))
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => ({ field: beside(String(name)), message: 'is not known here' }))
    case 'enum':
      return [{ field, message: `must be one of ${error.params.allowedValues.join(', ')}` }]
    case 'type':
      return [{ field, message: `must be ${article(error.params.type)}` }]
    case 'minimum':
      return [{ field, message: `must be at least ${error.params.limit}` }]
    case 'maximum':
      return [{ field, message: `must be at most ${error.params.limit}` }]
    case 'minLength':
    case 'minItems':
      return [{ field, message: error.params.limit === 1 ? 'must not be empty' : `must have at least ${error.params.limit}` }]
    case 'maxLength':
    case 'maxItems':
      return [{ field, message: `must have at most ${error.params.limit}` }]
    case 'format':
      return [{ field, message: FORMATS[error.params.format] ?? `must be a ${error.params.format}` }]
    case 'pattern':
      return [{ field, message: descriptionAt(schema, error.schemaPath) ?? 'has characters that are not allowed, or another form' }]
    case 'anyOf':
      return [{ field, message: `must be one of the forms that the documentation has` }]
    default:
      return [{ field, message: error.message }]
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'must be a time in ISO 8601, as 2026-11-23T14:37:35Z',
  uuid: 'must be a uuid',
}

const article = (type: string | readonly string[]): string => {
  const names = typeof type === 'string' ? [type] : type
  return names.map((name) => (name === 'null' ? 'null' : /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`)).join(' or ')
}

/** `/schedules/0/timing/minutes` → `schedules[0].timing.minutes` */
function fieldName(pointer: string): string {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.reduce((name, part) => (/^\d+$/.test(part) ? `${name}[${part}]` : name === '' ? part : `${name}.${part}`), '')
}

/** What the schema says of itself: `is to be …` in words that a pattern has not. */
function descriptionAt(schema: TSchema, schemaPath: string): string | undefined {
  let at: unknown = schema
  for (const part of schemaPath.split('/').slice(1)) at = (at as Record<string, unknown> | undefined)?.[part]
  const text = (at as { readonly description?: unknown } | undefined)?.description
  return typeof text === 'string' ? `must be of the form: ${text}` : undefined
}
