/**
 * A server in a process of its own that has everything but pools: real store, control plane and API, with simulated pools and an engine that
 * moves no bytes. Run with JSON options as argument it prints one line when it is ready; as a module it starts such processes, which can be
 * killed and started again on the same folder.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { type Clock, systemClock } from '../../src/jobs/clock.ts'
import { createControlPlane } from '../../src/jobs/create-control-plane.ts'
import { openSecrets } from '../../src/store/secrets/secrets.ts'
import { listeningServer } from './running-server.ts'
import { settablePools, settableSr, settableVm } from './settable-pools.ts'
import { simulatedEngine } from './simulated-engine.ts'
import { SOURCE, SR, TARGET } from './simulated-plane.ts'

const ROOT = join(import.meta.dirname, '../..')
const { serverFlags } = (await import(pathToFileURL(join(ROOT, 'bin/server-flags.js')).href)) as { serverFlags: string[] }

export interface ServerProcessOptions {
  readonly folder: string
  /** VMs of the source pool, `group-0` to `group-(groups-1)` being their tags. */
  readonly vms: number
  readonly groups: number
  /** Milliseconds that a VM run takes. */
  readonly takesMs: number
  /** How many times faster than usual the server's clock goes (1). */
  readonly scale?: number
}

export interface ServerProcess {
  readonly url: string
  /** Of an administrator; another one after a restart. */
  readonly token: string
  readonly pid: number
  /** kill -9, and waits until it is dead. */
  kill(): Promise<void>
  /** Asks it to stop, and waits: what it measured. */
  stop(): Promise<Measurements>
}

export interface Measurements {
  /** Milliseconds (of real time) that a VM run began later than its tick, or than a place in its run was free. */
  readonly delaysMs: readonly number[]
  readonly vmRuns: number
}

export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, [...serverFlags, import.meta.filename, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // As bin/launch.js does for a checkout: a package has no types to strip.
    env: { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(ROOT, 'node_modules/.cache/compiled') },
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.done) throw new Error(`the server ended with ${(await exited)[0]} before it was ready`)
  const { url, token } = JSON.parse(first.value) as { url: string; token: string }
  return {
    url,
    token,
    pid: child.pid as number,
    async kill() {
      child.kill('SIGKILL')
      await exited
      child.stdin?.destroy()
    },
    async stop() {
      child.stdin?.end()
      const last = await lines.next()
      const [code] = (await exited) as [number | null]
      if (last.done || code !== 0) throw new Error(`the server ended with ${code}`)
      return JSON.parse(last.value) as Measurements
    },
  }
}

/** Time that goes faster, from now on. */
function fastClock(scale: number): Clock {
  if (scale === 1) return systemClock
  const start = Date.now()
  const now = () => start + (Date.now() - start) * scale
  return {
    now,
    wakeAt(at, then) {
      const timer = setTimeout(then, Math.max(0, Math.min(Math.ceil((at - now()) / scale), 2 ** 31 - 1)))
      return () => clearTimeout(timer)
    },
    wakeAfter(milliseconds, then) {
      const timer = setTimeout(then, Math.min(Math.ceil(milliseconds / scale), 2 ** 31 - 1))
      return () => clearTimeout(timer)
    },
    onSetBack: () => () => undefined,
  }
}

/** uuid of the nth VM of the source pool. */
const vmUuid = (nth: number): string => `00000000-0000-4000-8000-${`${nth}`.padStart(12, '0')}`

async function main({ folder, vms, groups, takesMs, scale = 1 }: ServerProcessOptions): Promise<void> {
  const clock = fastClock(scale)
  const delaysMs: number[] = []
  /** By run: since when its next VM run could have begun. */
  const free = new Map<string, number>()
  let vmRuns = 0
  const engine = simulatedEngine({
    takesMs: () => takesMs,
    onStart({ run }) {
      const since = free.get(run)
      if (since !== undefined) delaysMs.push(Math.max(0, (clock.now() - since) / scale))
      vmRuns++
    },
  })
  const pools = settablePools()
  pools.set(SOURCE, {
    vms: Array.from({ length: vms }, (_, nth) => settableVm(vmUuid(nth), { name: `vm-${nth}`, tags: [`group-${nth % groups}`] })),
    srs: [],
  })
  pools.set(TARGET, { vms: [], srs: [settableSr(SR)] })
  const server = await listeningServer({
    folder,
    async serve(store, onError) {
      const plane = createControlPlane({
        store,
        secrets: await openSecrets(store, {}),
        pools,
        engine: {
          async replicate(request) {
            const outcomes = await engine.replicate(request)
            free.set(request.run, clock.now())
            return outcomes
          },
        },
        clock,
        onError,
        timing: { firstSightMs: 1 },
      })
      plane.onEvent((event) => {
        if (event.kind !== 'run') return
        const { id, trigger, state } = event.run
        if (trigger.kind === 'schedule' && !free.has(id) && (state === 'queued' || state === 'running'))
          free.set(id, Date.parse(trigger.tick))
        else if (event.run.endedAt !== null) free.delete(id)
      })
      return { plane, start: () => plane.start(), close: (graceMs) => plane.close(graceMs) }
    },
  })
  process.stdout.write(`${JSON.stringify({ url: server.url, token: server.token })}\n`)
  process.stdin.resume()
  // The parent's end of the pipe closes when it asks for the end, and when it dies.
  process.stdin.once('end', async () => {
    await server.close()
    process.stdout.write(`${JSON.stringify({ delaysMs, vmRuns } satisfies Measurements)}\n`, () => process.exit(0))
  })
}

if (import.meta.main) await main(JSON.parse(process.argv[2] as string) as ServerProcessOptions)
