import Type from 'typebox'
import { EVENT_KINDS } from '../../core/control/event-kinds.ts'
import { authenticate } from '../auth/authenticate.ts'
import { presentedBy } from '../auth/session-cookie.ts'
import { route } from '../route.ts'
import { serverEvent } from '../schema/event.ts'
import { closed, id } from '../schema/forms.ts'

export const eventRoutes = [
  route({
    method: 'GET',
    path: '/events',
    needs: 'viewer',
    summary: 'Streams what happens, as server-sent events',
    description:
      'Each event has the name of its kind and a JSON document. The first one is `hello`, or `reset` when what came after Last-Event-ID is ' +
      'not known any more: then fetch anew what you show. The stream ends when the session or token does.',
    query: closed({
      kind: Type.Optional(Type.Array(Type.Enum([...EVENT_KINDS]))),
      job: Type.Optional(id),
      run: Type.Optional(id),
      vm: Type.Optional(id),
      pool: Type.Optional(id),
    }),
    reply: serverEvent,
    replyType: 'text/event-stream',
    handle({ api, query, who, request, reply }) {
      api.streams.refuseWhenFull(who)
      const presented = presentedBy(request, api.secure)
      reply.hijack()
      const headers = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined) as [string, string | string[]][]
      reply.raw.writeHead(200, {
        ...Object.fromEntries(headers),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // nginx would hold events back.
        'x-accel-buffering': 'no',
      })
      // A stream that is quiet for long is no dead connection.
      request.raw.socket.setTimeout(0)
      const lastEventId = request.headers['last-event-id']
      api.streams.serve(reply.raw, {
        who,
        filter: query,
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
        isStillGood: async () => (await authenticate(presented, api.store, api.now(), { isUse: false })) !== undefined,
      })
      return reply
    },
  }),
]
