/** What a route of the API is: one value says its address, who may call it, what comes in and goes out, and what is recorded of it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Actor } from '../core/control/audit.ts'
import type { Role } from '../core/control/user.ts'
import type { ApiContext } from './api-context.ts'
import type { Principal } from './auth/principal.ts'
import type { DeepReadonly } from './schema/same-type.ts'

/** `public`: without signing in. */
export type Access = Role | 'public'

type ParamNames<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamNames<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

type In<S> = S extends TSchema ? Static<S> : undefined
type Out<S> = S extends TSchema ? DeepReadonly<Static<S>> : undefined

export interface Call<Path extends string, Query, Body, Who> {
  readonly api: ApiContext
  readonly params: Readonly<Record<ParamNames<Path>, string>>
  readonly query: In<Query>
  readonly body: In<Body>
  readonly who: Who
  /** Of `who`; on public routes nobody in particular. */
  readonly actor: Actor
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

export interface RouteSpec<
  Path extends string,
  Query extends TSchema | undefined,
  Body extends TSchema | undefined,
  Reply extends TSchema | undefined,
  Needs extends Access,
> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Below /api/v1 */
  readonly path: Path
  readonly needs: Needs
  /** A sentence for the documentation; the first word says what is done. */
  readonly summary: string
  readonly description?: string
  readonly query?: Query
  readonly body?: Body
  /** Left out: nothing comes back (204). */
  readonly reply?: Reply
  /** Default: application/json. */
  readonly replyType?: string
  /** 200 unless said otherwise. */
  readonly status?: 200 | 201 | 202
  /** Recorded in the audit log, after it was done or failed. Changes that record nothing say why in a comment. */
  readonly audit?: string
  /** Takes an Idempotency-Key. Never where the answer holds a secret: answers are stored. */
  readonly idempotent?: boolean
  /** Where what it makes is found, below /api/v1, when that is not below its own path. */
  readonly makes?: string
  /** Takes If-Match with a version. */
  readonly ifMatch?: boolean
  readonly bodyLimit?: number
  handle(
    call: Call<Path, Query, Body, Needs extends 'public' ? Principal | undefined : Principal>,
  ): Promise<Out<Reply> | FastifyReply> | Out<Reply> | FastifyReply
}

// biome-ignore lint/suspicious/noExplicitAny: a list of routes holds calls of every shape; each was checked where it was defined
export type AnyRoute = RouteSpec<string, any, any, any, any>

export function route<
  const Path extends string,
  const Needs extends Access,
  Query extends TSchema | undefined = undefined,
  Body extends TSchema | undefined = undefined,
  Reply extends TSchema | undefined = undefined,
>(spec: RouteSpec<Path, Query, Body, Reply, Needs>): AnyRoute {
  return spec as unknown as AnyRoute
}
