/**
 * One run of a chain at a time. XAPI lets two imports write to one disk, and one run would take the other's snapshot for a left-over; so
 * a run puts a key into the target SR's `other_config` first (adding a key that exists is refused, which makes it a lock) and keeps
 * changing a second one while it lives. A key whose holder stays silent, or has died on this machine, is taken over.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import { XapiConnectionError, XapiError } from '../xapi/errors.ts'
import type { Ref } from '../xapi/ref.ts'
import type { Xapi } from '../xapi/xapi.ts'
import type { RunIds } from './session.ts'

/** How often a holder tells that it lives, and how long it may be silent until it counts as dead; milliseconds. */
const TIMING = { beatMs: 5000, patienceMs: 20_000 }
const CALL_MS = 30_000

export interface HeldChain {
  /** Aborts with Failure RUN_SUPERSEDED when somebody has taken the chain over. */
  readonly signal: AbortSignal
  /** Rejects when the chain is no longer this run's; for the moment before something becomes visible. */
  check(): Promise<void>
  /** Never rejects. Safe more than once. */
  release(): Promise<void>
}

interface Holder {
  readonly run: string
  /** Where process numbers mean the same; undefined where that can't be told. */
  readonly machine: string | undefined
  readonly pid: number
}

/**
 * Takes the chain, waiting until it is known whether another run that has it is alive. Failure RUN_UNDER_WAY when one is.
 * @param sr the target storage repository
 */
export async function holdChain(
  target: Xapi,
  sr: Ref<'SR'>,
  ids: RunIds,
  signal: AbortSignal,
  timing: typeof TIMING = TIMING,
): Promise<HeldChain> {
  const lock = new ChainLock(target, sr, ids, timing)
  await lock.take(signal)
  return lock
}

class ChainLock implements HeldChain {
  readonly #target: Xapi
  readonly #sr: Ref<'SR'>
  readonly #timing: typeof TIMING
  readonly #key: string
  readonly #beatKey: string
  readonly #mine: string
  readonly #run: string
  readonly #lost = new AbortController()
  readonly #stopped = new AbortController()
  #beating: Promise<void> | undefined
  #beaten = false
  #sureUntil = 0

  constructor(target: Xapi, sr: Ref<'SR'>, { job, vm, run }: RunIds, timing: typeof TIMING) {
    this.#target = target
    this.#sr = sr
    this.#timing = timing
    this.#run = run
    this.#key = `understudy:running:${job}:${vm}`
    this.#beatKey = `understudy:alive:${job}:${vm}`
    this.#mine = JSON.stringify({ run, machine: MACHINE, pid: process.pid } satisfies Holder)
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async take(signal: AbortSignal): Promise<void> {
    for (;;) {
      const asked = Date.now()
      try {
        await this.#target.call('SR.add_to_other_config', [this.#sr, this.#key, this.#mine], { signal, timeoutMs: CALL_MS })
        this.#sure(asked)
        this.#beating = this.#beat()
        return
      } catch (error) {
        if (!(error instanceof XapiError) || error.code !== 'MAP_DUPLICATE_KEY') throw error
      }
      await this.#outlive(signal)
    }
  }

  /** Returns when the holder has gone or is dead, and then removes its key. */
  async #outlive(signal: AbortSignal): Promise<void> {
    const config = await this.#read(signal)
    const theirs = config[this.#key]
    if (theirs === undefined || theirs === this.#mine) return this.#remove(theirs, signal)
    if (!diedHere(theirs)) {
      let alive = false
      const changed = (now: Readonly<Record<string, string>> | undefined) => {
        alive = now?.[this.#key] === theirs && now[this.#beatKey] !== config[this.#beatKey]
        return now?.[this.#key] !== theirs || alive
      }
      try {
        const timeoutMs = this.#timing.patienceMs
        await this.#target.waitFor('SR', this.#sr, (record) => changed(record?.other_config), { signal, timeoutMs })
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof XapiConnectionError) || error.reason !== 'timeout') throw error
      }
      if (alive) {
        throw new Failure(
          'RUN_UNDER_WAY',
          `another run (${holder(theirs)?.run ?? 'unknown'}) of the same VM to the same storage is under way`,
        )
      }
    }
    await this.#remove(theirs, signal)
  }

  async #remove(theirs: string | undefined, signal: AbortSignal): Promise<void> {
    // Somebody else may have been quicker: what is there now has to be looked at anew.
    if (theirs === undefined || (await this.#read(signal))[this.#key] !== theirs) return
    await this.#target.call('SR.remove_from_other_config', [this.#sr, this.#key], { signal, timeoutMs: CALL_MS })
  }

  async #read(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    return this.#target.call('SR.get_other_config', [this.#sr], { signal, timeoutMs: CALL_MS })
  }

  /** What was seen at `asked` can't have been taken over before a patience has passed. */
  #sure(asked: number): void {
    this.#sureUntil = asked + this.#timing.patienceMs / 2
  }

  async check(): Promise<void> {
    if (!this.#lost.signal.aborted && Date.now() >= this.#sureUntil) {
      const asked = Date.now()
      if ((await this.#read(AbortSignal.timeout(CALL_MS)))[this.#key] === this.#mine) this.#sure(asked)
      else {
        const text = `run ${this.#run} was silent for so long that another run took its place`
        this.#lost.abort(new Failure('RUN_SUPERSEDED', text))
      }
    }
    this.#lost.signal.throwIfAborted()
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stopped
    for (let nth = 1; ; nth++) {
      try {
        await sleep(this.#timing.beatMs, undefined, { signal })
      } catch {
        return
      }
      try {
        this.#sureUntil = 0
        await this.check()
        this.#beaten = true
        const call = { signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]) }
        await this.#target.call('SR.remove_from_other_config', [this.#sr, this.#beatKey], call)
        await this.#target.call('SR.add_to_other_config', [this.#sr, this.#beatKey, `${this.#run} ${nth}`], call)
      } catch {
        if (this.#lost.signal.aborted) return
        // A pool that can't be reached now: whether the chain was lost meanwhile, the next beat tells.
      }
    }
  }

  async release(): Promise<void> {
    if (this.#stopped.signal.aborted) return
    this.#stopped.abort()
    await this.#beating
    try {
      await this.check()
      const call = { signal: AbortSignal.timeout(CALL_MS) }
      if (this.#beaten) await this.#target.call('SR.remove_from_other_config', [this.#sr, this.#beatKey], call)
      await this.#target.call('SR.remove_from_other_config', [this.#sr, this.#key], call)
    } catch {
      // Not ours any more, or out of reach: the next run finds its holder dead.
    }
  }
}

const KEY = 'understudy:running:'

/** Chains (`JOB:VM`) that somebody holds, or held when it died, on any storage of the pool. */
export async function runningChains(target: Xapi, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const all = await target.records('SR', { signal })
  const keys = [...all.values()].flatMap(({ other_config: config }) => Object.entries(config))
  return new Set(keys.filter(([key, value]) => key.startsWith(KEY) && !diedHere(value)).map(([key]) => key.slice(KEY.length)))
}

/** Names the space in which process numbers are unique: this boot of this machine, this container. */
const MACHINE = ((): string | undefined => {
  try {
    const place = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')} ${readlinkSync('/proc/self/ns/pid')}`
    return createHash('sha256').update(place).digest('hex').slice(0, 32)
  } catch {
    return undefined
  }
})()

function holder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null
    return typeof value?.run === 'string' && Number.isSafeInteger(value.pid) ? (value as Holder) : undefined
  } catch {
    return undefined
  }
}

/** Whether the holder surely is a process of this machine that has ended. */
function diedHere(text: string): boolean {
  const found = holder(text)
  if (found?.machine === undefined || found.machine !== MACHINE || found.pid < 1) return false
  try {
    process.kill(found.pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
