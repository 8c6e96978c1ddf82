/** Carries out activities: keeps two from working on the same, has their work done, keeps their records and tells how they go. */
import { randomUUID } from 'node:crypto'
import type {
  Activity,
  ActivityCause,
  ActivityKind,
  ActivityProgress,
  ActivityResult,
  ActivitySubject,
  TimelineLine,
} from '../../core/control/activity.ts'
import { canGoOn } from '../../core/control/activity-ends.ts'
import type { Actor } from '../../core/control/audit.ts'
import { createTransferRate } from '../../core/control/transfer-rate.ts'
import { Failure } from '../../core/failure.ts'
import { insertActivity } from '../../store/activities/insert-activity.ts'
import { markInterruptedActivities } from '../../store/activities/mark-interrupted-activities.ts'
import { updateActivity } from '../../store/activities/update-activity.ts'
import type { Queries, Store } from '../../store/open-store.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { Clock } from '../clock.ts'
import { recordedFailure } from '../recorded-failure.ts'
import { RunJournal } from '../runs/run-journal.ts'
import { type ActiveActivity, type ActivityContext, type ActivityStop, ActivityStopped } from './active-activity.ts'

export interface ActivityServiceParts {
  readonly store: Store
  readonly clock: Clock
  readonly onActivity: (activity: Activity) => void
  readonly isVmBusy: (vm: string) => boolean
  /** Keeps runs off a VM; rejects when aborted. */
  readonly reserveVm: (vm: string, signal: AbortSignal) => Promise<() => void>
  readonly onError: (error: unknown) => void
}

export interface BeginActivity {
  readonly kind: ActivityKind
  readonly subject: ActivitySubject
  readonly by: Actor
  readonly cause?: ActivityCause
  /** uuids of the source VMs that it is found by. */
  readonly vms: readonly string[]
  /** Stored; what it is begun with again when it was interrupted. `mode: test` tells a plan that only tests. */
  readonly request: object
  /** What nothing else may work on meanwhile. VM_BUSY */
  readonly claims: readonly string[]
  readonly id?: string
  work(context: ActivityContext): Promise<{ readonly result: ActivityResult; readonly report: object | null }>
  /** After its end is stored. */
  onEnded?(activity: Activity): void
}

/** Progress of bytes is told about once in this time. */
const TELL_EVERY_MS = 1000
/** Lines that wait to be stored. */
const UNSTORED_LINES = 2000
/** How long work that was told to stop may take back what has to be. */
const STOP_MS = 60_000

export class ActivityService {
  readonly #parts: ActivityServiceParts
  readonly #journal: RunJournal
  readonly #active = new Map<string, ActiveActivity>()
  /** Whose end is not stored yet. */
  readonly #storing = new Map<string, Activity>()
  readonly #claimed = new Map<string, ActiveActivity>()
  #closing = false
  #onIdle: (() => void) | undefined

  constructor(parts: ActivityServiceParts) {
    this.#parts = parts
    this.#journal = new RunJournal(parts.store, parts.clock, parts.onError)
  }

  /** At the start, in its transaction. */
  async markInterrupted(db: Queries): Promise<void> {
    await markInterruptedActivities(db, this.#parts.clock.now(), (activity) => ended(activity, false))
  }

  get broken(): boolean {
    return this.#journal.broken
  }

  /** As it is at this moment, with lines that are not stored; undefined: what is stored is all there is. */
  live(id: string): { readonly record: Activity; readonly lines: readonly TimelineLine[] } | undefined {
    const active = this.#active.get(id)
    if (active !== undefined) return { record: active.record, lines: active.lines }
    const storing = this.#storing.get(id)
    return storing && { record: storing, lines: [] }
  }

  underWay(): readonly Activity[] {
    return [...this.#active.values()].map(({ record }) => record)
  }

  /** Who works on something that can be claimed. */
  claimedBy(claim: string): Activity | undefined {
    return this.#claimed.get(claim)?.record
  }

  /** VM_BUSY when another one works on what this claims. */
  assertFree(claims: readonly string[]): void {
    for (const claim of claims) {
      const other = this.claimedBy(claim)
      if (other === undefined) continue
      const what = other.subject.vm?.name ?? other.subject.plan?.name ?? other.subject.seed ?? 'it'
      throw new Failure(
        'VM_BUSY',
        `${other.by.name} began ${WORDS[other.kind]} of ${what} at ${other.queuedAt} (${other.id}), and it is still under way`,
        `wait for its end, or cancel it: understudy activity cancel ${other.id}`,
      )
    }
  }

  /** Failure SERVER_CLOSING, VM_BUSY; nothing is begun then. */
  async begin(begin: BeginActivity): Promise<Activity> {
    if (this.#closing) throw new Failure('SERVER_CLOSING', 'the server is shutting down and begins nothing more')
    this.assertFree(begin.claims)
    const { store, clock } = this.#parts
    const { kind, subject, by, cause = { kind: 'hand' }, id = randomUUID(), claims } = begin
    const active: ActiveActivity = {
      record: {
        id,
        kind,
        state: 'queued',
        subject,
        by,
        cause,
        queuedAt: toTimestamp(clock.now()),
        startedAt: null,
        endedAt: null,
        waitingFor: null,
        stage: null,
        progress: null,
        planRun: null,
        result: null,
        error: null,
        canContinue: false,
      },
      lines: [],
      moving: undefined,
      toldAt: 0,
      claims,
      releases: [],
      cancel: new AbortController(),
    }
    // Before anything is waited for: a second one would not see this one otherwise.
    this.#active.set(id, active)
    for (const claim of claims) this.#claimed.set(claim, active)
    try {
      await store.transaction((db) => insertActivity(db, active.record, begin.vms, begin.request), { durable: true })
    } catch (error) {
      this.#forget(active)
      throw error
    }
    this.#parts.onActivity(active.record)
    void this.#carryOut(active, begin)
    return active.record
  }

  /** Undefined: there is none that has not ended. */
  cancel(id: string): Activity | undefined {
    const active = this.#active.get(id)
    if (active === undefined) return this.#storing.get(id)
    this.#stop(active, 'cancelled')
    return active.record
  }

  /** What is under way has so long to end; then it is stopped. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    await this.#idleWithin(graceMs)
    for (const active of this.#active.values()) this.#stop(active, 'closing')
    await this.#idleWithin(STOP_MS)
    await this.#journal.close()
  }

  #stop(active: ActiveActivity, why: ActivityStop): void {
    if (!active.cancel.signal.aborted) active.cancel.abort(new ActivityStopped(why))
  }

  #idleWithin(ms: number): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const callOff = this.#parts.clock.wakeAfter(ms, () => this.#onIdle?.())
      this.#onIdle = () => {
        callOff()
        this.#onIdle = undefined
        resolve()
      }
    })
  }

  #forget(active: ActiveActivity): void {
    this.#active.delete(active.record.id)
    for (const claim of active.claims) if (this.#claimed.get(claim) === active) this.#claimed.delete(claim)
    for (const release of active.releases.splice(0)) release()
    if (this.#active.size === 0) this.#onIdle?.()
  }

  async #carryOut(active: ActiveActivity, begin: BeginActivity): Promise<void> {
    const { clock } = this.#parts
    this.#change(active, { state: 'running', startedAt: toTimestamp(clock.now()) })
    this.#store(active)
    try {
      const { result, report } = await begin.work(this.#contextOf(active))
      this.#end(active, begin, { state: 'done', result }, report)
    } catch (error) {
      const stopped = stopOf(active.cancel.signal)
      const failure = recordedFailure(error, 'ACTIVITY_BROKEN')
      // What could not be taken back is told, even when it was stopped.
      const cancelled = stopped !== undefined && failure.code !== 'ROLL_BACK_FAILED'
      if (!cancelled) this.#line(active, 'error', null, `${failure.message} [${failure.code}]`)
      const state = !cancelled ? 'failed' : stopped === 'closing' ? 'interrupted' : 'cancelled'
      if (state === 'failed' && failure.code === 'ACTIVITY_BROKEN') this.#parts.onError(error)
      this.#end(active, begin, { state, error: cancelled ? null : failure }, undefined)
    }
  }

  #contextOf(active: ActiveActivity): ActivityContext {
    return {
      id: active.record.id,
      signal: active.cancel.signal,
      step: (name, text) => {
        active.moving = undefined
        this.#line(active, 'info', name, text)
        this.#change(active, { stage: { name, text }, progress: null, waitingFor: null })
        this.#store(active)
      },
      log: (level, text) => this.#line(active, level, null, text),
      bytes: (part, what, done, expected) => this.#bytes(active, part, what, done, expected),
      planRun: (change) => {
        this.#change(active, { planRun: change(active.record.planRun, toTimestamp(this.#parts.clock.now())) })
      },
      reserve: async (vm) => {
        const waits = this.#parts.isVmBusy(vm)
        if (waits) this.#change(active, { state: 'queued', waitingFor: 'the end of a run of the same VM, or of what else works on it' })
        active.releases.push(await this.#parts.reserveVm(vm, active.cancel.signal))
        if (waits) this.#change(active, { state: 'running', waitingFor: null })
      },
    }
  }

  #bytes(active: ActiveActivity, part: string, what: string, done: number, expected: number | null): void {
    const now = this.#parts.clock.now()
    if (active.moving?.what !== what) active.moving = { what, parts: new Map(), rate: createTransferRate() }
    const { parts, rate } = active.moving
    parts.set(part, { done, expected })
    const all = [...parts.values()]
    const bytesDone = all.reduce((sum, each) => sum + each.done, 0)
    rate.note(bytesDone, now)
    const known = all.every((each) => each.expected !== null)
    const bytesExpected = known ? all.reduce((sum, each) => sum + (each.expected ?? 0), 0) : null
    const bytesPerSecond = rate.perSecond()
    const left = bytesExpected === null ? null : Math.max(0, bytesExpected - bytesDone)
    const secondsLeft = left === null || !bytesPerSecond ? null : Math.ceil(left / bytesPerSecond)
    const progress: ActivityProgress = { what, bytesDone, bytesExpected, bytesPerSecond, secondsLeft }
    active.record = { ...active.record, progress }
    if (now >= active.toldAt && now - active.toldAt < TELL_EVERY_MS) return
    active.toldAt = now
    this.#parts.onActivity(active.record)
  }

  #line(active: ActiveActivity, level: TimelineLine['level'], step: string | null, text: string): void {
    if (active.lines.length < UNSTORED_LINES) active.lines.push({ at: toTimestamp(this.#parts.clock.now()), level, step, text })
  }

  #change(active: ActiveActivity, change: Partial<Activity>): void {
    active.record = { ...active.record, ...change }
    active.toldAt = this.#parts.clock.now()
    this.#parts.onActivity(active.record)
  }

  #store(active: ActiveActivity, report?: object | null): Promise<void> {
    const lines = active.lines.splice(0)
    const { record } = active
    return this.#journal.write((db) => updateActivity(db, record, { lines, ...(report === undefined ? {} : { report }) }))
  }

  #end(active: ActiveActivity, begin: BeginActivity, change: Partial<Activity>, report: object | null | undefined): void {
    const isTest = 'mode' in begin.request && begin.request.mode === 'test'
    const endedAt = toTimestamp(this.#parts.clock.now())
    active.record = ended({ ...active.record, ...change, progress: null, waitingFor: null, endedAt }, isTest)
    const { record } = active
    const stored = this.#store(active, report)
    this.#storing.set(record.id, record)
    this.#forget(active)
    // Told once it is stored: who is told of an end finds it.
    void stored.then(() => {
      this.#storing.delete(record.id)
      this.#parts.onActivity(record)
      begin.onEnded?.(record)
    })
  }
}

function ended(activity: Activity, isTest: boolean): Activity {
  return { ...activity, canContinue: canGoOn(activity, isTest || (activity.result?.kind === 'plan' && activity.result.mode === 'test')) }
}

function stopOf(signal: AbortSignal): ActivityStop | undefined {
  return signal.aborted && signal.reason instanceof ActivityStopped ? signal.reason.why : undefined
}

const WORDS: Readonly<Record<ActivityKind, string>> = {
  verify: 'the reading back',
  clone: 'a clone',
  'test-failover': 'a test failover',
  'clean-up': 'the cleaning up',
  fence: 'the blocking of originals',
  failover: 'a failover',
  'planned-failover': 'a planned failover',
  'undo-failover': 'the undoing of a failover',
  reprotect: 'the turning round of the protection',
  failback: 'a failback',
  plan: 'a run',
  'seed-snapshot': 'a snapshot for a seed',
  'seed-export': 'the export of a seed',
  'seed-import': 'the import of a seed',
  'seed-link': 'the linking of a seed',
}
