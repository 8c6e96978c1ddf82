/** Runs a program and measures it from outside, as a whole: time, processor, memory. Needs /proc (Linux). */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

export interface MeasureOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Whether the program's standard error goes to ours (a progress bar) instead of being collected. */
  readonly showErrors?: boolean
  /** Milliseconds until it is killed (default ten minutes). */
  readonly timeoutMs?: number
}

export interface Measured {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly wallSeconds: number
  /** User and system time of the program and of the children that it waited for; exact to 10 ms. */
  readonly userSeconds: number
  readonly systemSeconds: number
  /** Largest resident memory of the program itself (VmHWM of proc(5)), as seen every 10 ms. */
  readonly peakBytes: number
}

/**
 * A shell between us and the program knows at the end what its child took (`times`), which Node doesn't tell; it writes that to file
 * descriptor 3. The program is its only child, so that it is found in /proc.
 */
const shell = '"$@" 3>&-; code=$?; times >&3; exit $code'

/** Rejects when the program can't be run or has to be killed; any exit code of its own is an answer. */
export async function measure(program: string, args: readonly string[], options: MeasureOptions = {}): Promise<Measured> {
  const started = performance.now()
  const child = spawn('/bin/sh', ['-c', shell, 'sh', program, ...args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', options.showErrors ? 'inherit' : 'pipe', 'pipe'],
  })
  const collected = { 1: '', 2: '', 3: '' }
  for (const descriptor of [1, 2, 3] as const) {
    const stream = child.stdio[descriptor] as NodeJS.ReadableStream | null
    stream?.setEncoding('utf8').on('data', (text: string) => {
      collected[descriptor] += text
    })
  }
  let peakBytes = 0
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOfChild(child.pid as number))
  }, 10)
  const limitMs = options.timeoutMs ?? 600_000
  const limit = setTimeout(() => {
    for (const pid of childrenOf(child.pid as number)) process.kill(pid, 'SIGKILL')
  }, limitMs)
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => (code === null ? reject(new Error(`the shell ended by ${signal}`)) : resolve(code)))
    })
    const wallSeconds = (performance.now() - started) / 1000
    if (wallSeconds * 1000 >= limitMs) throw new Error(`${program} took longer than ${limitMs / 1000} s`)
    const [userSeconds, systemSeconds] = childTimes(collected[3])
    return { exitCode, stdout: collected[1], stderr: collected[2], wallSeconds, userSeconds, systemSeconds, peakBytes }
  } finally {
    clearInterval(sampler)
    clearTimeout(limit)
  }
}

/** `times` prints a line for the shell and one for its children, each `0m1.230000s 0m0.100000s` (user, system). */
function childTimes(text: string): [user: number, system: number] {
  const [user, system] = [...(text.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    (match) => Number(match[1]) * 60 + Number(match[2]),
  )
  if (user === undefined || system === undefined) throw new Error(`the shell's times are not as expected: ${text}`)
  return [user, system]
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  // Missing where the kernel was built without it, or the shell has ended.
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : []
}

function peakOfChild(shellPid: number): number {
  try {
    const peaks = childrenOf(shellPid).map((pid) => /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    return Math.max(0, ...peaks.map((kibibytes) => Number(kibibytes ?? 0) * 1024))
  } catch {
    return 0 // it has just ended
  }
}
