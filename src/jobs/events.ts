/** Events of the server: told at once, in order, to whoever listens. */

export interface Events<E> {
  readonly emit: (event: E) => void
  /** Until the function given back is called. */
  readonly listen: (listener: (event: E) => void) => () => void
}

/** @param onError told when a listener throws: the others and the one who told are not troubled */
export function createEvents<E>(onError: (error: unknown) => void): Events<E> {
  const listeners = new Set<(event: E) => void>()
  return {
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event)
        } catch (error) {
          onError(error)
        }
      }
    },
    listen(listener) {
      // Its own function each time: who listens twice stops once.
      const own = (event: E) => listener(event)
      listeners.add(own)
      return () => listeners.delete(own)
    },
  }
}
