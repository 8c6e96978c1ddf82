/** Which server a command means, with which token, and whose certificate is accepted. */
import { readFile } from 'node:fs/promises'
import { Failure } from '../../core/failure.ts'
import { type Address, PoolUrlError, parseAddress } from '../../xapi/pool-url.ts'
import { CommandFailure, UsageError } from '../command.ts'
import { trustArgument } from '../pool-arguments.ts'
import { type KnownServer, readServers, serversFile } from './config-file.ts'
import { type HttpClient, httpClient } from './http-client.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface ServerWish {
  readonly server: string | undefined
  readonly tokenFile: string | undefined
}

/** What `understudy serve` listens on when it is told nothing. */
export const USUAL_SERVER = 'http://127.0.0.1:8443'

/** Option before environment before what is stored. Rejects with SERVER_UNKNOWN, CONFIG_UNREADABLE or UsageError. */
export async function chooseServer(wish: ServerWish, env: Environment = process.env): Promise<KnownServer> {
  const named = wish.server ?? (env.UNDERSTUDY_SERVER || undefined)
  const given = wish.tokenFile === undefined ? env.UNDERSTUDY_TOKEN?.trim() || undefined : await tokenIn(wish.tokenFile)
  const isUrl = named !== undefined && /^https?:\/\//i.test(named)
  // Everything given: the file does not matter, and may be broken.
  if (isUrl && given !== undefined) return { url: named, token: given }
  const file = serversFile(env)
  const { current, servers } = await readServers(file)
  const stored = isUrl ? Object.values(servers).find(({ url }) => sameAddress(url, named)) : servers[named ?? current ?? '']
  if (isUrl) return { ...stored, url: named, ...(given === undefined ? {} : { token: given }) }
  if (stored === undefined) {
    throw new Failure(
      'SERVER_UNKNOWN',
      named === undefined ? 'no server was named, and none is stored' : `no server is called '${named}' in ${file}`,
    )
  }
  return { ...stored, ...(given === undefined ? {} : { token: given }) }
}

/** A client for it. The fingerprint of a certificate that nobody knows is shown and asked for on a terminal, as that of a pool. */
export function connect(server: Pick<KnownServer, 'url' | 'token' | 'trust'>, trust: readonly string[], signal: AbortSignal): HttpClient {
  const access = trustArgument([...trust, ...(server.trust ?? [])], signal)
  return httpClient({ address: serverAddress(server.url), token: server.token, trust: access.trust, signal })
}

/** Throws UsageError. A token must not travel readable through a network: `http://` goes to this machine only. */
export function serverAddress(url: string): Address {
  try {
    return parseAddress(url)
  } catch (error) {
    if (!(error instanceof PoolUrlError)) throw error
    throw new UsageError(`${error.message.replaceAll('pool URL', 'server address').replaceAll('root:password@host', 'HOST:PORT')}`)
  }
}

function sameAddress(left: string, right: string): boolean {
  const text = (url: string) => JSON.stringify(serverAddress(url))
  return text(left) === text(right)
}

async function tokenIn(file: string): Promise<string> {
  const token = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`the token can't be read from ${file}: ${error.code ?? error.message}`, { hint: 'see --token-file' })
  })
  if (token.trim() === '') throw new CommandFailure(`${file} holds no token`, { hint: "'understudy token create NAME' makes one" })
  return token.trim()
}
