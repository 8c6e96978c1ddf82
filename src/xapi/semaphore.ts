/** Places that are taken and given back; first come, first served. */
export interface Semaphore {
  /** Waits for a place; the function returned gives it back. Rejects with the signal's reason. */
  take(signal?: AbortSignal): Promise<() => void>
}

export function semaphore(places: number): Semaphore {
  let free = places
  const waiting: (() => void)[] = []
  const release = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
  const once = () => {
    let given = false
    return () => {
      if (given) return
      given = true
      release()
    }
  }
  return {
    async take(signal) {
      signal?.throwIfAborted()
      if (free > 0) {
        free--
        return once()
      }
      await new Promise<void>((resolve, reject) => {
        const granted = () => {
          signal?.removeEventListener('abort', aborted)
          resolve()
        }
        const aborted = () => {
          waiting.splice(waiting.indexOf(granted), 1)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', aborted, { once: true })
        waiting.push(granted)
      })
      return once()
    },
  }
}
