/**
 * A simulated pool in a process of its own, so that it can be killed: run with the folder as argument, it prints its URL; as a module it
 * starts such processes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { startPool } from '../../src/lab/start-pool.ts'

export interface PoolProcess {
  readonly url: string
  /** kill -9, and waits until it is dead. */
  kill(): Promise<void>
  /** Asks it to stop, and waits. Its exit code. */
  stop(): Promise<number | null>
}

/** Starts a pool in `folder`; user root, password `secret`. */
export async function startPoolProcess(folder: string): Promise<PoolProcess> {
  const child: ChildProcess = spawn(process.execPath, [import.meta.filename, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const ended = exited.then(([code]) => code as number | null)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const url = await Promise.race([
    once(lines, 'line').then(([line]) => line as string),
    ended.then((code) => Promise.reject(new Error(`the pool ended with ${code}`))),
  ])
  return {
    url,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      child.stdin?.end()
      return await ended
    },
  }
}

if (import.meta.main) {
  const running = await startPool({ name: 'killed', folder: process.argv[2] as string, password: 'secret', settings: { badLoginMs: 20 } })
  console.log(running.url)
  // The parent's end of the pipe closes when it asks for the end, and when it dies.
  process.stdin.resume()
  process.stdin.on('end', () => void running.stop())
}
