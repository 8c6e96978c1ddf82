/** Streams of server-sent events (WHATWG HTML, 9.2) to those who listen. */
import type { ServerResponse } from 'node:http'
import { Failure } from '../../core/failure.ts'
import type { Endings } from '../auth/endings.ts'
import type { Principal } from '../auth/principal.ts'
import { type EventFilter, isWanted } from './event-filter.ts'
import type { EventRing, NumberedEvent } from './event-ring.ts'

const HEARTBEAT_MS = 15_000
/** A listener who is that far behind is dropped: it comes back with Last-Event-ID, or fetches anew. */
const MOST_UNSENT_BYTES = 1024 * 1024
const MOST_STREAMS = 500
const MOST_STREAMS_PER_USER = 30

export interface StreamRequest {
  readonly who: Principal
  readonly filter: EventFilter
  readonly lastEventId: string | undefined
  /** Whether what let the listener in is still good; asked with each heartbeat. */
  readonly isStillGood: () => Promise<boolean>
}

interface Open {
  readonly user: string
  readonly response: ServerResponse
  readonly close: () => void
}

export class EventStreams {
  readonly #ring: EventRing
  readonly #endings: Endings
  readonly #heartbeatMs: number
  readonly #open = new Set<Open>()

  constructor(ring: EventRing, endings: Endings, heartbeatMs = HEARTBEAT_MS) {
    this.#ring = ring
    this.#endings = endings
    this.#heartbeatMs = heartbeatMs
  }

  /** SERVER_BUSY; before anything is sent. */
  refuseWhenFull(who: Principal): void {
    const own = [...this.#open].filter(({ user }) => user === who.user.id)
    if (this.#open.size >= MOST_STREAMS || own.length >= MOST_STREAMS_PER_USER) {
      throw new Failure('SERVER_BUSY', 'too many event streams are open')
    }
  }

  /** From now on the response is this stream's; its head has been written. */
  serve(response: ServerResponse, { who, filter, lastEventId, isStillGood }: StreamRequest): void {
    const send = (text: string) => {
      if (response.writableEnded || response.destroyed) return
      response.write(text)
      if (response.writableLength > MOST_UNSENT_BYTES) response.destroy()
    }
    const tell = ({ id, event, data }: NumberedEvent) => {
      if (isWanted(event, filter)) send(`id: ${id}\nevent: ${event.kind}\ndata: ${data}\n\n`)
    }
    const missed = lastEventId === undefined ? undefined : this.#ring.since(lastEventId)
    send(`retry: 2000\nid: ${this.#ring.lastId}\nevent: ${missed?.kind === 'reset' ? 'reset' : 'hello'}\ndata: {}\n\n`)
    if (missed?.kind === 'events') for (const event of missed.events) tell(event)
    const stopListening = this.#ring.listen(tell)
    const heartbeat = setInterval(() => {
      send(': still here\n\n')
      isStillGood().then(
        (good) => good || close(),
        () => close(),
      )
    }, this.#heartbeatMs)
    const forget = this.#endings.watch(who, () => close())
    const open: Open = { user: who.user.id, response, close: () => close() }
    this.#open.add(open)
    const close = () => {
      stopListening()
      clearInterval(heartbeat)
      forget()
      this.#open.delete(open)
      if (!response.writableEnded) response.end()
    }
    response.on('close', close)
    response.on('error', close)
  }

  get size(): number {
    return this.#open.size
  }

  closeAll(): void {
    for (const { close } of this.#open) close()
  }
}
