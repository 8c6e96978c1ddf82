/** `understudy notification`: who is told when something goes wrong, and what was told. */
import type { Alert, Channel, ChannelSpec } from '../../core/control/notification.ts'
import { UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { find } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { readSecret } from './secrets.ts'
import { type Column, table, terminalWidth } from './table.ts'
import { when } from './times.ts'
import { watching } from './watching.ts'

const NAME = { name: 'NAME' } as const
const CHANNEL = [{ name: 'CHANNEL', completes: 'channel' }] as const
const EMAIL = {
  host: { value: 'HOST', help: 'mail server' },
  port: { value: 'PORT', help: 'its port (587; 465 with --tls implicit)' },
  tls: { value: 'MODE', help: 'starttls, implicit or none (starttls)', completes: ['starttls', 'implicit', 'none'] },
  user: { value: 'USER', help: 'user at the mail server; its password is the secret' },
  from: { value: 'ADDRESS', help: 'sender' },
  to: { value: 'ADDRESS', multiple: true, help: 'receiver' },
} as const
const URL_OPTION = { url: { value: 'URL', help: 'where messages are posted' } } as const
const SECRET = {
  'secret-file': {
    value: 'FILE',
    help: 'file that holds the secret: password of the mail server, key of the signature',
    completes: 'file',
  },
} as const

const noun: Noun = {
  name: 'notification',
  summary: 'who is told when something goes wrong: e-mail and webhooks; alerts',
  actions: {
    list: { summary: 'all channels, with what went wrong last', run: list },
    'add-email': { summary: 'send messages by e-mail', positionals: [NAME], options: { ...EMAIL, ...SECRET }, run: addEmail },
    'add-webhook': {
      summary: 'post messages to an address, signed when there is a secret',
      positionals: [NAME],
      options: { ...URL_OPTION, ...SECRET },
      run: addWebhook,
    },
    edit: {
      summary: 'change a channel',
      positionals: CHANNEL,
      options: { name: { value: 'NAME', help: 'its new name' }, ...EMAIL, ...URL_OPTION, ...SECRET },
      run: edit,
    },
    enable: { summary: 'send to a channel', positionals: CHANNEL, run: (context, given) => setEnabled(context, given, true) },
    disable: { summary: 'send nothing to a channel', positionals: CHANNEL, run: (context, given) => setEnabled(context, given, false) },
    remove: { summary: 'remove a channel', positionals: CHANNEL, run: remove },
    test: { summary: 'send a message now, and tell what the other side said', positionals: CHANNEL, run: test },
    alerts: {
      summary: 'what went wrong: open alerts',
      options: {
        all: { help: 'those that are over as well' },
        limit: { value: 'N', help: 'at most so many (100)' },
        watch: { help: 'stay, and show every change' },
      },
      run: (context, given) => {
        const most = given.number('limit', 1, 100_000) ?? 100
        return watching(context, given, ['alert'], async (api) => {
          const alerts = await api.notifications.alerts(given.flag('all') ? {} : { open: true }, most)
          return { value: alerts, text: () => alertText(alerts, context) }
        })
      },
    },
  },
}

export const command = nounCommand(noun)
export { noun }

function alertText(alerts: readonly Alert[], context: Context): string {
  const now = Date.now()
  const columns: readonly Column<Alert>[] = [
    { title: 'SINCE', value: ({ openedAt }) => when(openedAt, now, context.wide) },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'WHAT', value: ({ subject }) => subject, shrinks: true },
    { title: 'WHAT TO DO', value: ({ hint }) => hint, shrinks: true },
    { title: 'OVER', value: ({ closedAt }) => when(closedAt, now, context.wide) },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  return alerts.length === 0 ? 'Nothing is wrong.' : table(alerts, columns, { wide: context.wide, width: terminalWidth() })
}

async function list(context: Context): Promise<number> {
  const channels = await (await context.api()).notifications.channels()
  const now = Date.now()
  const columns: readonly Column<Channel>[] = [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'ENABLED', value: ({ enabled }) => (enabled ? 'yes' : 'no'), state: true },
    { title: 'TO', value: (channel) => (channel.kind === 'webhook' ? channel.url : channel.to.join(', ')), shrinks: true },
    { title: 'SECRET', value: ({ hasSecret }) => (hasSecret ? 'yes' : 'no') },
    { title: 'SENT', value: ({ lastSentAt }) => when(lastSentAt, now, context.wide) || 'never' },
    { title: 'PROBLEM', value: ({ lastError }) => lastError ?? '', shrinks: true },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  context.show(channels, () =>
    channels.length === 0 ? 'Nobody is told of anything yet.' : table(channels, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

function secretOf(context: Context, given: Given, what: string): Promise<string> | undefined {
  const file = given.text('secret-file')
  return file === undefined ? undefined : readSecret({ what, option: 'secret-file', file, signal: context.signal })
}

async function addEmail(context: Context, given: Given): Promise<number> {
  const tls = given.choice('tls', ['starttls', 'implicit', 'none']) ?? 'starttls'
  const to = given.list('to')
  if (to.length === 0) throw new UsageError('--to is missing')
  const user = given.text('user')
  const spec: ChannelSpec = {
    kind: 'email',
    name: given.argument('NAME'),
    enabled: true,
    host: given.needed('host'),
    port: given.number('port', 1, 65_535) ?? (tls === 'implicit' ? 465 : 587),
    tls,
    from: given.needed('from'),
    to,
    ...(user === undefined ? {} : { user }),
  }
  const secret =
    user === undefined
      ? undefined
      : await readSecret({
          what: 'password of the mail server',
          option: 'secret-file',
          file: given.text('secret-file'),
          signal: context.signal,
        })
  return added(context, await (await context.api()).notifications.add(spec, secret))
}

async function addWebhook(context: Context, given: Given): Promise<number> {
  const spec: ChannelSpec = { kind: 'webhook', name: given.argument('NAME'), enabled: true, url: given.needed('url') }
  const secret = await secretOf(context, given, 'key of the signature')
  return added(context, await (await context.api()).notifications.add(spec, secret))
}

function added(context: Context, channel: Channel): number {
  context.show(channel, () => `Channel ${channel.name} was added: 'understudy notification test ${channel.name}' tries it.`)
  return 0
}

async function edit(context: Context, given: Given): Promise<number> {
  const { api, channel } = await meant(context, given)
  const own: readonly string[] = channel.kind === 'email' ? Object.keys(EMAIL) : Object.keys(URL_OPTION)
  const foreign = [...Object.keys(EMAIL), ...Object.keys(URL_OPTION)].find(
    (each) => !own.includes(each) && (given.text(each) ?? given.list(each)[0]) !== undefined,
  )
  if (foreign !== undefined) throw new UsageError(`--${foreign} is nothing of a channel of kind ${channel.kind}`)
  const values: Record<string, unknown> = {
    name: given.text('name'),
    host: given.text('host'),
    port: given.number('port', 1, 65_535),
    tls: given.choice('tls', ['starttls', 'implicit', 'none']),
    user: given.text('user'),
    from: given.text('from'),
    to: given.list('to').length === 0 ? undefined : given.list('to'),
    url: given.text('url'),
    secret: await secretOf(context, given, 'secret of the channel'),
  }
  const change = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was named')
  const changed = await api.notifications.change(channel.id, change)
  context.show(changed, () => `Channel ${changed.name} was changed.`)
  return 0
}

async function meant(context: Context, given: Given) {
  const api = await context.api()
  return { api, channel: find('channel', await api.notifications.channels(), given.argument('CHANNEL')) }
}

async function setEnabled(context: Context, given: Given, enabled: boolean): Promise<number> {
  const { api, channel } = await meant(context, given)
  const changed = await api.notifications.change(channel.id, { enabled })
  context.show(changed, () => `Channel ${changed.name} is ${enabled ? 'enabled' : 'disabled'}.`)
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const { api, channel } = await meant(context, given)
  await api.notifications.remove(channel.id)
  context.show({ id: channel.id }, () => `Channel ${channel.name} was removed.`)
  return 0
}

async function test(context: Context, given: Given): Promise<number> {
  const { api, channel } = await meant(context, given)
  const result = await api.notifications.test(channel.id)
  context.show(result, () => `${result.ok ? '✓' : '✗'} ${channel.name}: ${result.text}`)
  return result.ok ? 0 : 1
}
