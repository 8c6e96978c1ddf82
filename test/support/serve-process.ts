/** `understudy serve` as people start it: the command itself, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type CommandOptions, type CommandResult, UNDERSTUDY, understudy } from './command-line.ts'

export interface ServeProcess {
  readonly url: string
  readonly firstStart: string | null
  readonly fingerprint: string | null
  readonly child: ChildProcess
  /** What it wrote to standard error so far. */
  readonly printed: () => string
  /** Asks it to stop, and waits: its exit code, null when a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Rejects with what it printed when it ends before it is ready. */
export async function startServe(folder: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<ServeProcess> {
  const child = spawn(process.execPath, [UNDERSTUDY, 'serve', '--data', folder, '--port', '0', '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, UNDERSTUDY_KEY: '', UNDERSTUDY_KEY_FILE: '', ...env },
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  let printed = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const lines = createInterface({ input: child.stdout })
  const first = (await Promise.race([once(lines, 'line'), ended.then(() => undefined)])) as [string] | undefined
  if (first === undefined || first[0].startsWith('{"status":"failed"')) throw new Error(`serve ended with ${(await ended)[0]}: ${printed}`)
  const ready = JSON.parse(first[0]) as Pick<ServeProcess, 'url' | 'firstStart' | 'fingerprint'>
  return {
    ...ready,
    child,
    printed: () => printed,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return (await ended)[0]
    },
  }
}

/** A command line that knows no server and no certificate yet, all its files in `folder`. */
export function commandLineIn(folder: string) {
  const env = {
    UNDERSTUDY_CONFIG: join(folder, 'servers.json'),
    UNDERSTUDY_KNOWN_CERTIFICATES: join(folder, 'known'),
    UNDERSTUDY_TRUST: '',
  }
  return (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
    understudy(args, { ...options, env: { ...env, ...options.env } })
}
