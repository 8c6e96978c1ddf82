/** The log: a line of JSON an event (pino's form), without secrets. */
import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify'
import { scrub } from './scrub.ts'

export interface LogTarget {
  write(line: string): void
}

/** Options of Fastify's logger. Neither headers nor bodies are logged; what else may carry a secret by mistake is hidden. */
export function loggerTo(stream: LogTarget, level: string): NonNullable<FastifyServerOptions['logger']> {
  return {
    level,
    stream,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [
        'password',
        'secret',
        'token',
        '*.password',
        '*.secret',
        '*.token',
        '*.authorization',
        '*.cookie',
        'headers.authorization',
        'headers.cookie',
      ],
      censor: '(hidden)',
    },
    serializers: {
      req: (request: FastifyRequest) => ({ method: request.method, path: scrub(pathOf(request.url)), address: request.ip }),
      err: (error: Error & { readonly code?: unknown }) => ({
        type: error.name,
        ...(error.code === undefined ? {} : { code: error.code }),
        message: scrub(error.message),
        stack: scrub(error.stack ?? ''),
        ...(error.cause instanceof Error ? { cause: scrub(error.cause.message) } : {}),
      }),
    },
  } as unknown as NonNullable<FastifyServerOptions['logger']>
}

/** Queries are filters and cursors: nothing that helps, and nothing that should be kept for long. */
const pathOf = (url: string) => url.split('?')[0] ?? ''

/** One line a request: changes and failures always, reads only when asked for (level debug). */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      req: request,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ...(request.who == null ? {} : { user: request.who.user.name, by: request.who.kind }),
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (reply.statusCode >= 500) request.log.error(line, 'request')
    else if (isRead) request.log.debug(line, 'request')
    else request.log.info(line, 'request')
  })
}
