/** `understudy token`: what programs log in with. */

import { open } from 'node:fs/promises'
import { type ApiToken, ROLES } from '../../core/control/user.ts'
import { CommandFailure, UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { find } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { type Column, table, terminalWidth } from './table.ts'
import { parseMinutes, when } from './times.ts'

const noun: Noun = {
  name: 'token',
  summary: 'API tokens, for programs and for this command line',
  actions: {
    list: { summary: 'your tokens; those of everybody for an administrator', run: list },
    create: {
      summary: 'make a token; it is shown once',
      positionals: [{ name: 'NAME' }],
      options: {
        role: { value: 'ROLE', help: `what it may do, at most what you may: ${ROLES.join(', ')} (viewer)`, completes: ROLES },
        expires: { value: 'TIME', help: 'how long it is valid: 90d; never (90d, or as long as what you are logged in with)' },
        output: { value: 'FILE', help: 'write the token to a new file of mode 0600 instead of showing it', completes: 'file' },
      },
      run: create,
    },
    revoke: { summary: 'end a token', positionals: [{ name: 'TOKEN', completes: 'token' }], run: revoke },
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context): Promise<number> {
  const tokens = await (await context.api()).tokens.list()
  const now = Date.now()
  const columns: readonly Column<ApiToken>[] = [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'USER', value: ({ userName }) => userName },
    { title: 'ROLE', value: ({ role }) => role },
    { title: 'MADE', value: ({ createdAt }) => when(createdAt, now, context.wide) },
    { title: 'EXPIRES', value: ({ expiresAt }) => (expiresAt === null ? 'never' : when(expiresAt, now, context.wide)) },
    { title: 'USED', value: ({ lastUsedAt }) => when(lastUsedAt, now, context.wide) || 'never' },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  context.show(tokens, () =>
    tokens.length === 0 ? 'There is no token.' : table(tokens, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

const USUAL_MINUTES = 90 * 24 * 60

/** `90d`, `never` (null), or what is usual. Throws UsageError. */
export function expiryOf(text: string | undefined): string | null {
  if (text === 'never') return null
  const minutes = text === undefined ? USUAL_MINUTES : parseMinutes(text)
  if (minutes === undefined || minutes === 0) throw new UsageError(`--expires takes a time such as 90d, or never, not '${text}'`)
  return new Date(Date.now() + minutes * 60_000).toISOString()
}

async function create(context: Context, given: Given): Promise<number> {
  const name = given.argument('NAME')
  const role = given.choice('role', ROLES) ?? 'viewer'
  const asked = given.text('expires')
  const usual = expiryOf(asked)
  const file = given.text('output')
  const api = await context.api()
  // Before there is a token: one that could not be written would be lost.
  const handle =
    file === undefined
      ? undefined
      : await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
          throw new CommandFailure(`${file} can't be made: ${error.code ?? error.message}`, { hint: 'name a new file' })
        })
  try {
    const { expiresAt: end } = await api.me()
    // A token can't make one that outlives it: what is usual gives way, what was asked for is refused by the server.
    const expiresAt = asked === undefined && usual !== null && end !== null && end < usual ? end : usual
    const { secret, ...made } = await api.tokens.create({ name, role, expiresAt })
    await handle?.writeFile(`${secret}\n`)
    context.show(handle === undefined ? { ...made, secret } : made, () =>
      handle === undefined ? `${secret}\n` : `The token ${name} (${role}) is in ${file}.`,
    )
    if (handle === undefined) context.note('This is shown once: keep it where nobody else reads it.')
    return 0
  } finally {
    await handle?.close()
  }
}

async function revoke(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const token = find('token', await api.tokens.list(), given.argument('TOKEN'))
  await api.tokens.revoke(token.id)
  context.show({ id: token.id }, () => `Token ${token.name} was revoked.`)
  return 0
}
