/** Users, sessions, tokens, the audit log, the server itself. */
import Type from 'typebox'
import { closed, dictionary, id, line, nullable, page, pageRequest, partial, timestamp } from './forms.ts'

export const role = Type.Enum(['viewer', 'operator', 'administrator'])
const userName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
  description: 'up to 64 letters, digits and . _ @ -',
})
/** What somebody types, so that it is never refused for its form at a sign-in. */
const typed = Type.String({ minLength: 1, maxLength: 1000, writeOnly: true })

export const user = closed(
  {
    id: Type.String(),
    name: Type.String(),
    role,
    disabled: Type.Boolean(),
    createdAt: timestamp,
    lastLoginAt: nullable(timestamp),
  },
  { title: 'User' },
)
export const newUser = closed({ name: userName, role, password: typed }, { title: 'NewUser' })
export const userChange = partial({ role, disabled: Type.Boolean(), password: typed }, { title: 'UserChange' })

export const credentials = closed({ name: Type.String({ minLength: 1, maxLength: 200 }), password: typed }, { title: 'Credentials' })
export const setup = closed(
  {
    link: Type.String({ minLength: 1, maxLength: 200, description: 'what the one-time link carries', writeOnly: true }),
    name: userName,
    password: typed,
  },
  { title: 'Setup' },
)
export const setupState = closed({ needed: Type.Boolean({ description: 'there is no user yet' }) }, { title: 'SetupState' })

export const me = closed(
  {
    user,
    role: Type.Enum(['viewer', 'operator', 'administrator']),
    by: Type.Enum(['session', 'token']),
    expiresAt: nullable(timestamp),
    csrf: nullable(Type.String({ description: 'goes into X-CSRF-Token with each change; null: a token needs none' })),
  },
  { title: 'Me' },
)
export const passwordChange = closed({ currentPassword: typed, password: typed }, { title: 'PasswordChange' })

const tokenFields = {
  id: Type.String(),
  user: Type.String(),
  userName: Type.String(),
  name: Type.String(),
  role,
  createdAt: timestamp,
  expiresAt: nullable(timestamp),
  lastUsedAt: nullable(timestamp),
}
export const apiToken = closed(tokenFields, { title: 'ApiToken' })
export const newToken = closed(
  {
    name: line(100),
    role,
    expiresAt: nullable(Type.String({ format: 'date-time', description: 'null: when it is revoked' })),
  },
  { title: 'NewToken' },
)
export const shownToken = closed({ ...tokenFields, secret: Type.String({ description: 'shown this once' }) }, { title: 'ShownToken' })

const actor = closed({ kind: Type.Enum(['user', 'token', 'system']), id: Type.String(), name: Type.String() }, { title: 'Actor' })
export const auditEntry = closed(
  {
    id: Type.Integer(),
    at: timestamp,
    actor,
    address: Type.String(),
    action: Type.String(),
    object: closed({ kind: Type.String(), id: Type.String() }),
    outcome: Type.String({ description: '`done`, or the code of the failure' }),
    details: dictionary(Type.Unknown()),
  },
  { title: 'AuditEntry' },
)
export const auditFilter = closed({
  ...pageRequest,
  actor: Type.Optional(id),
  action: Type.Optional(id),
  object: Type.Optional(id),
  since: Type.Optional(timestamp),
  until: Type.Optional(timestamp),
})
export const auditPage = page(auditEntry, 'AuditPage')

export const server = closed(
  {
    version: Type.String(),
    node: Type.String(),
    startedAt: timestamp,
    ready: Type.Boolean(),
    queued: Type.Integer(),
    running: Type.Integer(),
    schedulerLagMs: Type.Number(),
  },
  { title: 'Server' },
)
export const licence = closed({ name: Type.String(), version: Type.String(), licence: Type.String() }, { title: 'Licence' })
