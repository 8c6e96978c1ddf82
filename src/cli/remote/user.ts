/** `understudy user`: who may use the server. */
import { ROLES, type User } from '../../core/control/user.ts'
import type { Noun } from './action.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { find } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { readSecret } from './secrets.ts'
import { type Column, table, terminalWidth } from './table.ts'
import { when } from './times.ts'

const USER = [{ name: 'USER', completes: 'user' }] as const
const ROLE = { value: 'ROLE', help: `${ROLES.join(', ')}`, completes: ROLES } as const
const PASSWORD = {
  'password-file': { value: 'FILE', help: 'file that holds the password, - for standard input (else it is asked)', completes: 'file' },
} as const

const noun: Noun = {
  name: 'user',
  summary: 'users of the server and their roles',
  notes: 'viewer: looks; operator: also starts and cancels runs, tests pools, reads restore points back; administrator: everything.',
  actions: {
    list: { summary: 'all users', run: list },
    add: {
      summary: 'add a user',
      positionals: [{ name: 'USER' }],
      options: { role: { ...ROLE, help: `${ROLE.help} (viewer)` }, ...PASSWORD },
      run: add,
    },
    edit: { summary: 'change the role of a user', positionals: USER, options: { role: ROLE }, run: edit },
    password: { summary: 'set the password of a user', positionals: USER, options: PASSWORD, run: setPassword },
    'own-password': {
      summary: 'change your own password; your sessions elsewhere end',
      options: {
        ...PASSWORD,
        'current-password-file': { value: 'FILE', help: 'file that holds the present one (else it is asked)', completes: 'file' },
      },
      run: setOwnPassword,
    },
    enable: { summary: 'let a user in again', positionals: USER, run: (context, given) => setDisabled(context, given, false) },
    disable: {
      summary: 'keep a user out: sessions and tokens end',
      positionals: USER,
      run: (context, given) => setDisabled(context, given, true),
    },
    remove: { summary: 'remove a user with all tokens', positionals: USER, run: remove },
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context): Promise<number> {
  const users = await (await context.api()).users.list()
  const now = Date.now()
  const columns: readonly Column<User>[] = [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'ROLE', value: ({ role }) => role },
    { title: 'ENABLED', value: ({ disabled }) => (disabled ? 'no' : 'yes'), state: true },
    { title: 'LAST LOGIN', value: ({ lastLoginAt }) => when(lastLoginAt, now, context.wide) || 'never' },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  context.show(users, () => table(users, columns, { wide: context.wide, width: terminalWidth() }))
  return 0
}

function password(context: Context, given: Given, name: string): Promise<string> {
  return readSecret({ what: `new password of ${name}`, option: 'password-file', file: given.text('password-file'), signal: context.signal })
}

async function add(context: Context, given: Given): Promise<number> {
  const name = given.argument('USER')
  const role = given.choice('role', ROLES) ?? 'viewer'
  const api = await context.api()
  const user = await api.users.add({ name, role, password: await password(context, given, name) })
  context.show(user, () => `User ${user.name} was added as ${user.role}.`)
  return 0
}

async function meant(context: Context, given: Given) {
  const api = await context.api()
  return { api, user: find('user', await api.users.list(), given.argument('USER')) }
}

async function edit(context: Context, given: Given): Promise<number> {
  given.needed('role')
  const role = given.choice('role', ROLES)
  const { api, user } = await meant(context, given)
  const changed = await api.users.change(user.id, role === undefined ? {} : { role })
  context.show(changed, () => `User ${changed.name} is ${changed.role} now.`)
  return 0
}

async function setPassword(context: Context, given: Given): Promise<number> {
  const { api, user } = await meant(context, given)
  const changed = await api.users.change(user.id, { password: await password(context, given, user.name) })
  context.show(changed, () => `The password of ${changed.name} was set; sessions have ended.`)
  return 0
}

async function setOwnPassword(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const { user } = await api.me()
  const source = { option: 'current-password-file', file: given.text('current-password-file'), signal: context.signal }
  const current = await readSecret({ what: `present password of ${user.name}`, ...source })
  await api.changeOwnPassword(current, await password(context, given, user.name))
  context.show({ user: user.id }, () => `The password of ${user.name} was changed.`)
  return 0
}

async function setDisabled(context: Context, given: Given, disabled: boolean): Promise<number> {
  const { api, user } = await meant(context, given)
  const changed = await api.users.change(user.id, { disabled })
  context.show(changed, () => `User ${changed.name} is ${disabled ? 'disabled' : 'enabled'}.`)
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const { api, user } = await meant(context, given)
  await api.users.remove(user.id)
  context.show({ id: user.id }, () => `User ${user.name} was removed.`)
  return 0
}
