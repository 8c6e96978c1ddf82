/** How much runs moved: read once at the start, and kept from then on. */
import { FIGURES_DAYS, HOUR_MS, type RunFigures, RunSums } from '../../core/control/run-figures.ts'
import { ENDED_RUN_STATES, type Run } from '../../core/control/run-record.ts'
import type { Store } from '../../store/open-store.ts'
import { endedRuns } from '../../store/runs/ended-runs.ts'
import type { Clock } from '../clock.ts'
import type { JobBook } from '../job-book.ts'

export interface FigureBookParts {
  readonly store: Store
  readonly clock: Clock
  readonly book: JobBook
}

export class FigureBook {
  readonly #parts: FigureBookParts
  readonly #sums = new RunSums()
  /** Ended while the stored ones were being read: they may be among them. */
  readonly #noted = new Set<string>()
  #loading: Promise<void> | undefined
  #isLoaded = false
  #isStopped = false

  constructor(parts: FigureBookParts) {
    this.#parts = parts
  }

  /** Call it before any run can end; rejects when the store can't be read. */
  load(): Promise<void> {
    this.#loading ??= this.#read()
    return this.#loading
  }

  note(run: Run): void {
    if (!ENDED_RUN_STATES.includes(run.state)) return
    if (!this.#isLoaded) this.#noted.add(run.id)
    this.#sums.add(run, this.#targetsOf(run.job))
  }

  async figures(): Promise<RunFigures> {
    await this.#loading
    return this.#sums.at(this.#parts.clock.now())
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#loading?.catch(() => undefined)
  }

  async #read(): Promise<void> {
    const { store, clock } = this.#parts
    for await (const runs of endedRuns(store.db, clock.now() - FIGURES_DAYS * 24 * HOUR_MS)) {
      if (this.#isStopped) return
      for (const run of runs) if (!this.#noted.has(run.id)) this.#sums.add(run, this.#targetsOf(run.job))
    }
    this.#isLoaded = true
    this.#noted.clear()
  }

  #targetsOf(job: string) {
    return this.#parts.book.find(job)?.targets ?? []
  }
}
