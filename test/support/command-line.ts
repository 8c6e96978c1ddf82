/** The `understudy` command as a child process, while this process goes on (a server may run in it). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const UNDERSTUDY = join(import.meta.dirname, '..', '..', 'bin', 'understudy.js')

export interface CommandResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Written to its standard input. */
  readonly input?: string
  /** Milliseconds until it is killed (default 60,000). */
  readonly timeoutMs?: number
  /** Sees all that was printed so far, and may stop it. */
  readonly onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void
}

export async function understudy(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawn(process.execPath, [UNDERSTUDY, ...args], {
    env: { ...process.env, UNDERSTUDY_SERVER: '', UNDERSTUDY_TOKEN: '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    options.onOutput?.(stdout, (signal) => void child.kill(signal))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  try {
    const [status] = (await once(child, 'close')) as [number | null]
    return { status, stdout, stderr }
  } finally {
    clearTimeout(timer)
  }
}
