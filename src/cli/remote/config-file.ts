/** The servers that the command line knows: names, addresses and tokens, in a file that only its owner can read. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { configFolder } from '../../xapi/known-certificates.ts'

export interface KnownServer {
  /** `https://host[:port]` */
  readonly url: string
  readonly token?: string
  /** Of the token at the server, so that logging out revokes it. */
  readonly tokenId?: string
  readonly user?: string
  /** Fingerprints of its certificate that were accepted by `--trust` at the login. */
  readonly trust?: readonly string[]
}

export interface ServersConfig {
  /** Name of the server that is meant when none is named. */
  readonly current: string | null
  readonly servers: Readonly<Record<string, KnownServer>>
}

const EMPTY: ServersConfig = { current: null, servers: {} }

/** UNDERSTUDY_CONFIG, else `understudy/servers.json` in the user's folder of settings. */
export function serversFile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.UNDERSTUDY_CONFIG || join(configFolder(env), 'servers.json')
}

/** Throws CONFIG_UNREADABLE; a file that isn't there knows no servers. */
export async function readServers(file: string): Promise<ServersConfig> {
  let text: string
  try {
    const { mode } = await stat(file)
    if ((mode & 0o077) !== 0)
      throw new Failure('CONFIG_UNREADABLE', `${file} holds tokens and can be read by others`, `make it yours alone: chmod 600 ${file}`)
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
    if (error instanceof Failure) throw error
    throw new Failure(
      'CONFIG_UNREADABLE',
      `${file} can't be read`,
      'look at its owner and mode, or name another with UNDERSTUDY_CONFIG',
      error,
    )
  }
  const config = parse(text)
  if (config === undefined)
    throw new Failure('CONFIG_UNREADABLE', `${file} is not what understudy wrote`, "remove it and run 'understudy login' again")
  return config
}

function parse(text: string): ServersConfig | undefined {
  try {
    const { current = null, servers } = JSON.parse(text) as { current?: unknown; servers?: unknown }
    if ((current !== null && typeof current !== 'string') || typeof servers !== 'object' || servers === null) return undefined
    const isServer = (value: unknown) => typeof (value as KnownServer | null)?.url === 'string'
    return Object.values(servers).every(isServer) ? { current, servers: servers as Record<string, KnownServer> } : undefined
  } catch {
    return undefined
  }
}

/** Replaces the file at once: nobody sees half of it, and it is never readable by others. */
export async function writeServers(file: string, config: ServersConfig): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const part = `${file}.${randomUUID()}.part`
  const handle = await open(part, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(config, undefined, 2)}\n`)
    await handle.sync()
    await handle.close()
    await rename(part, file)
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(part, { force: true })
    throw error
  }
}
