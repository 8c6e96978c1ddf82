/** What machines ask: is it alive, is it ready, how is it doing. Not part of the API, and not under /api/v1. */
import type { FastifyInstance } from 'fastify'
import { Failure } from '../core/failure.ts'
import type { ApiContext } from './api-context.ts'
import { authenticate } from './auth/authenticate.ts'
import { presentedBy } from './auth/session-cookie.ts'
import { ActivityCounters } from './metrics/activity-counters.ts'
import { collect } from './metrics/collect.ts'
import { EXPOSITION_TYPE, expose } from './metrics/exposition.ts'
import { RunCounters } from './metrics/run-counters.ts'

export interface OperationsOptions {
  /** /metrics for programs on this machine without a token. Not behind a proxy on it, for which everybody is on this machine. */
  readonly metricsOnLoopback: boolean
}

export function registerOperations(app: FastifyInstance, api: ApiContext, { metricsOnLoopback }: OperationsOptions): void {
  const counters = new RunCounters()
  const activities = new ActivityCounters()
  const stop = api.plane.onEvent((event) => {
    counters.note(event)
    activities.note(event)
  })
  app.addHook('onClose', async () => stop())

  app.get('/healthz', { schema: { hide: true } }, async () => ({ ok: true }))

  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const { ready, databaseOk } = api.plane.health()
    return reply.code(ready && databaseOk ? 200 : 503).send({ ready, databaseOk })
  })

  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    if (!(metricsOnLoopback && isLoopback(request.ip))) {
      const who = await authenticate(presentedBy(request, api.secure), api.store, api.now(), { isUse: false })
      if (who === undefined) throw new Failure('NOT_SIGNED_IN', 'figures are for tokens, or for this machine when the server is started so')
    }
    const text = expose([...(await collect(api)), ...counters.families(), ...activities.families()])
    return reply.type(EXPOSITION_TYPE).send(text)
  })
}

const isLoopback = (address: string) => /^(127\.|::1$|::ffff:127\.)/.test(address)
