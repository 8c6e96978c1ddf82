/** One disk of the source snapshot, read for every target that wants it: opened once all of them are there, or have given up. */
import type { Opened, ReadableDisk } from './block-source.ts'
import { type OpenedForAll, openForAll, type Want } from './open-for-all.ts'
import type { RunContext } from './session.ts'

interface Waiting {
  readonly want: Want
  readonly opened: PromiseWithResolvers<Opened>
}

export class DiskReading {
  readonly #context: RunContext
  readonly #disk: ReadableDisk
  /** Targets that have not come yet. */
  readonly #awaited: Set<string>
  readonly #waiting = new Map<string, Waiting>()
  #readings: OpenedForAll[] = []

  /** @param targets storage repositories of the targets whose plans send the disk */
  constructor(context: RunContext, disk: ReadableDisk, targets: Iterable<string>) {
    this.#context = context
    this.#disk = disk
    this.#awaited = new Set(targets)
  }

  /** Waits for the other targets. Rejects with what opening failed with, or the reason of the target's own signal. */
  join(target: string, want: Want): Promise<Opened> {
    const opened = Promise.withResolvers<Opened>()
    const { signal } = want.context
    const stop = () => {
      this.leave(target)
      opened.reject(signal.reason)
    }
    if (signal.aborted) stop()
    else {
      signal.addEventListener('abort', stop, { once: true })
      this.#awaited.delete(target)
      this.#waiting.set(target, { want, opened })
      this.#openWhenComplete()
    }
    return opened.promise.finally(() => signal.removeEventListener('abort', stop))
  }

  /** The target won't come any more. One that reads already just stops reading. Safe more than once. */
  leave(target: string): void {
    this.#waiting.delete(target)
    if (this.#awaited.delete(target)) this.#openWhenComplete()
  }

  /** Of the source, for all targets together. */
  get bytesRead(): number {
    return this.#readings.reduce((sum, reading) => sum + reading.bytesRead(), 0)
  }

  #openWhenComplete(): void {
    if (this.#awaited.size > 0 || this.#waiting.size === 0) return
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    void this.#open(all)
  }

  async #open(all: readonly Waiting[]): Promise<void> {
    try {
      const wants = all.map(({ want }) => want)
      const reading = await openForAll(this.#context, this.#disk, wants)
      this.#readings.push(reading)
      for (const [nth, { opened, want }] of all.entries()) {
        const result = reading.opened[nth]
        if (result?.status === 'fulfilled') {
          // One that gave up in the meantime takes nothing: the others need not wait for it.
          if (want.context.signal.aborted && result.value.kind === 'blocks') await result.value.source.close()
          opened.resolve(result.value)
        } else opened.reject(result?.reason)
      }
    } catch (error) {
      for (const { opened } of all) opened.reject(error)
    }
  }
}
