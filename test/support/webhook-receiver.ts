/** An address that messages are posted to: what came, and a wait for the one that is looked for. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly headers: IncomingHttpHeaders
  /** As it came: signatures are over these bytes. */
  readonly body: string
}

export interface WebhookReceiver {
  readonly url: string
  readonly received: readonly Received[]
  /** The first that fits, also when it came already. Rejects after `timeoutMs` with what came instead. */
  next(fits: (received: Received) => boolean, timeoutMs?: number): Promise<Received>
  close(): Promise<void>
}

export async function webhookReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece
    })
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      response.end()
      for (const look of waiting) look()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    next(fits, timeoutMs = 60_000) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = received.find(fits)
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`no such message came; these did: ${received.map(({ body }) => body).join('\n')}`))
        }, timeoutMs)
        waiting.add(look)
        look()
      })
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
