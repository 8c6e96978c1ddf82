/**
 * A lab of the server's own, for whoever wants to try before there are pools: two simulated ones as a child process on this machine, both
 * registered, and a job that protects what runs on the first one. Stopped with the server and started again with it, until it is removed.
 */
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Actor } from '../../core/control/audit.ts'
import type { Job } from '../../core/control/job.ts'
import type { LabStatus } from '../../core/control/lab-status.ts'
import type { PoolStatus } from '../../core/control/pool-record.ts'
import { Failure } from '../../core/failure.ts'
import type { ControlPlane } from '../control-plane.ts'
import { runFailure } from '../runs/run-end.ts'
import { type DescribedLabPool, type LabProcess, startLabProcess } from './lab-process.ts'

export interface LabOperations {
  status(): LabStatus
  /** Begins; `status` tells how far it is. One that is there is started again. */
  start(by: Actor): LabStatus
  /** Guests of the lab's running VMs write; bytes written. Failure LAB_NOT_RUNNING. */
  write(): Promise<number>
  /** Jobs of the lab's pools, the pools, the process and what it stored. Failure LAB_IN_USE; nothing is removed then. */
  remove(by: Actor): Promise<LabStatus>
}

export interface TryLabOptions {
  readonly plane: Pick<ControlPlane, 'pools' | 'jobs' | 'runs'>
  /** Of the server's data: what is kept of the lab is in a folder in it. */
  readonly folder: string
  /** Program and arguments before `lab`. */
  readonly command: readonly string[]
  readonly onError: (error: unknown) => void
}

/** Written in so many pieces of so many bytes to each disk. */
const WRITES = { count: 16, granule: 65_536 } as const
const CONTROL_MS = 30_000

export class TryLab implements LabOperations {
  readonly #options: TryLabOptions
  readonly #data: string
  readonly #note: string
  readonly #closing = new AbortController()
  #process: LabProcess | undefined
  #work: Promise<void> | undefined
  #status: LabStatus = { offered: true, state: 'none', step: null, pools: [], job: null, error: null }

  constructor(options: TryLabOptions) {
    this.#options = options
    this.#data = join(options.folder, 'lab')
    this.#note = join(this.#data, 'registered.json')
  }

  status(): LabStatus {
    return this.#status
  }

  /** One that was there when the server ended is started again. */
  async resume(): Promise<void> {
    if (!existsSync(this.#data)) return
    // A job that was never made is made when somebody starts it again.
    const known = await readFile(this.#note, 'utf8').then(
      (text) => JSON.parse(text) as Pick<LabStatus, 'pools' | 'job'>,
      () => ({ pools: [], job: null }),
    )
    this.#status = { ...this.#status, ...known }
    this.#begin('starting', () => this.#run())
  }

  start(by: Actor): LabStatus {
    const { state, job } = this.#status
    if (state === 'none' || state === 'failed') this.#begin('starting', () => (job === null ? this.#setUp(by) : this.#run()))
    return this.#status
  }

  async write(): Promise<number> {
    if (this.#process === undefined) throw new Failure('LAB_NOT_RUNNING', 'no guest can write')
    let bytes = 0
    for (const { control, vms } of this.#process.pools) {
      const disks = vms.filter(({ power_state }) => power_state === 'Running').flatMap((vm) => vm.disks)
      for (const { vdi } of disks) bytes += await writeAsGuest(control, vdi)
    }
    return bytes
  }

  async remove(_by: Actor): Promise<LabStatus> {
    const { state } = this.#status
    if (state === 'none' || state === 'removing') return this.#status
    const { plane } = this.#options
    await this.#work?.catch(() => undefined)
    const pools = await this.#registered()
    const own = (await plane.jobs.list()).filter((job) => namesAny(job, pools))
    const foreign = own.find((job) => !namesOnly(job, pools))
    if (foreign !== undefined) throw new Failure('LAB_IN_USE', `job "${foreign.name}" has pools of the lab and others`)
    this.#begin('removing', async () => {
      this.#tell('removing', 'deleting its jobs')
      for (const { id } of own) await plane.jobs.remove(id)
      this.#tell('removing', 'removing its pools')
      for (const id of pools) await plane.pools.remove(id)
      this.#tell('removing', 'removing what it stored')
      await this.#end()
      await rm(this.#data, { recursive: true, force: true })
      this.#status = { ...this.#status, state: 'none', step: null, pools: [], job: null, error: null }
    })
    return this.#status
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the server is shutting down'))
    await this.#work?.catch(() => undefined)
    await this.#end()
  }

  /** Of what is stored here, those that are registered still: somebody may have removed one by hand. */
  async #registered(): Promise<readonly string[]> {
    const known = await this.#options.plane.pools.list()
    return this.#status.pools.filter((id) => known.some((pool) => pool.id === id))
  }

  /** One thing at a time; what fails is told in the status. */
  #begin(state: 'starting' | 'removing', work: () => Promise<void>): void {
    const before = this.#work
    this.#status = { ...this.#status, state, error: null }
    this.#work = (async () => {
      await before?.catch(() => undefined)
      try {
        await work()
      } catch (error) {
        if (this.#closing.signal.aborted) return
        if (!(error instanceof Failure)) this.#options.onError(error)
        this.#status = { ...this.#status, state: 'failed', step: null, error: runFailure(error) }
      }
    })()
  }

  async #setUp(by: Actor): Promise<void> {
    const { plane } = this.#options
    await this.#run('starting')
    const [source, target] = this.#process?.pools ?? []
    if (source === undefined || target === undefined) throw new Failure('LAB_NOT_STARTED', 'it has less than two pools')
    this.#tell('starting', 'registering its pools')
    const ids: string[] = []
    for (const pool of [source, target]) {
      ids.push((await this.#register(pool)).id)
      await this.#keep({ pools: ids, job: null })
    }
    const [from, to] = ids as [string, string]
    this.#tell('starting', 'making a job')
    const job = await plane.jobs.create({
      name: `Lab: ${source.name} to ${target.name}`,
      enabled: true,
      selection: {
        include: source.vms
          .filter(({ power_state }) => power_state === 'Running')
          .map(({ uuid }) => ({ kind: 'vm', pool: from, vm: uuid })),
        exclude: [],
      },
      targets: [{ pool: to, sr: target.srs[0]?.uuid ?? '' }],
      settings: {},
      schedules: [
        { name: 'every 10 minutes', enabled: true, timing: { kind: 'interval', minutes: 10 }, retention: { last: 5 }, settings: {} },
      ],
    })
    await this.#keep({ pools: ids, job: job.id })
    await plane.runs.start({ job: job.id }, by)
    this.#tell('running', null)
  }

  /** Pools keep their fingerprints and ports: registered ones are found again. */
  async #run(then: 'starting' | 'running' = 'running'): Promise<void> {
    this.#tell('starting', 'starting two simulated pools')
    this.#process ??= await startLabProcess(this.#options.command, this.#data, this.#closing.signal)
    const running = this.#process
    for (const { control } of running.pools) await ask(control, '/guest/tools', {})
    void running.ended.then(() => {
      if (this.#process !== running) return
      this.#process = undefined
      if (this.#closing.signal.aborted) return
      const error = runFailure(new Failure('LAB_NOT_RUNNING', 'the lab has ended by itself'))
      this.#status = { ...this.#status, state: 'failed', step: null, error }
    })
    if (then === 'running') this.#tell('running', null)
  }

  async #register({ name, url, user, password, fingerprint }: DescribedLabPool): Promise<PoolStatus> {
    const { pools } = this.#options.plane
    const known = (await pools.list()).find((pool) => pool.fingerprints.includes(fingerprint))
    return known ?? (await pools.add({ name, url, user, password, fingerprint }))
  }

  async #keep(known: Pick<LabStatus, 'pools' | 'job'>): Promise<void> {
    this.#status = { ...this.#status, ...known }
    await writeFile(this.#note, JSON.stringify(known))
  }

  #tell(state: LabStatus['state'], step: string | null): void {
    this.#status = { ...this.#status, state, step }
  }

  async #end(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    await running?.close()
  }
}

function poolsOf({ selection, targets }: Job): readonly (string | null)[] {
  return [...selection.include.map(({ pool }) => pool), ...targets.map(({ pool }) => pool)]
}
const namesAny = (job: Job, pools: readonly string[]) => poolsOf(job).some((pool) => pool !== null && pools.includes(pool))
const namesOnly = (job: Job, pools: readonly string[]) => poolsOf(job).every((pool) => pool !== null && pools.includes(pool))

async function writeAsGuest(control: string, vdi: string): Promise<number> {
  // A VM may have been stopped since the lab was started.
  return (await ask(control, '/guest/random', { vdi, ...WRITES }))?.bytes ?? 0
}

/** undefined: not possible at this moment */
async function ask(control: string, path: string, body: object): Promise<{ readonly bytes?: number } | undefined> {
  const response = await fetch(new URL(path, control), {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(CONTROL_MS),
  })
  const answer = (await response.json()) as { bytes?: number; error?: string }
  if (response.status === 409) return undefined
  if (!response.ok) throw new Failure('LAB_NOT_RUNNING', answer.error ?? `its control address answered ${response.status}`)
  return answer
}
