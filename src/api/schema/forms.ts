/** Forms that all schemas are made of. A schema with a `title` becomes a component of the OpenAPI document under that name. */
import Type, { type Static, type TOptional, type TProperties, type TSchema, type TSchemaOptions } from 'typebox'

/** An object that refuses fields it does not know. */
export const closed = <P extends TProperties>(properties: P, options: TSchemaOptions = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

export const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** An object with any keys. */
export const dictionary = <S extends TSchema>(values: S, options: TSchemaOptions = {}) =>
  Type.Unsafe<Record<string, Static<S>>>({ type: 'object', additionalProperties: values, ...options })

/** The same fields, all of which may be left out. */
export const partial = <P extends TProperties>(properties: P, options: TSchemaOptions = {}) => {
  const made = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)]))
  return closed(made as { [K in keyof P]: TOptional<P[K]> }, options)
}

export const timestamp = Type.String({ format: 'date-time', description: 'ISO 8601, UTC' })
export const uuid = Type.String({ format: 'uuid' })
/** Of an object of ours in a path or a filter: also what is no uuid is asked for, and not found. */
export const id = Type.String({ minLength: 1, maxLength: 100 })
export const line = (maxLength = 200) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })
export const count = Type.Integer({ minimum: 0 })

/** A page of a list: `next` goes into the next request's `after`; null: there is no more. */
export const page = <S extends TSchema>(items: S, title: string) =>
  closed({ items: Type.Array(items), next: nullable(Type.String()) }, { title })

/** A list that comes whole, in the form of a page. */
export const pageRequest = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: 'items at most; default 100' })),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: '`next` of the page before' })),
}

export const reason = closed(
  {
    code: Type.String(),
    text: Type.String(),
    avoid: Type.Optional(Type.String({ description: 'what would have avoided it' })),
  },
  { title: 'Reason' },
)

export const failure = closed(
  { code: Type.String({ description: 'see docs/errors.md' }), message: Type.String(), hint: Type.String() },
  { title: 'RunFailure' },
)
