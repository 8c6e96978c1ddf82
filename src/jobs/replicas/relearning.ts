/** Target pools are read when they are seen for the first time, and when they come back: then what they hold is what was achieved. */
import type { PoolStatus } from '../../core/control/pool-record.ts'
import type { Clock } from '../clock.ts'
import type { JobBook } from '../job-book.ts'
import type { PoolAccess } from '../pool-access.ts'
import type { ProtectionWatch } from '../protection/protection-watch.ts'
import { learnPoints } from './learn-points.ts'

export interface RelearningParts {
  readonly clock: Clock
  readonly pools: PoolAccess
  readonly book: JobBook
  readonly watch: ProtectionWatch
  readonly onError: (error: unknown) => void
}

const AGAIN_MS = 60_000
const LIMIT_MS = 5 * 60_000

export class Relearning {
  readonly #parts: RelearningParts
  readonly #closing = new AbortController()
  /** Pools that were read since they were connected last. */
  readonly #read = new Set<string>()
  readonly #again = new Map<string, () => void>()
  #tail: Promise<void> = Promise.resolve()

  constructor(parts: RelearningParts) {
    this.#parts = parts
  }

  poolChanged({ id, state }: PoolStatus): void {
    if (state !== 'connected') {
      this.#read.delete(id)
      return
    }
    if (this.#read.has(id)) return
    this.#read.add(id)
    // One pool after the other: what is read of a large one is large.
    this.#tail = this.#tail.then(() => this.#learn(id))
  }

  async stop(): Promise<void> {
    this.#closing.abort(new Error('the server is shutting down'))
    for (const callOff of this.#again.values()) callOff()
    await this.#tail
  }

  async #learn(pool: string): Promise<void> {
    const { clock, pools, book, watch, onError } = this.#parts
    if (this.#closing.signal.aborted || !this.#read.has(pool)) return
    const targeting = book.all().filter(({ targets }) => targets.some((target) => target.pool === pool))
    if (targeting.length === 0) return
    const readAt = clock.now()
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LIMIT_MS)])
    try {
      await watch.learn(pool, await learnPoints(pools, pool, signal, new Set(targeting.map(({ id }) => id))), readAt)
    } catch (error) {
      if (this.#closing.signal.aborted) return
      onError(error)
      const again = clock.wakeAfter(AGAIN_MS, () => {
        this.#again.delete(pool)
        this.#tail = this.#tail.then(() => this.#learn(pool))
      })
      this.#again.set(pool, again)
    }
  }
}
