/** `understudy login` and `logout`: an API token for this command line, kept in the file of known servers. */

import { hostname } from 'node:os'
import { ROLES } from '../../core/control/user.ts'
import { formatUrl } from '../../xapi/pool-url.ts'
import { parseFingerprints } from '../../xapi/trust.ts'
import { CommandFailure } from '../command.ts'
import type { Action } from './action.ts'
import { apiOf, type RemoteApi } from './api.ts'
import { readServers, serversFile, writeServers } from './config-file.ts'
import { chooseServer, connect, serverAddress } from './connection.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { actionCommand } from './noun-command.ts'
import { askLine, readSecret } from './secrets.ts'
import { expiryOf } from './token.ts'

const REMEMBERED = {
  name: { value: 'NAME', help: 'what to call the server (its host name)' },
  user: { value: 'USER', help: 'who you are (it is asked)' },
  'password-file': { value: 'FILE', help: 'file that holds the password, - for standard input (else it is asked)', completes: 'file' },
  role: {
    value: 'ROLE',
    help: `what this command line may do, at most what you may: ${ROLES.join(', ')} (all that you may)`,
    completes: ROLES,
  },
  expires: { value: 'TIME', help: 'how long it stays logged in: 90d; never (90d)' },
} as const

export const setup: Action = {
  summary: 'become the first administrator of a new server, by the one-time link that it prints',
  positionals: [{ name: 'URL', optional: true }],
  options: {
    'link-file': { value: 'FILE', help: 'file that holds the link (also UNDERSTUDY_SETUP_LINK; else it is asked)', completes: 'file' },
    ...REMEMBERED,
  },
  notes:
    "The link says where the server is; URL is for a way to it of your own. A new link is made by 'understudy server reset-admin' on the server's machine. Then this is the same as login.",
  run: setUp,
}

export const login: Action = {
  summary: 'log in to a server, and remember it',
  positionals: [{ name: 'URL', optional: true }],
  options: REMEMBERED,
  notes: `URL is https://HOST[:PORT]; without one it is the server that --server or 'understudy config use' means. The password makes an API
token, which is kept in a file that only you can read; the password is not kept.`,
  run: logIn,
}

export const logout: Action = {
  summary: 'revoke the token of this command line at a server, and forget it',
  run: logOut,
}

export const command = actionCommand('login', login)
export const setupCommand = actionCommand('setup', setup)
export const logoutCommand = actionCommand('logout', logout)

async function logIn(context: Context, given: Given): Promise<number> {
  return await remember(context, given, given.optional('URL'), async (api, user) =>
    api.login(
      user,
      await readSecret({ what: `password of ${user}`, option: 'password-file', file: given.text('password-file'), signal: context.signal }),
    ),
  )
}

async function setUp(context: Context, given: Given): Promise<number> {
  const { signal } = context
  const link = await readSecret({
    what: 'one-time link',
    option: 'link-file',
    file: given.text('link-file'),
    env: 'UNDERSTUDY_SETUP_LINK',
    signal,
  })
  const url = given.optional('URL') ?? (given.text('server') === undefined ? addressOfLink(link) : undefined)
  return await remember(context, given, url, async (api, user) => {
    const password = await readSecret({
      what: `new password of ${user}`,
      option: 'password-file',
      file: given.text('password-file'),
      signal,
    })
    return await api.setup(secretOfLink(link), user, password)
  })
}

/** Where a whole link leads; undefined for what it carries alone. */
function addressOfLink(text: string): string | undefined {
  return /^(https?:\/\/[^/#?]+)\/setup[#?]/.exec(text.trim())?.[1]
}

/** The whole link as the server prints it, or what it carries. */
function secretOfLink(text: string): string {
  return /[#?&](?:link=)?([\w-]+)$/.exec(text.trim())?.[1] ?? text.trim()
}

/** Opens a session in some way, makes a token with it, and keeps that. */
async function remember(
  context: Context,
  given: Given,
  wanted: string | undefined,
  begin: (api: RemoteApi, user: string) => ReturnType<RemoteApi['login']>,
): Promise<number> {
  const role = given.choice('role', ROLES)
  const expiresAt = expiryOf(given.text('expires'))
  const file = serversFile()
  const config = await readServers(file)
  const url = wanted ?? (await chooseServer({ server: given.text('server'), tokenFile: undefined })).url
  const address = serverAddress(url)
  const known = Object.entries(config.servers).find(([, each]) => formatUrl(serverAddress(each.url)) === formatUrl(address))?.[0]
  const name = given.text('name') ?? known ?? freeName(address.host, Object.keys(config.servers))
  const before = known === undefined ? undefined : config.servers[known]?.trust
  const http = connect({ url: formatUrl(address), ...(before && { trust: before }) }, given.list('trust'), context.signal)
  const accepted = parseFingerprints(given.list('trust'))
  const trust = accepted.length > 0 ? accepted : before
  try {
    const api = apiOf(http)
    // Before anything is asked: is it there, and is it the right one?
    await api.setupNeeded()
    const session = await begin(api, given.text('user') ?? (await askUser(context)))
    const made = await session.createToken({ name: `command line on ${hostname()}`, role: role ?? session.role, expiresAt })
    await session.end()
    const server = { url: formatUrl(address), token: made.secret, tokenId: made.id, user: session.user.name, ...(trust && { trust }) }
    await writeServers(file, { current: name, servers: { ...config.servers, [name]: server } })
    context.show(
      { name, url: server.url, user: server.user, role: made.role, expiresAt },
      () => `Logged in to ${name} (${server.url}) as ${server.user}, ${made.role}. Commands mean this server now.`,
    )
    return 0
  } finally {
    http.close()
  }
}

function freeName(host: string, taken: readonly string[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? host : `${host}-${number}`
    if (!taken.includes(name)) return name
  }
}

async function askUser(context: Context): Promise<string> {
  if (!process.stdin.isTTY)
    throw new CommandFailure('who are you? there is no terminal to ask on', { hint: 'give --user and --password-file' })
  return await askLine('user: ', context.signal)
}

async function logOut(context: Context, given: Given): Promise<number> {
  const file = serversFile()
  const config = await readServers(file)
  const wanted = given.text('server') ?? (process.env.UNDERSTUDY_SERVER || undefined) ?? config.current ?? ''
  const [name, server] = Object.entries(config.servers).find(([each, { url }]) => each === wanted || url === wanted) ?? []
  if (name === undefined || server?.token === undefined)
    throw new CommandFailure(`there is no login at '${wanted}'`, { hint: "see 'understudy config list'" })
  const http = connect(server, given.list('trust'), context.signal)
  try {
    if (server.tokenId !== undefined) await apiOf(http).tokens.revoke(server.tokenId)
  } catch (error) {
    // One that is no longer valid needs no revoking.
    if ((error as { status?: number }).status !== 401) throw error
  } finally {
    http.close()
  }
  const { token: _, tokenId: __, ...rest } = server
  await writeServers(file, { ...config, servers: { ...config.servers, [name]: rest } })
  context.show({ name }, () => `Logged out of ${name}; the token was revoked.`)
  return 0
}
