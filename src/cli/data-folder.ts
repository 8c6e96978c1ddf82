/** Where a server keeps its database and key. */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** `--data`, UNDERSTUDY_DATA, the folder that systemd made for the service (StateDirectory=), else one below the user's data. */
export function dataFolder(given: string | undefined, env: Environment = process.env): string {
  const folder = given ?? (env.UNDERSTUDY_DATA || undefined) ?? (env.STATE_DIRECTORY?.split(':')[0] || undefined)
  if (folder !== undefined) return folder
  const base = env.XDG_DATA_HOME && isAbsolute(env.XDG_DATA_HOME) ? env.XDG_DATA_HOME : join(env.HOME || homedir(), '.local', 'share')
  return join(base, 'understudy')
}
