/** Asks on a terminal whether a certificate is the right one; without a terminal there is nobody to ask. */
import { createInterface } from 'node:readline/promises'
import type { TrustAsker } from '../xapi/trust.ts'

/** Undefined when standard input or standard error is no terminal. One question at a time, whoever asks. */
export function terminalAsker(signal: AbortSignal): TrustAsker | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  let before: Promise<unknown> = Promise.resolve()
  return (address, fingerprint) => {
    const answer = before.then(() => ask(address, fingerprint, signal))
    before = answer.catch(() => undefined)
    return answer
  }
}

/** A yes or no on a terminal; without one it is a no. */
export async function askOnTerminal(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  // A terminal whose keys are read one by one makes no signal of Ctrl-C.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    lines.close()
  }
}

async function ask(address: string, fingerprint: string, signal: AbortSignal): Promise<boolean> {
  process.stderr.write(`The certificate of ${address} has not been seen before. Its SHA-256 fingerprint is\n  ${fingerprint}\n`)
  return askOnTerminal('Is it the right one? Compare it with what the host shows.', signal)
}
