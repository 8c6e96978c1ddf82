/** What the word under the cursor can become: commands, actions, options, and names that the server knows. */
import { commandTrust } from '../../xapi/trust.ts'
import { type Action, type Completes, type Noun, optionsOf } from './action.ts'
import { apiOf, type RemoteApi } from './api.ts'
import { readServers, serversFile } from './config-file.ts'
import { chooseServer, serverAddress } from './connection.ts'
import { httpClient } from './http-client.ts'
import { inventoriesOf } from './names.ts'

/** For the shell: complete names of files itself. */
export const FILES = ':file'
/** A shell that waits longer seems to hang. */
const PATIENCE_MS = 3_000

export interface Completable {
  /** Names of all commands. */
  readonly commands: readonly string[]
  noun(name: string): Promise<Noun | undefined>
  /** Of a command that is no noun: its usage, whose options are offered. */
  usage(name: string): Promise<string | undefined>
}

/** `words`: those behind `understudy`, the last one being written. Never rejects: a shell has no use for errors. */
export async function candidates(words: readonly string[], known: Completable): Promise<readonly string[]> {
  const current = words.at(-1) ?? ''
  const found = await offers(words, known).catch((): readonly string[] => [])
  return found.filter((each) => each === FILES || each.startsWith(current))
}

async function offers(words: readonly string[], known: Completable): Promise<readonly string[]> {
  const [name, second] = words
  if (name === undefined || words.length <= 1) return known.commands
  if (name === 'help') return words.length === 2 ? known.commands : []
  const noun = await known.noun(name)
  if (noun === undefined) return (words.at(-1) ?? '').startsWith('-') ? optionsIn((await known.usage(name)) ?? '') : [FILES]
  if (words.length === 2 || second === undefined) return Object.keys(noun.actions)
  const action = Object.hasOwn(noun.actions, second) ? noun.actions[second] : undefined
  return action === undefined ? [] : await ofAction(action, words.slice(2))
}

function optionsIn(usage: string): readonly string[] {
  return [...new Set([...usage.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, option]) => option as string))]
}

async function ofAction(action: Action, words: readonly string[]): Promise<readonly string[]> {
  const current = words.at(-1) ?? ''
  const options = optionsOf(action)
  const before = words.slice(0, -1)
  const given: string[] = []
  let server: string | undefined
  for (let index = 0; index < before.length; index++) {
    const word = before[index] as string
    const option = word.startsWith('--') ? options[word.slice(2)] : undefined
    if (option?.value === undefined) {
      if (!word.startsWith('-')) given.push(word)
      continue
    }
    index++
    if (index === before.length) return await ofKind(option.completes, given, server)
    if (word === '--server') server = before[index]
  }
  if (current.startsWith('-')) return Object.keys(options).map((option) => `--${option}`)
  const positionals = action.positionals ?? []
  const next = positionals[given.length] ?? (positionals.at(-1)?.repeated ? positionals.at(-1) : undefined)
  return await ofKind(next?.completes, given, server)
}

async function ofKind(kind: Completes | undefined, given: readonly string[], server: string | undefined): Promise<readonly string[]> {
  if (kind === undefined) return []
  if (typeof kind !== 'string') return kind
  if (kind === 'file') return [FILES]
  if (kind === 'server') return Object.keys((await readServers(serversFile())).servers)
  return await withServer(server, (api) => namesOfKind(api, kind, given))
}

async function namesOfKind(
  api: RemoteApi,
  kind: Exclude<Completes, readonly string[] | 'file' | 'server'>,
  given: readonly string[],
): Promise<readonly string[]> {
  const names = (things: readonly { readonly name: string }[]) => [...new Set(things.map(({ name }) => name))]
  switch (kind) {
    case 'pool':
      return names(await api.pools.list())
    case 'job':
      return names(await api.jobs.list())
    case 'schedule': {
      const jobs = await api.jobs.list()
      const meant = jobs.filter(({ id, name }) => given.includes(name) || given.includes(id))
      return names((meant.length > 0 ? meant : jobs).flatMap(({ schedules }) => schedules))
    }
    case 'vm':
      return names((await inventoriesOf(api).all()).flatMap(({ inventory }) => inventory.vms.filter(({ replicaOf }) => replicaOf === null)))
    case 'sr':
      return names((await inventoriesOf(api).all()).flatMap(({ inventory }) => inventory.srs.filter(({ usable }) => usable)))
    case 'run':
      return ['last', ...(await api.runs.list({}, 50)).map(({ id }) => id)]
    case 'plan':
      return names(await api.plans.list())
    case 'channel':
      return names(await api.notifications.channels())
    case 'user':
      return names(await api.users.list())
    case 'token':
      return names(await api.tokens.list())
    default:
      return kind satisfies never
  }
}

/** Asks nobody anything: a certificate that is not known yet means no names. */
async function withServer<T>(server: string | undefined, use: (api: RemoteApi) => Promise<T>): Promise<T> {
  const chosen = await chooseServer({ server, tokenFile: undefined })
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const http = httpClient({ address: serverAddress(chosen.url), token: chosen.token, trust: commandTrust({}), signal })
  try {
    return await use(apiOf(http))
  } finally {
    http.close()
  }
}
