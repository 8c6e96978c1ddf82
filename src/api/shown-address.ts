/** Addresses of other servers, as they are shown to who may not change them: many webhooks carry their secret in path or query. */
import type { Channel } from '../core/control/notification.ts'
import type { Role } from '../core/control/user.ts'

/** `https://hooks.example.org/services/T0/B1/key?x=y` → `https://hooks.example.org/(hidden)`; what is no address is hidden whole. */
export function withoutPath(address: string): string {
  if (!URL.canParse(address)) return '(hidden)'
  const { origin, pathname, search } = new URL(address)
  return pathname === '/' && search === '' ? address : `${origin}/(hidden)`
}

export const shownTo = (role: Role, channel: Channel): Channel =>
  role === 'administrator' || channel.kind !== 'webhook' ? channel : { ...channel, url: withoutPath(channel.url) }
