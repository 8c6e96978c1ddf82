/** The daily report: once a local day, at the time of the settings; when the server was down then, as soon as it is up again. */
import type { DailyReport } from '../../core/control/notice.ts'
import { worstProtections } from '../../core/control/notice.ts'
import { readMeta, writeMeta } from '../../store/meta/meta.ts'
import { addToOutbox } from '../../store/notifications/outbox.ts'
import type { Store } from '../../store/open-store.ts'
import { runsSince } from '../../store/runs/runs-since.ts'
import type { Clock } from '../clock.ts'
import type { ProtectionWatch } from '../protection/protection-watch.ts'
import type { AlertBook } from './alert-book.ts'

export interface ReportParts {
  readonly store: Store
  readonly clock: Clock
  readonly watch: ProtectionWatch
  readonly alerts: AlertBook
  readonly onNotice: () => void
  readonly onError: (error: unknown) => void
  /** `HH:MM`; null: none. */
  readonly at: () => string | null
}

const LAST = 'daily-report'
const DAY_MS = 86_400_000

export class DailyReporter {
  readonly #parts: ReportParts
  #callOff: (() => void) | undefined
  #stopped = true
  #working: Promise<void> = Promise.resolve()

  constructor(parts: ReportParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stopped = false
    this.#working = this.#work()
  }

  /** The settings changed: another time. What has passed today is not made up for then. */
  lookAgain(): void {
    if (!this.#stopped) this.#arm()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#callOff?.()
    await this.#working
  }

  #arm(): void {
    const { clock, at } = this.#parts
    this.#callOff?.()
    this.#callOff = undefined
    const time = at()
    if (time === null || this.#stopped) return
    this.#callOff = clock.wakeAt(nextLocal(clock.now(), time), () => {
      this.#working = this.#work()
    })
  }

  async #work(): Promise<void> {
    const { store, clock, at, onNotice, onError } = this.#parts
    try {
      const time = at()
      const now = clock.now()
      const today = localDate(now)
      if (time !== null) {
        const last = await readMeta(store.db, LAST)
        if (last !== today && localMinutes(now) >= minutesOf(time)) {
          const report = await this.#compose(today)
          await store.transaction(async (db) => {
            await writeMeta(db, LAST, today)
            await addToOutbox(db, [{ kind: 'report', report }], now, now)
          })
          onNotice()
        }
      }
    } catch (error) {
      onError(error)
    } finally {
      this.#arm()
    }
  }

  async #compose(date: string): Promise<DailyReport> {
    const { store, clock, watch, alerts } = this.#parts
    const protections = watch.all()
    const counts: Record<string, number> = {}
    for (const { state } of protections) counts[state] = (counts[state] ?? 0) + 1
    const { runs, bytesSent } = await runsSince(store.db, clock.now() - DAY_MS)
    return { date, counts, runs, bytesSent, worst: worstProtections(protections), openAlerts: alerts.open().map(({ subject }) => subject) }
  }
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

const localMinutes = (now: number): number => new Date(now).getHours() * 60 + new Date(now).getMinutes()

/** The next instant after `now` at which local clocks show `time` (on the day that they jump over it, right after). */
function nextLocal(now: number, time: string): number {
  const minutes = minutesOf(time)
  const at = (days: number) => {
    const date = new Date(now)
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days, 0, minutes).getTime()
  }
  return at(0) > now ? at(0) : at(1)
}

function localDate(now: number): string {
  const date = new Date(now)
  const two = (number: number) => `${number}`.padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
