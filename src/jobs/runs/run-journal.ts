/** Stores what becomes of runs. A database that can't be written for a moment (a full disk) loses nothing: what is to be stored waits. */

import type { RunReport } from '../../core/report.ts'
import type { Queries, Store } from '../../store/open-store.ts'
import { insertLogLines } from '../../store/runs/insert-log-lines.ts'
import { updateRun } from '../../store/runs/update-run.ts'
import { updateVmRun } from '../../store/runs/update-vm-run.ts'
import type { Clock } from '../clock.ts'
import type { ActiveRun, ActiveVmRun } from './active-run.ts'

const RETRY_MS = 5_000
const RETRIES_ON_CLOSE = 3

export class RunJournal {
  readonly #store: Store
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  #tail: Promise<void> = Promise.resolve()
  #broken = false
  #closing = false
  #wake: (() => void) | undefined

  constructor(store: Store, clock: Clock, onError: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#onError = onError
  }

  get broken(): boolean {
    return this.#broken
  }

  /** One after the other, in the order they were asked for; tried again until it is done. Resolves then. */
  write(work: (db: Queries) => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(() => this.#persist(work))
    return this.#tail
  }

  /** VM runs of one run as they are now, with their new log lines, and the run itself. */
  record(
    run: ActiveRun,
    vmRuns: readonly { readonly of: ActiveVmRun; readonly report?: RunReport }[],
    more?: (db: Queries) => Promise<void>,
  ): Promise<void> {
    const records = vmRuns.map(({ of, report }) => {
      const lines = of.lines.splice(0)
      const plan = of.unstoredPlan
      of.unstoredPlan = undefined
      return { record: of.record, plan, report, lines }
    })
    const { record } = run
    return this.write(async (db) => {
      for (const { record: vmRun, plan, report, lines } of records) {
        await updateVmRun(db, vmRun, { ...(plan === undefined ? {} : { plan }), ...(report === undefined ? {} : { report }) })
        if (lines.length > 0)
          await insertLogLines(
            db,
            lines.map((line) => ({ vmRun: vmRun.id, line })),
          )
      }
      await updateRun(db, record)
      await more?.(db)
    })
  }

  /** What is waiting is tried a few more times. */
  async close(): Promise<void> {
    this.#closing = true
    this.#wake?.()
    await this.#tail
  }

  async #persist(work: (db: Queries) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#store.transaction(work)
        this.#broken = false
        return
      } catch (error) {
        this.#broken = true
        this.#onError(error)
        if (this.#closing && attempt >= RETRIES_ON_CLOSE) return
        await this.#pause()
      }
    }
  }

  #pause(): Promise<void> {
    if (this.#closing) return Promise.resolve()
    return new Promise((resolve) => {
      const callOff = this.#clock.wakeAfter(RETRY_MS, () => this.#wake?.())
      this.#wake = () => {
        callOff()
        this.#wake = undefined
        resolve()
      }
    })
  }
}
