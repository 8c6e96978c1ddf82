import Type from 'typebox'
import type { ChannelSpec } from '../../core/control/notification.ts'
import { route } from '../route.ts'
import { closed, page, pageRequest } from '../schema/forms.ts'
import * as schema from '../schema/notification.ts'
import { shownTo } from '../shown-address.ts'

/** The secret goes its own way: it is stored encrypted, and is no part of what is shown. */
function apart<T extends { readonly secret?: string }>({
  secret,
  ...spec
}: T): { readonly spec: Omit<T, 'secret'>; readonly secret: string | undefined } {
  return { spec, secret }
}

export const notificationRoutes = [
  route({
    method: 'GET',
    path: '/channels',
    needs: 'viewer',
    summary: 'Lists the channels that notifications go out by',
    reply: page(schema.channel, 'ChannelPage'),
    async handle({ api, who }) {
      const channels = await api.plane.notifications.channels()
      return { items: channels.map((channel) => shownTo(who.role, channel)), next: null }
    },
  }),
  route({
    method: 'POST',
    path: '/channels',
    needs: 'administrator',
    summary: 'Adds a channel: e-mail or webhook',
    body: schema.newChannel,
    reply: schema.channel,
    status: 201,
    audit: 'channel.add',
    idempotent: true,
    handle({ api, body }) {
      const { spec, secret } = apart(body)
      return api.plane.notifications.addChannel(spec as ChannelSpec, secret)
    },
  }),
  route({
    method: 'PATCH',
    path: '/channels/:id',
    needs: 'administrator',
    summary: 'Changes a channel; what is left out stays',
    body: schema.channelChange,
    reply: schema.channel,
    audit: 'channel.change',
    handle({ api, params, body }) {
      const { spec, secret } = apart(body)
      return api.plane.notifications.changeChannel(params.id, spec as Partial<ChannelSpec>, secret)
    },
  }),
  route({
    method: 'DELETE',
    path: '/channels/:id',
    needs: 'administrator',
    summary: 'Removes a channel',
    audit: 'channel.remove',
    async handle({ api, params }) {
      await api.plane.notifications.removeChannel(params.id)
      return undefined
    },
  }),
  route({
    method: 'POST',
    path: '/channels/:id/test',
    needs: 'administrator',
    summary: 'Sends a test message at once, and tells what the other side said',
    reply: schema.channelTest,
    audit: 'channel.test',
    handle: ({ api, params }) => api.plane.notifications.test(params.id),
  }),
  route({
    method: 'GET',
    path: '/alerts',
    needs: 'viewer',
    summary: 'Lists alerts, newest first',
    query: closed({ ...pageRequest, open: Type.Optional(Type.Boolean()) }),
    reply: page(schema.alert, 'AlertPage'),
    handle: ({ api, query }) => api.plane.notifications.alerts(query),
  }),
]
