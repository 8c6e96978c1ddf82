/** What the API's document says of one operation, for the compiler: what a call takes and what it answers. */
import type { paths } from './openapi.generated.ts'

export const PREFIX = '/api/v1'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** By their templates, without the prefix that all have. */
type Paths = { readonly [Path in keyof paths as Path extends `${typeof PREFIX}${infer Rest}` ? Rest : never]: paths[Path] }

/** Templates of paths that have the method. */
export type PathOf<M extends Method> = {
  [Path in keyof Paths]: Paths[Path] extends { readonly [K in M]: object } ? Path : never
}[keyof Paths]

export type Operation<M extends Method, Path extends PathOf<M>> = Paths[Path] extends { readonly [K in M]: infer One } ? One : never

/** Parameters in that place; `never` when there are none. */
type Parameters<One, Place extends 'path' | 'query' | 'header'> = One extends {
  readonly parameters: { readonly [K in Place]?: infer Values }
}
  ? NonNullable<Values>
  : never

type BodyOf<One> = One extends { readonly requestBody: { readonly content: { readonly 'application/json': infer Value } } } ? Value : never

/** What may be left out may be `undefined` too, which is not sent. */
type Loose<T> = { readonly [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K] }

/** Left out when there is none, optional when nothing in it is needed. */
type Part<Name extends string, Value> = [Value] extends [never]
  ? unknown
  : Record<never, never> extends Value
    ? { readonly [K in Name]?: Value }
    : { readonly [K in Name]: Value }

export type Options<One> = Part<'path', Parameters<One, 'path'>> &
  Part<'query', Loose<Parameters<One, 'query'>>> &
  Part<'header', Parameters<One, 'header'>> &
  Part<'body', BodyOf<One>> & { readonly signal?: AbortSignal }

/** The options of a call: not needed when nothing in them is. */
export type OptionsOf<M extends Method, Path extends PathOf<M>> =
  Record<never, never> extends Options<Operation<M, Path>>
    ? readonly [options?: Options<Operation<M, Path>>]
    : readonly [options: Options<Operation<M, Path>>]

type Content<Response> = Response extends { readonly content: infer Types } ? Types[keyof Types] : undefined

/** What comes back when it went well; `undefined` when nothing does. */
type AnswerOf<One> = One extends { readonly responses: infer Responses }
  ? { [Status in keyof Responses & (200 | 201 | 202 | 204)]: Content<Responses[Status]> }[keyof Responses & (200 | 201 | 202 | 204)]
  : never
export type Answer<M extends Method, Path extends PathOf<M>> = AnswerOf<Operation<M, Path>>
export type Body<M extends Method, Path extends PathOf<M>> = BodyOf<Operation<M, Path>>
export type Query<Path extends PathOf<'get'>> = Loose<Parameters<Operation<'get', Path>, 'query'>>

/** Paths that answer a list. */
export type ListPath = { [Path in PathOf<'get'>]: Answer<'get', Path> extends Page<unknown> ? Path : never }[PathOf<'get'>]
/** Those that answer it page by page, and are of nothing that a path would have to name. */
export type PagedPath = {
  [Path in ListPath]: 'after' extends keyof Query<Path> ? (Path extends `${string}{${string}` ? never : Path) : never
}[ListPath]
/** What the list has. */
export type Item<Path extends ListPath> = Answer<'get', Path> extends Page<infer One> ? One : never

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}
