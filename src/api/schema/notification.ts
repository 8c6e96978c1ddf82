/** Channels, alerts, settings of the server. */
import Type from 'typebox'
import { SETTING_LIMITS } from '../../core/control/check-settings.ts'
import { closed, line, nullable, partial, timestamp } from './forms.ts'

const common = { name: line(), enabled: Type.Boolean() }
const email = {
  kind: Type.Literal('email'),
  ...common,
  host: line(),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  tls: Type.Enum(['implicit', 'starttls', 'none']),
  user: Type.Optional(line()),
  from: line(),
  to: Type.Array(line(), { minItems: 1, maxItems: 100 }),
}
const webhook = { kind: Type.Literal('webhook'), ...common, url: Type.String({ minLength: 1, maxLength: 2000 }) }

const secret = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 1000,
    writeOnly: true,
    description: "password of the mail server, or key of the webhook's signature; never given back",
  }),
)
export const channelSpec = Type.Union([closed(email), closed(webhook)])
export const newChannel = Type.Union(
  [closed({ ...email, secret }, { title: 'NewEmailChannel' }), closed({ ...webhook, secret }, { title: 'NewWebhookChannel' })],
  { title: 'NewChannel' },
)
export const channelChange = Type.Union(
  [
    partial({ ...email, user: line(), secret: secret }, { title: 'EmailChannelChange' }),
    partial({ ...webhook, secret: secret }, { title: 'WebhookChannelChange' }),
  ],
  { title: 'ChannelChange' },
)
const seen = { id: Type.String(), hasSecret: Type.Boolean(), lastError: nullable(Type.String()), lastSentAt: nullable(timestamp) }
export const channel = Type.Union(
  [closed({ ...email, ...seen }, { title: 'EmailChannel' }), closed({ ...webhook, ...seen }, { title: 'WebhookChannel' })],
  { title: 'Channel' },
)
export const channelTest = closed({ ok: Type.Boolean(), text: Type.String() }, { title: 'ChannelTest' })

export const alert = closed(
  {
    id: Type.String(),
    kind: Type.Enum([
      'run-failed',
      'rpo-missed',
      'pool-away',
      'pool-refused',
      'target-space',
      'health-check-failed',
      'original-not-fenced',
    ]),
    subject: Type.String(),
    text: Type.String(),
    hint: Type.String(),
    openedAt: timestamp,
    closedAt: nullable(timestamp),
    job: nullable(Type.String()),
    vm: nullable(Type.String()),
    pool: nullable(Type.String()),
  },
  { title: 'Alert' },
)

const maintenance = Type.Array(
  closed(
    { id: line(), name: line(), job: nullable(line()), pool: nullable(line()), from: timestamp, until: timestamp },
    { title: 'MaintenanceWindow' },
  ),
  { maxItems: 1000 },
)
const limited = (name: keyof typeof SETTING_LIMITS) => {
  const [minimum, maximum] = SETTING_LIMITS[name]
  return Type.Integer({ minimum, maximum })
}
const settingsFields = {
  vmRunsPerPool: limited('vmRunsPerPool'),
  vmRunsPerSr: limited('vmRunsPerSr'),
  vmRunsAtOnce: limited('vmRunsAtOnce'),
  keepRunsDays: limited('keepRunsDays'),
  keepDetailsDays: limited('keepDetailsDays'),
  keepAuditDays: limited('keepAuditDays'),
  dailyReportAt: nullable(
    Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', description: '`HH:MM`, local time; null: no daily report' }),
  ),
  maintenance,
}
export const settings = closed(settingsFields, { title: 'ServerSettings' })
export const settingsChange = partial(settingsFields, { title: 'ServerSettingsChange' })
