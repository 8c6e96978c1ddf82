/** Limits of bandwidth that all VM runs of a job share while any of them runs. */
import { createThrottle } from '../block/throttle.ts'
import { bandwidthAt, parseBandwidthRule } from '../core/bandwidth.ts'

interface Shared {
  readonly take: (bytes: number) => Promise<void>
  readonly end: AbortController
  users: number
}

export interface SharedThrottles {
  /** `beforeWrite` of a run; undefined without limits. `release` when the run has ended. */
  use(
    key: string,
    limits: readonly string[],
    signal: AbortSignal,
  ): { readonly beforeWrite: ((bytes: number) => Promise<void>) | undefined; release(): void }
}

/** @param minuteOfDay in the server's local time */
export function sharedThrottles(minuteOfDay: () => number): SharedThrottles {
  const known = new Map<string, Shared>()
  return {
    use(name, limits, signal) {
      const rules = limits.flatMap((limit) => parseBandwidthRule(limit) ?? [])
      if (rules.length === 0) return { beforeWrite: undefined, release: () => undefined }
      const key = `${name} ${JSON.stringify(rules)}`
      let shared = known.get(key)
      if (shared === undefined) {
        const end = new AbortController()
        shared = { take: createThrottle(() => bandwidthAt(rules, minuteOfDay()), end.signal), end, users: 0 }
        known.set(key, shared)
      }
      const mine = shared
      mine.users++
      let released = false
      return {
        beforeWrite: (bytes) => unlessAborted(mine.take(bytes), signal),
        release() {
          if (released) return
          released = true
          if (--mine.users > 0) return
          known.delete(key)
          mine.end.abort(new Error('no run uses this limit any more'))
        },
      }
    },
  }
}

/** Who is told to stop does not wait for its turn. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  // The bytes stay booked: others wait as if they had been sent.
  work.catch(() => undefined)
  try {
    await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
