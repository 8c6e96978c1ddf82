/** One budget of memory shared by every transfer of a process: first come, first served. */
import type { ByteBudget } from './block.ts'

interface Waiter {
  readonly bytes: number
  readonly grant: () => void
}

/** `total` is in bytes. */
export function createByteBudget(total: number): ByteBudget {
  if (!(total > 0)) throw new RangeError(`a memory budget must be positive, not ${total}`)
  const waiting: Waiter[] = []
  let used = 0

  const fits = (bytes: number) => used === 0 || used + bytes <= total

  function serve(): void {
    for (let first = waiting[0]; first !== undefined && fits(first.bytes); first = waiting[0]) {
      waiting.shift()
      used += first.bytes
      first.grant()
    }
  }

  function giveBackOnce(bytes: number): () => void {
    let given = false
    return () => {
      if (given) return
      given = true
      used -= bytes
      serve()
    }
  }

  return {
    total,
    get used() {
      return used
    },
    take(bytes, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      if (waiting.length === 0 && fits(bytes)) {
        used += bytes
        return Promise.resolve(giveBackOnce(bytes))
      }
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          bytes,
          grant() {
            signal?.removeEventListener('abort', giveUp)
            resolve(giveBackOnce(bytes))
          },
        }
        function giveUp(): void {
          const at = waiting.indexOf(waiter)
          if (at >= 0) waiting.splice(at, 1)
          reject(signal?.reason)
          // The one that gave up may have been what kept smaller demands behind it waiting.
          serve()
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        waiting.push(waiter)
      })
    },
  }
}
