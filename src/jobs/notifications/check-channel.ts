/** Whether a channel says what can be. */
import type { ChannelSpec } from '../../core/control/notification.ts'
import { Failure } from '../../core/failure.ts'
import { webhookUrl } from './send-webhook.ts'

const invalid = (text: string) => new Failure('CHANNEL_INVALID', text)

/** Throws Failure CHANNEL_INVALID. */
export function checkChannel(spec: ChannelSpec): void {
  if (spec.name.trim() === '' || spec.name.length > 200) throw invalid('the name has to be of 1 to 200 characters')
  switch (spec.kind) {
    case 'webhook':
      if (webhookUrl(spec.url) === undefined) throw invalid('the address has to be an http or https URL without credentials')
      return
    case 'email': {
      if (spec.host.trim() === '' || /[\s/@]/.test(spec.host)) throw invalid('the mail server has to be a host name or an address')
      if (!Number.isInteger(spec.port) || spec.port < 1 || spec.port > 65_535) throw invalid(`${spec.port} is no port`)
      if (spec.to.length === 0) throw invalid('the mail has no recipient')
      for (const address of [spec.from, ...spec.to])
        if (!/^[^\s@<>]+@[^\s@<>]+$|^[^<>\r\n]*<[^\s@<>]+@[^\s@<>]+>$/.test(address))
          throw invalid(`"${address.slice(0, 100)}" is no mail address`)
    }
  }
}
