/** Live events of the server (SSE). */
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { EVENT_KINDS } from '../../../src/core/control/event-kinds.ts'
import { applyEvent, askEverythingAgain } from './apply-event.ts'
import type { ServerEvent } from './types.ts'

export type Liveness = 'connecting' | 'live' | 'lost'

/** Listens as long as the component is there; after a gap everything is asked for anew. */
export function useLiveEvents(): Liveness {
  const client = useQueryClient()
  const [liveness, setLiveness] = useState<Liveness>('connecting')
  useEffect(() => {
    const source = new EventSource('/api/v1/events')
    source.onopen = () => setLiveness('live')
    source.onerror = () => setLiveness('lost')
    const take = (message: MessageEvent<string>) => applyEvent(client, JSON.parse(message.data) as ServerEvent)
    for (const kind of EVENT_KINDS) source.addEventListener(kind, take)
    source.addEventListener('reset', () => askEverythingAgain(client))
    // What was asked for before the stream began may lack what happened in between. A stream that goes on tells that by itself.
    source.addEventListener('hello', () => askEverythingAgain(client), { once: true })
    return () => source.close()
  }, [client])
  return liveness
}
