/** One source read once for several takers: each gets the blocks that it wants, and the slowest paces the reading. */
import type { Block, BlockSource, Extent, ReadOptions } from './block.ts'
import { partsWithin, totalLength } from './extents.ts'
import { sharedRelease } from './shared-release.ts'

/** Bytes that wait for one taker at most before nothing more is read; what a read brings is never cut. */
const MOST_WAITING = 8 * 1024 * 1024

/**
 * Branches of a source, one for each entry of `wanted` (what of the disk it gets; undefined: everything). Reading begins once every
 * branch is being read or has been closed. A branch that is closed, or whose taker fails, leaves the others alone; once all are, the
 * source is closed. What goes wrong with the source goes wrong for every branch. Memory is that of the source's own reads, from
 * `read.budget`, until the last taker has released them.
 */
export function shareSource(source: BlockSource, wanted: readonly (readonly Extent[] | undefined)[], read: ReadOptions): BlockSource[] {
  const stop = new AbortController()
  let begun = false
  let closing: Promise<void> | undefined
  let room: (() => void) | undefined

  const branches = wanted.map((only) => new Branch(source, only, changed))
  const reading = () => branches.filter(({ state }) => state === 'reading')

  function changed(): void {
    room?.()
    if (branches.every(({ state }) => state === 'gone')) {
      stop.abort(new Error('nobody takes the blocks any more'))
      closing ??= source.close().catch(() => undefined)
    } else if (!begun && branches.every(({ state }) => state !== 'waiting')) {
      begun = true
      void run()
    }
  }

  async function run(): Promise<void> {
    let failure: { readonly error: unknown } | undefined
    try {
      const signal = AbortSignal.any([read.signal, stop.signal])
      for await (const block of source.blocks({ signal, budget: read.budget })) {
        hand(block)
        while (reading().some(({ waitingBytes }) => waitingBytes >= MOST_WAITING)) {
          await new Promise<void>((resolve) => {
            room = resolve
          })
        }
      }
    } catch (error) {
      failure = { error }
    }
    for (const branch of branches) branch.end(failure)
  }

  /** Gives a block's memory back when every taker has released its parts. */
  function hand(block: Block): void {
    const takers = reading().map((branch) => ({ branch, parts: branch.partsOf(block) }))
    const holders = takers.reduce((sum, { parts }) => sum + parts.length, 0)
    if (holders === 0) block.release()
    const holder = sharedRelease(holders, () => block.release())
    for (const { branch, parts } of takers) {
      for (const { offset, length } of parts) {
        const at = offset - block.offset
        const data = length === block.data.length ? block.data : block.data.subarray(at, at + length)
        branch.give({ offset, data, release: holder() })
      }
    }
  }

  return branches.map((branch) => ({
    kind: source.kind,
    size: source.size,
    expected: branch.only === undefined ? source.expected : totalLength(branch.only),
    get bytesRead() {
      return branch.bytesGiven
    },
    blocks: (options) => branch.blocks(options),
    async close() {
      branch.leave()
      // There when this was the last one.
      await closing
    },
  }))
}

class Branch {
  readonly only: readonly Extent[] | undefined
  readonly #kind: string
  readonly #changed: () => void
  state: 'waiting' | 'reading' | 'gone' = 'waiting'
  waitingBytes = 0
  bytesGiven = 0
  #queue: Block[] = []
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(source: BlockSource, only: readonly Extent[] | undefined, changed: () => void) {
    this.#kind = source.kind
    this.only = only
    this.#changed = changed
  }

  partsOf({ offset, data }: Block): Extent[] {
    const whole = { offset, length: data.length }
    return this.only === undefined ? [whole] : partsWithin(this.only, whole)
  }

  give(block: Block): void {
    this.#queue.push(block)
    this.waitingBytes += block.data.length
    this.#wake?.()
  }

  end(failure: { readonly error: unknown } | undefined): void {
    this.#ended = true
    this.#failure = failure
    this.#wake?.()
  }

  /** Safe more than once. */
  leave(): void {
    if (this.state === 'gone') return
    this.state = 'gone'
    for (const block of this.#queue.splice(0)) block.release()
    this.waitingBytes = 0
    this.#changed()
  }

  async *blocks({ signal }: ReadOptions): AsyncGenerator<Block, void, undefined> {
    if (this.state !== 'waiting') throw new Error(`the blocks of this branch of ${this.#kind} were read already`)
    signal.throwIfAborted()
    const wake = () => this.#wake?.()
    signal.addEventListener('abort', wake, { once: true })
    this.state = 'reading'
    this.#changed()
    try {
      for (;;) {
        signal.throwIfAborted()
        if (this.#failure !== undefined) throw this.#failure.error
        const block = this.#queue.shift()
        if (block !== undefined) {
          this.waitingBytes -= block.data.length
          this.bytesGiven += block.data.length
          this.#changed()
          yield block
        } else if (this.#ended) {
          return
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.leave()
    }
  }
}
