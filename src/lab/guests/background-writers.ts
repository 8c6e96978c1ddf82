import { randomUUID } from 'node:crypto'
import type { Extent } from '../../block/block.ts'
import { seededNumbers } from '../content/seeded-numbers.ts'
import type { LabPool } from '../pool.ts'
import { type DiskName, findGuestDisk, GuestError, writableDisk } from './guest-disk.ts'
import { writeSomewhere } from './guest-write.ts'

export interface WriterWish {
  readonly disk: DiskName
  readonly bytesPerSecond: number
  readonly granule: number
  /** Default: the whole disk. */
  readonly region: Extent | undefined
  readonly seed: string
}

export interface WriterState {
  readonly id: string
  readonly disk: DiskName
  readonly bytesPerSecond: number
  readonly granule: number
  readonly seed: string
  /** Bytes written since it was started; a place that was written twice counts twice. */
  readonly written: number
  /** Why it does not write at the moment (the VM is halted, the pool is stopped): it goes on by itself. */
  readonly waiting: string | undefined
}

/** Guests that write all the time, at a rate. They outlive a restart of the pool's toolstack, as guests do. */
export interface BackgroundWriters {
  /** GuestError when there is no such disk or its VM does not run. */
  start(wish: WriterWish): WriterState
  /** Its last state; undefined when there is no such writer. */
  stop(id: string): WriterState | undefined
  list(): WriterState[]
  close(): void
}

const tickMs = 50
/** After a pause of the process no more than this is made up for. */
const creditMs = 1000

/** `pool` gives the pool as it is now, undefined while it is stopped. */
export function startBackgroundWriters(pool: () => LabPool | undefined): BackgroundWriters {
  const writers = new Map<string, { state(): WriterState; stop(): void }>()

  function start(wish: WriterWish): WriterState {
    const running = pool()
    if (!running) throw new GuestError('not-writable', 'the pool is stopped')
    const size = writableDisk(running, findGuestDisk(running, wish.disk)).size
    const region = wish.region ?? { offset: 0, length: size }
    if (region.offset + region.length > size) throw new GuestError('bad-request', `the region is outside of the disk of ${size} bytes`)
    if (region.length < wish.granule) throw new GuestError('bad-request', 'the region is smaller than one granule')

    const id = randomUUID()
    const numbers = seededNumbers(`places ${wish.seed}`)
    let written = 0
    let count = 0
    let waiting: string | undefined
    let credit = 0
    let last = performance.now()
    const tick = () => {
      const now = performance.now()
      credit += (Math.min(now - last, creditMs) / 1000) * wish.bytesPerSecond
      last = now
      const current = pool()
      try {
        if (!current) throw new GuestError('not-writable', 'the pool is stopped')
        const target = findGuestDisk(current, wish.disk)
        while (credit >= wish.granule) {
          writeSomewhere(current, target, numbers, wish.granule, region, `${wish.seed} ${count}`)
          count++
          credit -= wish.granule
          written += wish.granule
          // A rate above what the machine can do must not stop everything else.
          if (performance.now() - now > tickMs) break
        }
        waiting = undefined
      } catch (error) {
        waiting = error instanceof Error ? error.message : String(error)
      }
      credit = Math.min(credit, (wish.bytesPerSecond * creditMs) / 1000 + wish.granule)
    }
    const timer = setInterval(tick, tickMs)
    const state = () => ({
      id,
      disk: wish.disk,
      bytesPerSecond: wish.bytesPerSecond,
      granule: wish.granule,
      seed: wish.seed,
      written,
      waiting,
    })
    writers.set(id, { state, stop: () => clearInterval(timer) })
    return state()
  }

  return {
    start,
    stop(id) {
      const writer = writers.get(id)
      writer?.stop()
      writers.delete(id)
      return writer?.state()
    },
    list: () => [...writers.values()].map((writer) => writer.state()),
    close() {
      for (const writer of writers.values()) writer.stop()
      writers.clear()
    },
  }
}
