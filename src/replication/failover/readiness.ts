/** Watches a VM that was started until it is up: on events as far as XAPI tells, by asking the guest itself, or a program of the user's. */
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { addressesOf, type Evidence, formatCheck, type ReadinessCheck } from '../../core/failover/readiness.ts'
import { XapiConnectionError, XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import { isNull, type Ref } from '../../xapi/ref.ts'
import type { Clock, FailoverOptions } from './options.ts'

export interface Readiness {
  readonly checks: readonly ReadinessCheck[]
  /** For all checks together. */
  readonly timeoutMs: number
}

export interface Watched {
  readonly ready: boolean
  readonly evidence: readonly Evidence[]
  readonly addresses: readonly string[]
}

/** Between two attempts of what can't be waited for. */
const PAUSE_MS = 1000
const PROBE_MS = 5000
const SCRIPT_MS = 60_000
/** Of what a script prints, for the report. */
const SCRIPT_BYTES = 4096

/** Never throws because a VM is not ready: that is the answer. Throws the signal's reason. */
export async function watchUntilReady(
  options: FailoverOptions,
  vm: { readonly ref: Ref<'VM'>; readonly uuid: string; readonly name: string },
  { checks, timeoutMs }: Readiness,
): Promise<Watched> {
  const { clock, signal } = options
  const started = clock.now()
  const watch = new Watch(options, vm, started + timeoutMs)
  const evidence: Evidence[] = []
  for (const check of checks) {
    const { ok, text } = await watch.until(check)
    signal.throwIfAborted()
    evidence.push({ check: formatCheck(check), ok, seconds: (clock.now() - started) / 1000, text })
    if (!ok) break
  }
  return { ready: evidence.every(({ ok }) => ok), evidence, addresses: watch.addresses }
}

interface Answer {
  readonly ok: boolean
  readonly text: string
}

class Watch {
  addresses: readonly string[] = []
  readonly #options: FailoverOptions
  readonly #clock: Clock
  readonly #vm: { readonly ref: Ref<'VM'>; readonly uuid: string; readonly name: string }
  readonly #deadline: number

  constructor(options: FailoverOptions, vm: { readonly ref: Ref<'VM'>; readonly uuid: string; readonly name: string }, deadline: number) {
    this.#options = options
    this.#clock = options.clock
    this.#vm = vm
    this.#deadline = deadline
  }

  async until(check: ReadinessCheck): Promise<Answer> {
    let last = 'it was not asked'
    for (;;) {
      this.#options.signal.throwIfAborted()
      if (this.#left() <= 0) return { ok: false, text: `not in time: ${last}` }
      try {
        const answer = await this.#ask(check)
        if (answer.ok) return answer
        last = answer.text
      } catch (error) {
        this.#options.signal.throwIfAborted()
        if (error instanceof Stopped) return { ok: false, text: error.message }
        // A pool that can't be reached for a while says nothing about the VM.
        if (!(error instanceof XapiConnectionError || error instanceof XapiError)) throw error
        if (error instanceof XapiError && error.code === 'HANDLE_INVALID') return { ok: false, text: 'the VM was removed' }
        last = error.message
      }
      await this.#clock.sleep(Math.min(PAUSE_MS, Math.max(1, this.#left())), this.#options.signal)
    }
  }

  #left(): number {
    return this.#deadline - this.#clock.now()
  }

  #ask(check: ReadinessCheck): Promise<Answer> {
    switch (check.kind) {
      case 'running':
        return this.#running()
      case 'tools':
        return this.#tools(({ PV_drivers_version: version }) =>
          Object.keys(version).length > 0 ? `guest tools ${version.major ?? '?'}.${version.minor ?? '?'} report` : undefined,
        )
      case 'address':
        return this.#tools(({ networks }) => {
          const told = addressesOf(networks)
          return told.length > 0 ? `the guest tells its address: ${told.join(', ')}` : undefined
        })
      case 'tcp':
        return this.#tcp(check.port, check.host)
      case 'script':
        return this.#script(check.path)
    }
  }

  async #running(): Promise<Answer> {
    const { target, signal } = this.#options
    const state = await target.call<string>('VM.get_power_state', [this.#vm.ref], { signal })
    return { ok: state === 'Running', text: `its power state is ${state}` }
  }

  async #tools(found: (metrics: RecordOf['VM_guest_metrics']) => string | undefined): Promise<Answer> {
    const { target, signal } = this.#options
    const options = { signal, timeoutMs: Math.max(1, Math.min(this.#left(), 30_000)) }
    let metrics: Ref<'VM_guest_metrics'> | undefined
    let halted = false
    try {
      await target.waitFor(
        'VM',
        this.#vm.ref,
        (record) => {
          halted = record?.power_state === 'Halted'
          metrics = record === undefined || isNull(record.guest_metrics) ? undefined : record.guest_metrics
          return halted || metrics !== undefined
        },
        options,
      )
      if (halted) throw new Stopped('the VM went down again')
      let text: string | undefined
      await target.waitFor(
        'VM_guest_metrics',
        metrics as Ref<'VM_guest_metrics'>,
        (record) => {
          text = record && found(record)
          if (record !== undefined) this.addresses = addressesOf(record.networks)
          return record === undefined || text !== undefined
        },
        options,
      )
      return text === undefined ? { ok: false, text: 'the guest restarted' } : { ok: true, text }
    } catch (error) {
      if (error instanceof XapiConnectionError && error.reason === 'timeout') return { ok: false, text: 'the guest tools did not report' }
      throw error
    }
  }

  async #tcp(port: number, named: string | undefined): Promise<Answer> {
    if (named === undefined && this.addresses.length === 0) {
      const { ok, text } = await this.until({ kind: 'address' })
      if (!ok) return { ok, text }
    }
    let last = ''
    for (const host of named === undefined ? this.addresses : [named]) {
      const failure = await probe(host, port, Math.max(1, Math.min(PROBE_MS, this.#left())), this.#options.signal)
      if (failure === undefined) return { ok: true, text: `${host} port ${port} answers` }
      last = `${host} port ${port}: ${failure}`
    }
    return { ok: false, text: last }
  }

  async #script(path: string): Promise<Answer> {
    const { target, signal } = this.#options
    const env = {
      UNDERSTUDY_VM: this.#vm.uuid,
      UNDERSTUDY_VM_NAME: this.#vm.name,
      UNDERSTUDY_POOL: target.url,
      UNDERSTUDY_ADDRESSES: this.addresses.join(' '),
    }
    const { code, output } = await runScript(path, env, Math.max(1, Math.min(SCRIPT_MS, this.#left())), signal)
    const said = output === '' ? '' : `: ${output}`
    return { ok: code === 0, text: `${code === null ? `${path} was stopped` : `${path} ended with ${code}`}${said}` }
  }
}

/** The VM is down: nothing more to wait for. */
class Stopped extends Error {}

/** Undefined when something accepts a connection. */
function probe(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal })
    const end = (answer: string | undefined) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(timeoutMs, () => end('no answer'))
    socket.once('connect', () => end(undefined))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}

/**
 * Runs a program without a shell. It sees the environment of this process but what could hold passwords of pools; what it starts is
 * stopped with it. `code` is null when it was stopped; throws when it can't be started at all.
 */
export function runScript(
  path: string,
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('UNDERSTUDY_')))
    const child = spawn(path, [], { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const parts: Buffer[] = []
    let bytes = 0
    const take = (data: Buffer) => {
      if (bytes < SCRIPT_BYTES) parts.push(data.subarray(0, SCRIPT_BYTES - bytes))
      bytes += data.length
    }
    const stop = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has just ended.
      }
    }
    const timer = setTimeout(stop, timeoutMs)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const end = (code: number | null, note = '') => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve({ code, output: [Buffer.concat(parts).toString('utf8').trim(), note].filter((text) => text !== '').join(' ') })
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.once('error', (error: NodeJS.ErrnoException) => end(127, `it can't be started (${error.code ?? error.message})`))
    child.once('close', (code) => end(code))
  })
}
