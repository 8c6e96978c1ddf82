/** What clients asked a pool, in order: names and times, no parameters. A ring of bounded length. */
export interface LoggedCall {
  /** Counts up from 1. */
  readonly number: number
  /** When it arrived, by the machine's clock, ISO 8601. */
  readonly at: string
  /** `Async.VM.snapshot`, `export_raw_vdi`, `import_raw_vdi`, `nbd`. */
  readonly method: string
}

export interface CallLog {
  note(method: string): void
  /** Calls of a higher number than `since`, as far as they are still kept. */
  since(since?: number): { readonly calls: LoggedCall[]; readonly last: number; readonly dropped: number }
}

const MOST = 20_000

export function createCallLog(): CallLog {
  const ring: { readonly at: number; readonly method: string }[] = []
  let last = 0
  return {
    note(method) {
      ring[last % MOST] = { at: Date.now(), method }
      last += 1
    },
    since(since = 0) {
      const oldest = Math.max(0, last - MOST)
      const calls: LoggedCall[] = []
      for (let number = Math.max(since, oldest); number < last; number += 1) {
        const { at, method } = ring[number % MOST] as { at: number; method: string }
        calls.push({ number: number + 1, at: new Date(at).toISOString(), method })
      }
      return { calls, last, dropped: Math.max(0, oldest - since) }
    },
  }
}
