/** The `understudy` command: finds the command by its name, loads it, and turns what it throws into one line and an exit code. */
import { readFileSync } from 'node:fs'
import { type Command, stop, stopped, UsageError } from './command.ts'
import { failed, wasToldAsJson } from './told-failure.ts'

/** Loaded by name, so that a command reads only the rooms it needs. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  activity: async () => (await import('./remote/activity.ts')).command,
  audit: async () => (await import('./remote/audit.ts')).command,
  clone: async () => (await import('./clone.ts')).command,
  completion: async () => (await import('./remote/completion.ts')).command,
  config: async () => (await import('./remote/config.ts')).command,
  'cr-seed': async () => (await import('./cr-seed.ts')).command,
  doctor: async () => (await import('./doctor.ts')).command,
  failback: async () => (await import('./failback.ts')).command,
  failover: async () => (await import('./failover.ts')).command,
  job: async () => (await import('./remote/job.ts')).command,
  lab: async () => (await import('./lab.ts')).command,
  login: async () => (await import('./remote/login.ts')).command,
  logout: async () => (await import('./remote/login.ts')).logoutCommand,
  notification: async () => (await import('./remote/notification.ts')).command,
  pool: async () => (await import('./remote/pool.ts')).command,
  replica: async () => (await import('./remote/replica.ts')).command,
  plan: async () => (await import('./remote/recovery-plan.ts')).command,
  replicate: async () => (await import('./replicate.ts')).command,
  run: async () => (await import('./remote/run.ts')).command,
  schedule: async () => (await import('./remote/schedule.ts')).command,
  seed: async () => (await import('./remote/seed.ts')).command,
  serve: async () => (await import('./serve.ts')).command,
  server: async () => (await import('./remote/server.ts')).command,
  setup: async () => (await import('./remote/login.ts')).setupCommand,
  settings: async () => (await import('./remote/settings.ts')).command,
  status: async () => (await import('./remote/status.ts')).command,
  token: async () => (await import('./remote/token.ts')).command,
  user: async () => (await import('./remote/user.ts')).command,
  verify: async () => (await import('./verify.ts')).command,
}

/** Runs the command line (without node and script), then ends the process with its exit code once everything printed is out. */
export async function main(args: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A command that handles the signal itself knows better.
      if (process.listenerCount(signal) > 1 || stop(signal)) return
      process.exit(signal === 'SIGINT' ? 130 : 143)
    })
  }
  const code = await exitCode(args)
  // Not `process.exitCode` alone: a handle that a command forgot must not keep the process.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}

async function exitCode(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  try {
    return await dispatch(name, rest)
  } catch (error) {
    const stopReason = stopped()
    if (stopReason) return stopReason.exitCode
    if (optionsOf(rest).includes('--json') && !wasToldAsJson(error)) process.stdout.write(`${JSON.stringify(asJson(error, name))}\n`)
    process.stderr.write(`${describe(error, name)}\n`)
    if (process.env.UNDERSTUDY_DEBUG === '1' && error instanceof Error) process.stderr.write(`${withoutCredentials(error.stack ?? '')}\n`)
    return isUsageError(error) ? 2 : 1
  }
}

async function dispatch(name: string | undefined, args: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && args.length === 0)) return await printUsage()
  if (name === '--version' || name === '-v') return print(version())
  const wanted = name === 'help' ? (args[0] ?? '') : name
  const load = Object.hasOwn(commands, wanted) ? commands[wanted] : undefined
  if (!load) throw new UsageError(`unknown command '${wanted}'`)
  const command = await load()
  const options = optionsOf(args)
  if (name === 'help' || options.includes('--help') || options.includes('-h')) {
    const inner = await command.usageOf?.(name === 'help' ? args.slice(1) : args)
    return print((inner ?? command.usage).trim())
  }
  return await command.run(args)
}

async function printUsage(): Promise<number> {
  const width = Math.max(...Object.keys(commands).map((name) => name.length)) + 2
  const rows = await Promise.all(Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(width)}${(await load()).summary}`))
  return print(
    [
      'Understudy keeps up-to-date replicas of the VMs of XCP-ng and XenServer pools.',
      '',
      'Usage: understudy COMMAND [OPTION...]',
      '',
      ...rows,
      '',
      "'understudy COMMAND --help' tells more about one of them.",
    ].join('\n'),
  )
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

export function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const optionsOf = (args: readonly string[]) => (args.includes('--') ? args.slice(0, args.indexOf('--')) : args)

const prefixOf = (name: string | undefined) => (name !== undefined && Object.hasOwn(commands, name) ? `understudy ${name}` : 'understudy')

/** With the code of docs/errors.md where what went wrong has one. */
function asJson(error: unknown, name: string | undefined): object {
  const { code, hint } = error as { code?: unknown; hint?: unknown }
  const message = oneLine(error instanceof Error ? error.message || error.name : String(error))
  if (isUsageError(error)) return failed({ code: 'USAGE', message, hint: `see '${prefixOf(name)} --help'` })
  // Codes of Node (ENOENT) come with no hint of ours.
  const isOurs = typeof code === 'string' && typeof hint === 'string'
  return failed({ code: isOurs ? code : 'COMMAND_FAILED', message, hint: typeof hint === 'string' ? oneLine(hint) : '' })
}

/** One line: what went wrong, and what to do about it where that is known. */
function describe(error: unknown, name: string | undefined): string {
  const prefix = prefixOf(name)
  let message = error instanceof Error ? error.message || error.name : String(error)
  if (isUsageError(error)) {
    // parseArgs explains at length in further sentences what can be looked up in the usage.
    message = `${message.split('. ')[0]} (see '${prefix} --help')`
  } else {
    const hint = error instanceof Error && 'hint' in error ? error.hint : undefined
    if (typeof hint === 'string' && hint !== '') message += ` (${hint})`
    else if (isUnexpected(error)) message = `unexpected error: ${message} (UNDERSTUDY_DEBUG=1 shows where)`
  }
  return `${prefix}: ${oneLine(message)}`
}

const oneLine = (text: string): string => withoutCredentials(text).replaceAll(/\s*[\r\n]+\s*/g, ' ')

function isUsageError(error: unknown): boolean {
  if (error instanceof UsageError) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
}

/** Errors of the language are mistakes of ours; everything else has a name and a message made for people. */
function isUnexpected(error: unknown): boolean {
  return !(error instanceof Error) || [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind)
}

/** The user and password of a URL never reach the screen, whoever put them into a message; `user:password@` of an example does. */
function withoutCredentials(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+]*:\/\/)(?!(?:root|user):password@host[^\s'"@]*(?:[\s'"]|$))[^\s'"]*@/gi, '$1')
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  // Whoever reads has seen enough (`| head`); the work itself goes on.
  if (error.code !== 'EPIPE') throw error
}
