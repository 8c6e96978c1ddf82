/**
 * Target pools are read when they are seen for the first time, when they come back, and when they are seen to hold something else than is known:
 * what they hold is what was achieved.
 */
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
  /** Pools that will be read, and were not begun with. */
  readonly #queued = new Set<string>()
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
    this.#learnSoon(id)
  }

  /** What is known of a pool is doubtful. One that is away is read when it is back. */
  doubted(pool: string): void {
    if (this.#read.has(pool)) this.#learnSoon(pool)
  }

  #learnSoon(pool: string): void {
    if (this.#queued.has(pool)) return
    this.#queued.add(pool)
    // One pool after the other: what is read of a large one is large.
    this.#tail = this.#tail.then(() => {
      this.#queued.delete(pool)
      return this.#learn(pool)
    })
  }

  async stop(): Promise<void> {
    this.#closing.abort(new Error('the server is shutting down'))
    for (const callOff of this.#again.values()) callOff()
    await this.#tail
  }

  async #learn(pool: string): Promise<void> {
    const { clock, pools, book, watch, onError } = this.#parts
    if (this.#closing.signal.aborted || !this.#read.has(pool)) return
    const targeting = book
      .all()
      .filter(({ targets, turned }) => [...targets, ...turned.map(({ target }) => target)].some((target) => target.pool === pool))
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
        this.#learnSoon(pool)
      })
      this.#again.set(pool, again)
    }
  }
}
