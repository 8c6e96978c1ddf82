/** Puts a route of ours into Fastify: checks, rights, audit, idempotency, answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { Failure } from '../core/failure.ts'
import type { ApiContext } from './api-context.ts'
import { admit } from './auth/gate.ts'
import { actorOf } from './auth/principal.ts'
import { checkerOf } from './check-input.ts'
import { once } from './idempotency.ts'
import { InputInvalid, PROBLEM_TYPE, problemOf, problemSchema } from './problem.ts'
import { recordAudit } from './record-audit.ts'
import type { AnyRoute } from './route.ts'
import { closed, id } from './schema/forms.ts'

export const API_PREFIX = '/api/v1'
const NOBODY = { kind: 'system', id: '', name: 'nobody' } as const

declare module 'fastify' {
  interface FastifyContextConfig {
    route?: AnyRoute
  }
}

/** @param checkReplies for tests: an answer that is not what its schema says is an error */
export function registerRoute(app: FastifyInstance, api: ApiContext, spec: AnyRoute, tag: string, checkReplies: boolean): void {
  const names = [...spec.path.matchAll(/:(\w+)/g)].map((match) => match[1] as string)
  const status = spec.reply === undefined ? 204 : (spec.status ?? 200)
  const checkReply = checkReplies && spec.reply !== undefined ? checkerOf(spec.reply as TSchema) : undefined
  const ok =
    spec.reply === undefined
      ? { [status]: { type: 'null', description: 'done' } }
      : { [status]: describe(spec.reply as TSchema, spec.replyType ?? 'application/json') }
  app.route({
    method: spec.method,
    url: `${API_PREFIX}${spec.path}`,
    config: { route: spec },
    ...(spec.bodyLimit === undefined ? {} : { bodyLimit: spec.bodyLimit }),
    schema: {
      tags: [tag],
      operationId: operationId(spec),
      summary: spec.summary,
      description: [spec.description, needsInWords(spec)].filter(Boolean).join('\n\n'),
      security: spec.needs === 'public' ? [] : [{ token: [] }, { session: [] }],
      ...(names.length === 0 ? {} : { params: closed(Object.fromEntries(names.map((name) => [name, id]))) }),
      ...(spec.query === undefined ? {} : { querystring: spec.query }),
      ...(spec.body === undefined ? {} : { body: spec.body }),
      ...headersOf(spec),
      response: { ...ok, '4xx': { description: 'what went wrong', content: { [PROBLEM_TYPE]: { schema: problemSchema } } } },
    },
    onRequest: async (request) => await admit(api, spec, request),
    handler: async (request, reply) => await answer(api, spec, request, reply, status, checkReply),
  })
}

async function answer(
  api: ApiContext,
  spec: AnyRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  checkReply: ((value: unknown) => unknown) | undefined,
): Promise<FastifyReply> {
  const { who } = request
  const actor = who === null ? NOBODY : actorOf(who)
  const work = async () => {
    const result: unknown = await spec.handle({
      api,
      params: request.params as Record<string, string>,
      query: request.query,
      body: request.body,
      who: who as never,
      actor,
      request,
      reply,
    })
    if (!reply.sent) checkReply?.(JSON.parse(JSON.stringify(result)))
    return result
  }
  const audited = async () => {
    if (spec.audit === undefined) return await work()
    let result: unknown
    try {
      result = await work()
    } catch (error) {
      await recordAudit(api, { actor, request, action: spec.audit, outcome: problemOf(error, request.id).code })
      throw error
    }
    await recordAudit(api, { actor, request, action: spec.audit, outcome: 'done', ...objectOf(result) })
    return result
  }
  const key = request.headers['idempotency-key']
  if (spec.idempotent && typeof key === 'string' && who !== null) {
    const kept = await once(api, who, request, key, async () => ({ status, body: JSON.stringify(await audited()) }))
    if (kept.replayed) void reply.header('idempotency-replayed', 'true')
    withLocation(spec, kept.status, JSON.parse(kept.body), request, reply)
    return reply.code(kept.status).type('application/json; charset=utf-8').send(kept.body)
  }
  const result = await audited()
  // Who answers by itself gives the reply, which is a promise of its end.
  if (reply.sent) return reply
  withLocation(spec, status, result, request, reply)
  return reply.code(status).send(result)
}

const idOf = (result: unknown): string | undefined => {
  const found = (result as { readonly id?: unknown } | null | undefined)?.id
  return typeof found === 'string' ? found : undefined
}

function objectOf(result: unknown): { readonly object?: string } {
  const object = idOf(result)
  return object === undefined ? {} : { object }
}

/** Where what was made can be found. */
function withLocation(spec: AnyRoute, status: number, result: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const made = idOf(result)
  if (spec.method !== 'POST' || made === undefined || (status !== 201 && status !== 202)) return
  const at = spec.makes === undefined ? request.url.split('?')[0] : `${API_PREFIX}${spec.makes}`
  void reply.header('location', `${at}/${encodeURIComponent(made)}`)
}

/** `If-Match: "3"`: the version that a change was made of; undefined: whichever. */
export function versionAsked(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match']
  if (header === undefined || header === '*') return undefined
  const version = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header)?.[1]
  if (version === undefined) throw new InputInvalid([{ field: 'If-Match', message: 'must be the ETag that was given with the job' }])
  return Number(version)
}

function headersOf(spec: AnyRoute): { readonly headers?: TSchema } {
  const header = (description: string) => Type.Optional(Type.String({ description }))
  const headers = {
    ...(spec.idempotent
      ? { 'idempotency-key': header('sent again within a day, the same request gets the same answer and nothing happens twice') }
      : {}),
    ...(spec.ifMatch ? { 'if-match': header('ETag of the version that the change was made of; another one is refused with 412') } : {}),
  }
  // Other headers come as well: not a closed object.
  return Object.keys(headers).length === 0 ? {} : { headers: Type.Object(headers) }
}

function needsInWords({ needs }: AnyRoute): string {
  return needs === 'public' ? 'For everybody.' : `For role ${needs}${needs === 'administrator' ? '' : ' and above'}.`
}

/** `GET /jobs/:id/schedules` → `getJobsByIdSchedules` */
function operationId({ method, path }: AnyRoute): string {
  const words = path
    .split('/')
    .filter(Boolean)
    .map((part) => (part.startsWith(':') ? `by-${part.slice(1)}` : part))
  return `${method.toLowerCase()}-${words.join('-')}`.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Events are told by the schema of what one of them holds. */
const describe = (schema: TSchema, type: string) => ({ description: 'done', content: { [type]: { schema } } })

/** Nothing of ours is at an address below the API. */
export const noSuchAddress = (request: FastifyRequest) =>
  new Failure('NO_SUCH_ADDRESS', `there is no ${request.method} ${request.url.split('?')[0]}`)
