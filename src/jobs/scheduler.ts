/** Makes runs of ticks: one wake-up, for the schedule that is due next. What is due is decided by `judgeDue`. */
import { judgeDue } from '../core/control/due.ts'
import type { Job, Schedule } from '../core/control/job.ts'
import { heldUntil } from '../core/control/maintenance.ts'
import type { Trigger } from '../core/control/run-record.ts'
import type { MaintenanceWindow } from '../core/control/settings.ts'
import type { Ticks } from '../core/control/ticks.ts'
import { toTimestamp } from '../store/timestamps.ts'
import type { Clock } from './clock.ts'
import { ticksOf } from './cron-ticks.ts'

export interface SchedulerParts {
  readonly clock: Clock
  readonly maintenance: () => readonly MaintenanceWindow[]
  /**
   * Makes the run, and stores the tick with it. A number: it can't be made yet (nothing was seen of a pool that it needs), and is asked for
   * again at that time. When it rejects, it is asked for again soon.
   */
  readonly begin: (job: Job, schedule: Schedule, tick: number, trigger: Trigger) => Promise<number | undefined>
  readonly storeLastTick: (schedule: string, tick: number) => Promise<void>
  readonly onError: (error: unknown) => void
}

interface Entry {
  readonly job: Job
  readonly schedule: Schedule
  readonly ticks: Ticks
  lastTick: number
  /** When to look at it again; null: never. */
  next: number | null
}

const AGAIN_MS = 5_000

export class Scheduler {
  readonly #parts: SchedulerParts
  readonly #entries = new Map<string, Entry>()
  #wake: (() => void) | undefined
  #wakeAt = Number.POSITIVE_INFINITY
  #working = false
  #running = false
  #lagMs = 0
  #idle: Promise<void> = Promise.resolve()

  constructor(parts: SchedulerParts) {
    this.#parts = parts
  }

  /** How late the last wake-up was. */
  get lagMs(): number {
    return this.#lagMs
  }

  start(): void {
    this.#running = true
    this.#arm()
  }

  /** Resolves when nothing is being begun any more. */
  async stop(): Promise<void> {
    this.#running = false
    this.#wake?.()
    this.#wakeAt = Number.POSITIVE_INFINITY
    await this.#idle
  }

  /** A job as it is now. `lastTicks`: by schedule, what is stored; now where there is none. */
  put(job: Job, lastTicks: ReadonlyMap<string, number | null> = new Map()): void {
    const known = new Map([...this.#entries].filter(([, entry]) => entry.job.id === job.id))
    for (const id of known.keys()) this.#entries.delete(id)
    const now = this.#parts.clock.now()
    for (const schedule of job.enabled ? job.schedules.filter(({ enabled }) => enabled) : []) {
      const before = known.get(schedule.id)
      const same = before !== undefined && JSON.stringify(before.schedule.timing) === JSON.stringify(schedule.timing)
      const lastTick = same ? before.lastTick : (lastTicks.get(schedule.id) ?? now)
      const entry: Entry = { job, schedule, ticks: ticksOf(schedule.timing, job.id), lastTick, next: now }
      this.#entries.set(schedule.id, entry)
      this.#look(entry)
    }
    this.#arm()
  }

  remove(job: string): void {
    for (const [id, entry] of this.#entries) if (entry.job.id === job) this.#entries.delete(id)
    this.#arm()
  }

  /** Maintenance windows changed: what is held may be free, and the other way round. */
  lookAgain(): void {
    for (const entry of this.#entries.values()) this.#look(entry)
    this.#arm()
  }

  /** Whether a tick of it has passed that no run was made of yet. */
  isDue(schedule: string): boolean {
    const entry = this.#entries.get(schedule)
    const next = entry?.ticks.after(entry.lastTick) ?? null
    return next !== null && next <= this.#parts.clock.now()
  }

  upcoming(): { readonly job: string; readonly schedule: string; readonly at: string | null }[] {
    const now = this.#parts.clock.now()
    return [...this.#entries.values()].map(({ job, schedule, ticks, lastTick }) => {
      const at = ticks.after(Math.max(now, lastTick))
      return { job: job.id, schedule: schedule.id, at: at === null ? null : toTimestamp(at) }
    })
  }

  /** Sets when the entry is to be looked at again. */
  #look(entry: Entry): ReturnType<typeof judgeDue> {
    const { clock, maintenance } = this.#parts
    const now = clock.now()
    const held = heldUntil(maintenance(), now, { job: entry.job.id, pools: [] })
    const due = judgeDue({ now, lastTick: entry.lastTick, ticks: entry.ticks, heldUntil: held })
    entry.next = due.kind === 'run' ? now : due.kind === 'wait' ? due.until : null
    if (due.kind === 'wait' && due.lastTick !== undefined) {
      entry.lastTick = due.lastTick
      void this.#parts.storeLastTick(entry.schedule.id, due.lastTick).catch(this.#parts.onError)
    }
    return due
  }

  #arm(): void {
    if (!this.#running || this.#working) return
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) if (entry.next !== null && entry.next < next) next = entry.next
    if (next === this.#wakeAt) return
    this.#wake?.()
    this.#wake = undefined
    this.#wakeAt = next
    if (next === Number.POSITIVE_INFINITY) return
    this.#wake = this.#parts.clock.wakeAt(next, () => {
      this.#wake = undefined
      this.#wakeAt = Number.POSITIVE_INFINITY
      this.#lagMs = Math.max(0, this.#parts.clock.now() - next)
      this.#idle = this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#working = true
    try {
      const now = this.#parts.clock.now()
      const due = [...this.#entries.values()]
        .filter(({ next }) => next !== null && next <= now)
        .sort((a, b) => (a.next ?? 0) - (b.next ?? 0))
      for (const entry of due) if (this.#running) await this.#serve(entry)
    } finally {
      this.#working = false
      this.#arm()
    }
  }

  async #serve(entry: Entry): Promise<void> {
    const { clock, begin, onError } = this.#parts
    // It may have been changed or removed while others were served.
    if (this.#entries.get(entry.schedule.id) !== entry) return
    const due = this.#look(entry)
    if (due.kind !== 'run') return
    const { tick, missed, late } = due
    const at = toTimestamp(tick)
    const trigger: Trigger = missed > 0 || late ? { kind: 'caught-up', tick: at, missed } : { kind: 'schedule', tick: at }
    try {
      const again = await begin(entry.job, entry.schedule, tick, trigger)
      if (again !== undefined) {
        entry.next = again
        return
      }
      entry.lastTick = tick
      this.#moveOn(entry, tick)
    } catch (error) {
      onError(error)
      entry.next = clock.now() + AGAIN_MS
    }
  }

  /** The job may have been changed while its run was made: then another entry stands for the schedule by now. */
  #moveOn(entry: Entry, tick: number): void {
    const current = this.#entries.get(entry.schedule.id)
    if (current === undefined) return
    if (current !== entry && current.lastTick < tick) current.lastTick = tick
    this.#look(current)
  }
}
