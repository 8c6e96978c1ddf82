/** `understudy lab` as a child on this machine. It ends with us, also when we are killed: it watches its standard input. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Failure } from '../../core/failure.ts'

/** As `understudy lab --json` tells of a pool. */
export interface DescribedLabPool {
  readonly name: string
  readonly url: string
  readonly user: string
  readonly password: string
  readonly fingerprint: string
  readonly control: string
  readonly srs: readonly { readonly uuid: string; readonly name: string }[]
  readonly vms: readonly {
    readonly uuid: string
    readonly name: string
    readonly power_state: string
    readonly disks: readonly { readonly vdi: string }[]
  }[]
}

export interface LabProcess {
  readonly pools: readonly DescribedLabPool[]
  /** Resolves when it has ended, by itself or not. */
  readonly ended: Promise<void>
  /** Ends it; resolves when it has. */
  close(): Promise<void>
}

const START_MS = 120_000
const END_MS = 15_000
const MOST_OUTPUT = 1024 * 1024

/** @param command program and arguments before `lab`. Failure LAB_NOT_STARTED, with the last line that it said */
export async function startLabProcess(command: readonly string[], data: string, signal: AbortSignal): Promise<LabProcess> {
  const [program, ...before] = command
  const { UNDERSTUDY_LAB_PASSWORD: _, ...env } = process.env
  const args = [...before, 'lab', '--data', data, '--json', '--while-stdin']
  const child = spawn(program as string, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  // Written to by nobody; that it is closed is what the child watches.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), END_MS)
    await ended
    clearTimeout(late)
  }
  try {
    return { pools: await ready(child, signal), ended, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function ready(child: ChildProcess, signal: AbortSignal): Promise<readonly DescribedLabPool[]> {
  let said = ''
  let complaint = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000)
  })
  const line = new Promise<string>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < MOST_OUTPUT) said += text
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')))
    })
  })
  const both = AbortSignal.any([signal, AbortSignal.timeout(START_MS)])
  const failed = async (): Promise<never> => {
    await once(child, 'close', { signal: both }).catch((error: unknown) => {
      signal.throwIfAborted()
      if (both.aborted) throw new Failure('LAB_NOT_STARTED', `it was not ready after ${START_MS / 1000} seconds`)
      throw new Failure('LAB_NOT_STARTED', error instanceof Error ? error.message : String(error))
    })
    const last = complaint.trim().split('\n').at(-1) ?? ''
    throw new Failure('LAB_NOT_STARTED', last === '' ? 'the lab ended before it was ready' : last.slice(0, 500))
  }
  return (JSON.parse(await Promise.race([line, failed()])) as { pools: readonly DescribedLabPool[] }).pools
}
