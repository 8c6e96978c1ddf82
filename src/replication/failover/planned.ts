/**
 * Planned failover: a delta while the source runs, its clean shutdown, the last delta, the start of the replica. Until that has started
 * everything is taken back when a step fails, and the source runs again. Stopped in the middle, the same call goes on from what it finds.
 */
import { randomUUID } from 'node:crypto'
import type { Reason } from '../../core/base.ts'
import { HANDED_OVER, type HandoverMark, readHandoverMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import { MARK, RUNNING_OPERATIONS } from '../../core/marks.ts'
import type { RunReport } from '../../core/report.ts'
import { XapiConnectionError, XapiError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { explainError } from '../explain.ts'
import { executeRun, prepareRun, type RunOptions } from '../run.ts'
import { withChain } from '../with-chain.ts'
import { holding } from './lock.ts'
import { type FailoverOptions, isoTime, log, step } from './options.ts'
import type { RunSettings } from './reprotect.ts'
import { startVm } from './start-vm.ts'
import { type TakeOverReport, type TakeOverWishes, takeOverHeld } from './take-over.ts'
import { findFailedOver, giveBack } from './undo.ts'

export interface PlannedWishes extends Pick<TakeOverWishes, 'networks' | 'mapping' | 'macs' | 'readiness'> {
  readonly chain: { readonly job: string; readonly schedule?: string; readonly vm: string; readonly sr: string }
  /** `clean`: the guest is asked; `hard`: the power is cut, after that failed or at once. */
  readonly shutdown: 'clean' | 'hard'
  /** Milliseconds that a clean shutdown may take. */
  readonly shutdownMs: number
}

export interface PlannedReport {
  readonly kind: 'planned-failover'
  readonly id: string
  readonly startedAt: string
  /** While the source ran; absent when it was halted already. */
  readonly before: RunReport | undefined
  readonly last: RunReport | undefined
  readonly failover: TakeOverReport
  /** `down`: from the beginning of the shutdown until the replica was up. */
  readonly seconds: { readonly down: number; readonly total: number }
  readonly warnings: readonly Reason[]
}

export async function plannedFailover(
  options: FailoverOptions,
  source: Xapi,
  wishes: PlannedWishes,
  settings: RunSettings,
): Promise<PlannedReport> {
  const { target, signal, id, lockTiming } = options
  const { chain } = wishes
  const { onRunEvent, networks, ...rest } = settings
  const run: RunOptions = {
    ...rest,
    source,
    target,
    ids: { run: id, job: chain.job, schedule: chain.schedule ?? chain.job, vm: chain.vm, sr: chain.sr },
    networks: networks ?? new Map(),
    signal,
    ...(onRunEvent === undefined ? {} : { onEvent: onRunEvent }),
    ...(lockTiming === undefined ? {} : { lockTiming }),
  }
  return withChain(run, (held) => new Handover({ ...options, signal: held.signal }, source, wishes, held).run())
}

/** How long after a shutdown that was given up the guest is watched, at most. */
const LATE_SHUTDOWN_MS = 30_000

class Handover {
  readonly #options: FailoverOptions
  readonly #source: Xapi
  readonly #wishes: PlannedWishes
  readonly #run: RunOptions
  #askedInVain = false
  readonly #vm: { ref: Ref<'VM'>; record: RecordOf['VM'] } = { ref: '' as Ref<'VM'>, record: {} as RecordOf['VM'] }

  constructor(options: FailoverOptions, source: Xapi, wishes: PlannedWishes, run: RunOptions) {
    this.#options = options
    this.#source = source
    this.#wishes = wishes
    this.#run = run
  }

  async run(): Promise<PlannedReport> {
    const { clock, id } = this.#options
    const begun = clock.now()
    await this.#look()
    const mark = await this.#foundMark()
    await this.#takeBackHalf(mark)
    let before: RunReport | undefined
    if (this.#vm.record.power_state === 'Running') {
      this.#assertStoppable()
      step(this.#options, 'first-run', 'sending what changed, while the source runs')
      before = await this.#replicate()
    }
    const down = clock.now()
    let last: RunReport | undefined
    let failover: TakeOverReport
    try {
      await this.#handOver(mark)
      step(this.#options, 'last-run', 'sending the last changes')
      last = await this.#replicate()
      await this.#assertStillDown()
      failover = await takeOverHeld(this.#options, this.#takeOverWishes(last))
      if (failover.ready === false) {
        const why = failover.evidence.find(({ ok }) => !ok)
        throw new Failure('REPLICA_NOT_UP', `the replica was started, but did not come up: ${why?.check}: ${why?.text}`)
      }
    } catch (error) {
      await this.#rollBack(error)
      throw error
    }
    await this.#setMark('handed-over')
    const seconds = { down: (clock.now() - down) / 1000, total: (clock.now() - begun) / 1000 }
    const warnings = [...(before?.warnings ?? []), ...last.warnings, ...failover.warnings]
    return { kind: 'planned-failover', id, startedAt: isoTime(begun), before, last, failover, seconds, warnings }
  }

  async #look(): Promise<void> {
    const { signal } = this.#options
    try {
      this.#vm.ref = await this.#source.byUuid('VM', this.#wishes.chain.vm, { signal })
    } catch (error) {
      if (!(error instanceof XapiError) || error.code !== 'UUID_INVALID') throw error
      throw new Failure(
        'VM_NOT_FOUND',
        `the source pool has no VM ${this.#wishes.chain.vm}`,
        'if its pool is gone: understudy failover now',
      )
    }
    this.#vm.record = await this.#source.record('VM', this.#vm.ref, { signal })
  }

  /** Of an attempt that was stopped in the middle. */
  async #foundMark(): Promise<HandoverMark | undefined> {
    const { record } = this.#vm
    const mark = readHandoverMark(record.other_config, record.uuid)
    return mark?.job === this.#wishes.chain.job && mark.state === 'shutting-down' ? mark : undefined
  }

  /** An attempt that did not get as far as starting the replica: it is one again, and the last run is made once more. */
  async #takeBackHalf(mark: HandoverMark | undefined): Promise<void> {
    const { vm, job } = this.#wishes.chain
    for (const failed of await findFailedOver(this.#options, { vm, job })) {
      if (failed.mark.clone) continue
      const half = failed.mark.state === 'preparing' && failed.powerState === 'Halted'
      if (!half) {
        // It was started, and the answer, or the next step, was all that was lost.
        if (mark !== undefined && failed.mark.kind === 'planned') await this.#setMark('handed-over')
        throw new Failure('ALREADY_FAILED_OVER', `"${failed.name}" failed over already (${failed.mark.kind}, ${failed.mark.at})`)
      }
      log(this.#options, `"${failed.name}" was about to take over when an earlier attempt ended: it is a replica again`)
      await giveBack(this.#options, failed.ref)
    }
  }

  #assertStoppable(): void {
    const { record } = this.#vm
    const able = (record.allowed_operations as readonly string[]).includes('clean_shutdown')
    if (this.#wishes.shutdown === 'hard' || able) return
    throw new Failure(
      'SHUTDOWN_NOT_POSSIBLE',
      `"${record.name_label}" can't be shut down cleanly: it has no guest tools, or something else is going on with it`,
      'shut it down yourself and do this again, or cut its power with --hard-shutdown',
    )
  }

  #replicate(): Promise<RunReport> {
    // Each run has a name of its own: what one of them committed must not pass for the other's.
    const run = { ...this.#run, ids: { ...this.#run.ids, run: randomUUID() } }
    return prepareRun(run).then((prepared) => executeRun(run, prepared, new Date()))
  }

  async #handOver(found: HandoverMark | undefined): Promise<void> {
    const { signal } = this.#options
    const { ref, record } = this.#vm
    const state = await this.#source.call<string>('VM.get_power_state', [ref], { signal })
    await this.#setMark('shutting-down', found?.was ?? state)
    // Before it goes down, so that nobody and nothing starts it again in between.
    const why = `${HANDED_OVER}: its replica takes over (${this.#options.id})`
    for (const operation of RUNNING_OPERATIONS) await this.#block(operation, why)
    if (state === 'Halted') return
    step(this.#options, 'shutdown', `shutting "${record.name_label}" down`)
    await this.#shutDown(state)
  }

  async #block(operation: string, why: string): Promise<void> {
    try {
      await this.#source.call('VM.add_to_blocked_operations', [this.#vm.ref, operation, why], { signal: this.#options.signal })
    } catch (error) {
      // Somebody else blocked it, or an attempt before this one.
      if (!(error instanceof XapiError) || error.code !== 'MAP_DUPLICATE_KEY') throw error
    }
  }

  async #shutDown(state: string): Promise<void> {
    const { signal } = this.#options
    const { ref, record } = this.#vm
    const hard = this.#wishes.shutdown === 'hard' || state !== 'Running'
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#wishes.shutdownMs)])
      await this.#source.callAsync(hard ? 'VM.hard_shutdown' : 'VM.clean_shutdown', [ref], { signal: limit })
    } catch (error) {
      signal.throwIfAborted()
      const now = await this.#source.call<string>('VM.get_power_state', [ref], { signal })
      if (now === 'Halted') return
      this.#askedInVain = !hard
      const why = error instanceof XapiError ? error.message : `it took more than ${Math.round(this.#wishes.shutdownMs / 1000)} s`
      throw new Failure(
        'SHUTDOWN_FAILED',
        `"${record.name_label}" did not shut down: ${why}`,
        'shut it down yourself and do this again, or --hard-shutdown',
      )
    }
    // An action on shutdown may have started it again.
    const now = await this.#source.call<string>('VM.get_power_state', [ref], { signal })
    if (now !== 'Halted')
      throw new Failure(
        'SHUTDOWN_FAILED',
        `"${record.name_label}" is ${now.toLowerCase()} again after its shutdown`,
        'see its actions after shutdown',
      )
  }

  /** Between the last snapshot and here nothing can have been written. */
  async #assertStillDown(): Promise<void> {
    const state = await this.#source.call<string>('VM.get_power_state', [this.#vm.ref], { signal: this.#options.signal })
    if (state !== 'Halted')
      throw new Failure(
        'SHUTDOWN_FAILED',
        `the source is ${state.toLowerCase()} again: somebody started it`,
        'see who did, then do this again',
      )
  }

  #takeOverWishes(last: RunReport): TakeOverWishes {
    const { networks, mapping, macs, readiness } = this.#wishes
    const wanted = { kind: 'uuid', uuid: last.restorePoint.uuid, sr: undefined } as const
    return { wanted, kind: 'planned', clone: false, networks, mapping, macs, ...(readiness === undefined ? {} : { readiness }) }
  }

  /** The replica first: two of them must never run. */
  async #rollBack(cause: unknown): Promise<void> {
    const late = { ...this.#options, signal: AbortSignal.timeout(300_000) }
    step(this.#options, 'roll-back', 'taking everything back: the source is started again')
    try {
      const { vm, job } = this.#wishes.chain
      for (const failed of await findFailedOver(late, { vm, job })) {
        if (failed.mark.clone || failed.mark.kind !== 'planned') continue
        if (failed.powerState !== 'Halted') await late.target.callAsync('VM.hard_shutdown', [failed.ref], { signal: late.signal })
        await giveBack(late, failed.ref)
      }
      await undoHandover(late, this.#source, this.#vm.ref)
      if (this.#askedInVain) await this.#outlastShutdown(late)
    } catch (error) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const explained = explainError(error) as Error
      throw new Failure(
        'ROLL_BACK_FAILED',
        `the failover failed (${why}), and so did taking it back (${explained.message})`,
        'do the same again once the pools answer: it goes on from there; or understudy failover undo',
        error,
      )
    }
  }

  /** The guest was asked, and may obey when nobody waits for it any more: a while later it has to run all the same. */
  async #outlastShutdown(late: FailoverOptions): Promise<void> {
    const { ref, record } = this.#vm
    if (record.power_state !== 'Running') return
    const timeoutMs = Math.min(LATE_SHUTDOWN_MS, Math.max(2000, this.#wishes.shutdownMs / 10))
    step(this.#options, 'outlast', `seeing that "${record.name_label}" goes on running`)
    let halted = false
    const down = (now: RecordOf['VM'] | undefined) => {
      halted = now?.power_state === 'Halted'
      return halted || now === undefined
    }
    try {
      await this.#source.waitFor('VM', ref, down, { signal: late.signal, timeoutMs })
    } catch (error) {
      if (!(error instanceof XapiConnectionError && error.reason === 'timeout')) throw error
    }
    if (halted) await startVm({ target: this.#source, signal: late.signal }, ref)
  }

  async #setMark(state: HandoverMark['state'], was = 'Running'): Promise<void> {
    const { ref, record } = this.#vm
    const { job, sr } = this.#wishes.chain
    const { signal, id, clock } = this.#options
    const config = await this.#source.call<Record<string, string>>('VM.get_other_config', [ref], { signal })
    const before = readHandoverMark(config, record.uuid)
    const mark: HandoverMark = { self: record.uuid, id, job, sr, state, was: before?.was ?? was, at: isoTime(clock.now()) }
    await this.#source.call('VM.set_other_config', [ref, { ...config, [MARK.handover]: JSON.stringify(mark) }], { signal })
  }
}

/**
 * Takes the source's part of a planned failover back, also where its replica never got as far as being marked. Failure ALREADY_FAILED_OVER
 * while what took over is there: two of them must not run. @returns false: the source never handed over
 */
export async function undoHandedOver(options: FailoverOptions, source: Xapi, vm: string): Promise<boolean> {
  const { signal } = options
  const found = [...(await source.records('VM', { signal }))].find(([, { uuid }]) => uuid === vm)
  if (found === undefined) return false
  const [ref, { other_config: config, blocked_operations: blocked }] = found
  const mark = readHandoverMark(config, vm)
  if (mark === undefined && !Object.values(blocked).some((why) => why.startsWith(HANDED_OVER))) return false
  const release = async (held: FailoverOptions) => {
    const [failed] = (await findFailedOver(held, { vm })).filter(({ mark: each }) => mark === undefined || each.job === mark.job)
    if (failed !== undefined) {
      const text = `"${failed.name}" (${failed.uuid}) took over from it, and is ${failed.powerState.toLowerCase()}`
      throw new Failure('ALREADY_FAILED_OVER', text, 'undo that failover first, or go back with understudy failback')
    }
    await undoHandover(held, source, ref)
  }
  await (mark === undefined ? release(options) : holding(options, { job: mark.job, vm, sr: mark.sr }, 'chain', release))
  return true
}

/** A source that handed over, or was about to, is free again, and runs when it ran before. Nothing happens to one that did not. */
export async function undoHandover({ signal }: Pick<FailoverOptions, 'signal'>, source: Xapi, vm: Ref<'VM'>): Promise<void> {
  const record = await source.record('VM', vm, { signal })
  const mark = readHandoverMark(record.other_config, record.uuid)
  for (const [operation, why] of Object.entries(record.blocked_operations)) {
    if (why.startsWith(HANDED_OVER)) await source.call('VM.remove_from_blocked_operations', [vm, operation], { signal })
  }
  if (mark === undefined) return
  if (mark.was === 'Running' && record.power_state === 'Halted') await startVm({ target: source, signal }, vm)
  await source.call('VM.remove_from_other_config', [vm, MARK.handover], { signal })
}
