/** What a server tells of by its event stream, from the beginning on; and waits for what is to come. */
import type { RemoteApi } from '../../src/cli/remote/api.ts'
import type { ServerEvent } from '../../src/jobs/control-plane.ts'

export interface EventLog {
  readonly length: number
  all(): readonly ServerEvent[]
  /** The first that fits from place `from` on (0), also when it came already. Rejects when none comes, with the kinds that did. */
  next<E extends ServerEvent>(fits: (event: ServerEvent) => event is E, options?: NextOptions): Promise<E>
  next(fits: (event: ServerEvent) => boolean, options?: NextOptions): Promise<ServerEvent>
  close(): Promise<void>
}

interface NextOptions {
  readonly from?: number
  /** default 60,000 */
  readonly timeoutMs?: number
}

/** Resolves once nothing can be missed any more. */
export async function followEvents(api: RemoteApi): Promise<EventLog> {
  const events: ServerEvent[] = []
  const stop = new AbortController()
  const waiting = new Set<() => void>()
  let opened: () => void = () => undefined
  const open = new Promise<void>((resolve) => {
    opened = resolve
  })
  let failure: unknown
  const listening = (async () => {
    for await (const event of api.events(stop.signal, () => opened())) {
      events.push(event)
      for (const look of waiting) look()
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) failure = error
    for (const look of waiting) look()
  })
  await Promise.race([open, listening])
  if (failure !== undefined) throw failure
  return {
    get length() {
      return events.length
    },
    all: () => events,
    next(fits: (event: ServerEvent) => boolean, { from = 0, timeoutMs = 60_000 }: NextOptions = {}) {
      return new Promise<never>((resolve, reject) => {
        const done = (settle: () => void) => {
          clearTimeout(timer)
          waiting.delete(look)
          settle()
        }
        const look = () => {
          const found = events.slice(from).find(fits)
          if (found !== undefined) done(() => resolve(found as never))
          else if (failure !== undefined) done(() => reject(failure as Error))
        }
        const timer = setTimeout(() => {
          const came = events.slice(from).map((event) => JSON.stringify(event).slice(0, 300))
          done(() => reject(new Error(`no such event came; these did:\n${came.join('\n')}`)))
        }, timeoutMs)
        waiting.add(look)
        look()
      })
    },
    async close() {
      stop.abort()
      await listening
    },
  }
}
