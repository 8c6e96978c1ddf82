/** The newest events, numbered, so that a listener who was away for a moment misses nothing. */
import type { ServerEvent } from '../../jobs/control-plane.ts'

export interface NumberedEvent {
  /** `START-NUMBER`: numbers of another start of the server mean nothing. */
  readonly id: string
  readonly event: ServerEvent
  /** JSON of it, made once for all listeners. */
  readonly data: string
}

export type Missed =
  | { readonly kind: 'events'; readonly events: readonly NumberedEvent[] }
  /** What was missed is not known any more: everything has to be fetched anew. */
  | { readonly kind: 'reset' }

export class EventRing {
  readonly #start: string
  readonly #size: number
  readonly #events: NumberedEvent[] = []
  readonly #listeners = new Set<(event: NumberedEvent) => void>()
  /** Number of the newest event. */
  #last = 0

  /** @param start told apart from any other start of the server */
  constructor(start: string, size = 4096) {
    this.#start = start
    this.#size = size
  }

  push(event: ServerEvent): void {
    this.#last += 1
    const numbered: NumberedEvent = { id: this.lastId, event, data: JSON.stringify(event) }
    this.#events.push(numbered)
    // In lumps: taking the first one of a long list moves all the others.
    if (this.#events.length > this.#size * 1.25) this.#events.splice(0, this.#events.length - this.#size)
    for (const listener of this.#listeners) listener(numbered)
  }

  get lastId(): string {
    return `${this.#start}-${this.#last}`
  }

  /** What came after the event of this id. */
  since(id: string): Missed {
    const [start, text = ''] = [id.slice(0, id.lastIndexOf('-')), id.slice(id.lastIndexOf('-') + 1)]
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    const oldest = this.#last - this.#events.length
    if (start !== this.#start || !(number >= oldest && number <= this.#last)) return { kind: 'reset' }
    return { kind: 'events', events: this.#events.slice(number - oldest) }
  }

  listen(listener: (event: NumberedEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
