/** Builds the HTTP server of Understudy without listening: API, documentation, live events, health, figures, the page. */
import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyServerOptions, RouteOptions } from 'fastify'
import { fastify, LogController } from 'fastify'
import type { TSchema } from 'typebox'
import { Failure } from '../core/failure.ts'
import { freeUnanswered } from '../store/idempotency/free-unanswered.ts'
import type { ApiContext, ApiParts } from './api-context.ts'
import { Endings } from './auth/endings.ts'
import { isKnownHost, type KnownNames } from './auth/known-hosts.ts'
import { LoginLimiter } from './auth/login-limit.ts'
import { checkerOf } from './check-input.ts'
import { EventRing } from './events/event-ring.ts'
import { EventStreams } from './events/event-streams.ts'
import { logRequests } from './logging.ts'
import { describeApi } from './openapi.ts'
import { registerOperations } from './operations-routes.ts'
import { registerPages } from './pages.ts'
import { PROBLEM_TYPE, problemOf } from './problem.ts'
import { API_PREFIX, registerRoute } from './register-route.ts'
import { ALL_ROUTES } from './routes/all-routes.ts'
import { setSecurityHeaders } from './security-headers.ts'

export interface ApiOptions extends ApiParts {
  /** Names by which the server is known; addresses always are. */
  readonly known: KnownNames
  /** Where to log, or not at all (logging.ts). */
  readonly logger?: FastifyServerOptions['logger']
  readonly metricsOnLoopback?: boolean
  readonly pageFolder?: string
  readonly docsFolder?: string
  /** TLS: PEM of key and certificate. */
  readonly https?: { readonly key: string; readonly cert: string }
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  readonly trustProxy?: readonly string[]
  /** For tests: answers are checked against their schemas. */
  readonly checkReplies?: boolean
  readonly heartbeatMs?: number
  /** For tests: told of every route. */
  readonly onRoute?: (route: RouteOptions) => void
}

const BODY_BYTES = 1024 * 1024

export async function buildApi(options: ApiOptions): Promise<FastifyInstance> {
  const {
    known,
    logger,
    https,
    trustProxy,
    checkReplies = false,
    heartbeatMs,
    onRoute,
    metricsOnLoopback = false,
    pageFolder,
    docsFolder,
    ...parts
  } = options
  const endings = new Endings()
  const events = new EventRing(randomUUID().slice(0, 8))
  const api: ApiContext = {
    ...parts,
    limiter: new LoginLimiter(),
    endings,
    events,
    streams: new EventStreams(events, endings, heartbeatMs),
  }
  const app = fastify({
    logger: logger ?? false,
    // logRequests says what is worth a line.
    logController: new LogController({ disableRequestLogging: true }),
    ...(https === undefined ? {} : { https: { ...https, minVersion: 'TLSv1.2' } }),
    trustProxy: trustProxy === undefined ? false : [...trustProxy],
    bodyLimit: BODY_BYTES,
    genReqId: () => randomUUID(),
    requestTimeout: 60_000,
    // A keep-alive connection must not hold up the end of the server.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  } as FastifyServerOptions) as unknown as FastifyInstance
  if (onRoute) app.addHook('onRoute', onRoute)
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const check = checkerOf(schema as TSchema, { texts: httpPart !== 'body' })
    return (value) => {
      try {
        return { value: check(value) }
      } catch (error) {
        return { error: error as Error }
      }
    }
  })
  // Answers are made of the domain's own values; the tests hold them against the schemas.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  app.decorateRequest('who', null)
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply, { isPage: false, secure: api.secure })
    void reply.header('x-request-id', request.id)
    if (!isKnownHost(request.headers.host, known))
      throw new Failure('WRONG_HOST', 'the request names a host that this server is not known by')
  })
  logRequests(app)
  app.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error, request.id)
    if (problem.status >= 500) request.log.error({ err: error }, problem.title)
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="understudy"')
    return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
  })
  await app.register(cookie)
  await describeApi(app, parts.version)
  await app.register(async (routes) => {
    for (const [tag, specs] of Object.entries(ALL_ROUTES)) {
      for (const spec of specs) registerRoute(routes, api, spec, tag, checkReplies)
    }
    routes.get(`${API_PREFIX}/openapi.json`, { schema: { hide: true } }, async () => app.swagger())
  })
  registerOperations(app, api, { metricsOnLoopback })
  await registerPages(app, {
    secure: api.secure,
    ...(pageFolder === undefined ? {} : { pageFolder }),
    ...(docsFolder === undefined ? {} : { docsFolder }),
  })
  const stopListening = api.plane.onEvent((event) => events.push(event))
  app.addHook('preClose', async () => api.streams.closeAll())
  app.addHook('onClose', async () => stopListening())
  await freeUnanswered(api.store.db)
  return app
}
