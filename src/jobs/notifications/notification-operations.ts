/** Channels and alerts as the API changes and shows them. */
import { randomUUID } from 'node:crypto'
import type { Channel, ChannelSpec } from '../../core/control/notification.ts'
import { Failure } from '../../core/failure.ts'
import { deleteChannel, findChannel, listChannels, putChannel, type StoredChannel } from '../../store/notifications/channels.ts'
import { listAlerts } from '../../store/notifications/list-alerts.ts'
import type { Store } from '../../store/open-store.ts'
import type { Secrets } from '../../store/secrets/secrets.ts'
import type { NotificationOperations } from '../control-plane.ts'
import { checkChannel } from './check-channel.ts'
import type { OutboxSender } from './outbox-sender.ts'

export function notificationOperations(store: Store, secrets: Pick<Secrets, 'seal'>, sender: OutboxSender): NotificationOperations {
  const put = (channel: Channel, sealed: string | null, secret: string | undefined) =>
    store.transaction(
      async (db) => {
        const kept = secret === undefined ? sealed : secret === '' ? null : secrets.seal(db, { table: 'channels', id: channel.id }, secret)
        const stored = { ...channel, hasSecret: kept !== null }
        await putChannel(db, { channel: stored, sealed: kept })
        return stored
      },
      { durable: true },
    )
  const find = async (id: string): Promise<StoredChannel> => {
    const found = await findChannel(store.db, id)
    if (found === undefined) throw new Failure('CHANNEL_NOT_FOUND', `there is no channel ${id}`)
    return found
  }
  return {
    channels: async () => (await listChannels(store.db)).map(({ channel }) => channel),
    async addChannel(spec, secret) {
      const fields = channelFields(spec)
      checkChannel(fields)
      return put({ ...fields, id: randomUUID(), hasSecret: false, lastError: null, lastSentAt: null }, null, secret)
    },
    async changeChannel(id, change, secret) {
      const { channel, sealed } = await find(id)
      const given = Object.fromEntries(Object.entries(change).filter(([key, value]) => value !== undefined && key !== 'kind'))
      const fields = channelFields({ ...channel, ...given } as ChannelSpec)
      checkChannel(fields)
      const { hasSecret, lastError, lastSentAt } = channel
      return put({ ...fields, id, hasSecret, lastError, lastSentAt }, sealed, secret)
    },
    async removeChannel(id) {
      if (!(await deleteChannel(store.db, id))) throw new Failure('CHANNEL_NOT_FOUND', `there is no channel ${id}`)
    },
    async test(id) {
      const channel = await find(id)
      return sender.send(channel, [{ kind: 'test' }], randomUUID()).then(
        (text) => ({ ok: true, text }),
        (error: Error) => ({ ok: false, text: error.message }),
      )
    },
    alerts: (filter) => listAlerts(store.db, filter),
  }
}

/** Only what a channel consists of, whatever else came along. */
function channelFields(spec: ChannelSpec): ChannelSpec {
  const { name, enabled } = spec
  if (spec.kind === 'webhook') return { kind: 'webhook', name, enabled, url: spec.url }
  const { host, port, tls, user, from, to } = spec
  return { kind: 'email', name, enabled, host, port, tls, from, to, ...(user === undefined ? {} : { user }) }
}
