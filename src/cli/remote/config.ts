/** `understudy config`: the servers that this command line knows. */
import type { Noun } from './action.ts'
import { readServers, serversFile, writeServers } from './config-file.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { find } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { table, terminalWidth } from './table.ts'

const SERVER = [{ name: 'SERVER', completes: 'server' }] as const

const noun: Noun = {
  name: 'config',
  summary: 'servers that this command line knows, and which one is meant',
  notes: "'understudy login URL' adds one. They are kept in a file that only you can read; UNDERSTUDY_CONFIG names another.",
  actions: {
    list: { summary: 'known servers; the one that is meant without --server has a *', local: true, run: list },
    use: { summary: 'mean this server from now on', positionals: SERVER, local: true, run: use },
    remove: { summary: 'forget a server and its token', positionals: SERVER, local: true, run: remove },
    path: {
      summary: 'where the file is',
      local: true,
      run: async (context) => {
        const file = serversFile()
        context.show({ file }, () => file)
        return 0
      },
    },
  },
}

export const command = nounCommand(noun)
export { noun }

async function list(context: Context): Promise<number> {
  const { current, servers } = await readServers(serversFile())
  const rows = Object.entries(servers).map(([name, { url, user, token }]) => ({
    name,
    url,
    user: user ?? null,
    current: name === current,
    hasToken: token !== undefined,
  }))
  context.show(rows, () =>
    rows.length === 0
      ? "No server is known: 'understudy login https://HOST:PORT' adds one."
      : table(
          rows,
          [
            { title: '', value: (row) => (row.current ? '*' : '') },
            { title: 'NAME', value: ({ name }) => name },
            { title: 'ADDRESS', value: ({ url }) => url },
            { title: 'USER', value: ({ user }) => user ?? '' },
            { title: 'TOKEN', value: ({ hasToken }) => (hasToken ? 'yes' : 'no') },
          ],
          { wide: context.wide, width: terminalWidth() },
        ),
  )
  return 0
}

async function meant(given: Given) {
  const file = serversFile()
  const config = await readServers(file)
  const names = Object.keys(config.servers).map((name) => ({ id: name, name }))
  return { file, config, name: find('server', names, given.argument('SERVER'), "'understudy config list' shows what there is").name }
}

async function use(context: Context, given: Given): Promise<number> {
  const { file, config, name } = await meant(given)
  await writeServers(file, { ...config, current: name })
  context.show({ current: name }, () => `Commands mean ${name} now (${config.servers[name]?.url}).`)
  return 0
}

async function remove(context: Context, given: Given): Promise<number> {
  const { file, config, name } = await meant(given)
  const { [name]: gone, ...servers } = config.servers
  await writeServers(file, { current: config.current === name ? null : config.current, servers })
  context.show(
    { removed: name },
    () =>
      `${name} is forgotten.${gone?.token === undefined ? '' : " Its token still works at the server: 'understudy logout' would have revoked it."}`,
  )
  return 0
}
