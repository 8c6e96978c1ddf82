/** Passwords and other secrets: from a file, the environment, or typed on a terminal without being shown. Never from arguments. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CommandFailure } from '../command.ts'

/** `file`: as given with `--password-file`; `-` reads standard input. `env`: name of a variable that may hold it. */
export interface SecretSource {
  readonly what: string
  readonly option: string
  readonly file: string | undefined
  readonly env?: string
  readonly signal: AbortSignal
}

/** Rejects with CommandFailure when there is nobody to ask. */
export async function readSecret(source: SecretSource): Promise<string> {
  const { what, option, file, env } = source
  const given = file === undefined ? (env && process.env[env]) || undefined : await fromFile(file, what)
  if (given !== undefined) return given
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    const ways = [`--${option} FILE`, ...(env ? [env] : [])].join(' or ')
    throw new CommandFailure(`${what} is needed, and there is no terminal to ask on`, { hint: `give it by ${ways}` })
  }
  return await askHidden(`${what}: `, source.signal)
}

async function fromFile(file: string, what: string): Promise<string> {
  const text = await (file === '-' ? wholeInput() : readFile(file, 'utf8')).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(`${what} can't be read from ${file}: ${error.code ?? error.message}`)
  })
  // Editors and echo end it with a line break that is not meant.
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new CommandFailure(`${what}: ${file === '-' ? 'standard input' : file} is empty`)
  return secret
}

export async function wholeInput(): Promise<string> {
  process.stdin.setEncoding('utf8')
  let text = ''
  for await (const piece of process.stdin) text += piece
  return text
}

export async function askLine(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return (await lines.question(question, { signal })).trim()
  } finally {
    lines.close()
  }
}

async function askHidden(question: string, signal: AbortSignal): Promise<string> {
  // The terminal's own echo is off while readline holds it, and readline's goes nowhere. Before anybody is asked: what is typed at once is hidden too.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  // A terminal whose keys are read one by one makes no signal of Ctrl-C.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  process.stderr.write(question)
  try {
    return await lines.question('', { signal })
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}
