/** Several things at once, as many as is good for the hosts. */
import type { RunContext } from './session.ts'

/** Runs `each` over the items, `atOnce` at a time; the first failure stops the others, and is thrown once all have ended. */
export async function inParallel<I, O>(
  items: readonly I[],
  atOnce: number,
  context: RunContext,
  each: (context: RunContext, item: I) => Promise<O>,
): Promise<O[]> {
  const stop = new AbortController()
  const inner: RunContext = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) }
  const results: O[] = []
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const worker = async () => {
    while (next < items.length && failure === undefined) {
      const at = next++
      try {
        results[at] = await each(inner, items[at] as I)
      } catch (error) {
        failure ??= { error }
        stop.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  context.signal.throwIfAborted()
  if (failure !== undefined) throw failure.error
  return results
}
