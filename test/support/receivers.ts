/** A mail server and a webhook of the tests' own, on loopback: they keep what they are sent. */
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net'

export interface ReceivedPost {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface WebhookReceiver {
  readonly url: string
  readonly posts: ReceivedPost[]
  /** What is answered from now on (default 204). */
  answer(status: number, headers?: Readonly<Record<string, string>>): void
  close(): Promise<void>
}

export async function webhookReceiver(): Promise<WebhookReceiver> {
  const posts: ReceivedPost[] = []
  let reply: { readonly status: number; readonly headers: Readonly<Record<string, string>> } = { status: 204, headers: {} }
  const server = createHttp((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      posts.push({ headers: request.headers, body })
      response.writeHead(reply.status, reply.headers).end()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    posts,
    answer(status, headers = {}) {
      reply = { status, headers }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** Headers and body as they came. */
  readonly data: string
}

export interface MailReceiver {
  readonly port: number
  readonly mails: ReceivedMail[]
  /** Refuses every recipient from now on, or not any more. */
  refuse(refused: boolean): void
  close(): Promise<void>
}

/** As much of SMTP (RFC 5321) as a client needs: no TLS, no authentication. */
export async function mailReceiver(): Promise<MailReceiver> {
  const mails: ReceivedMail[] = []
  const sockets = new Set<Socket>()
  let refused = false
  const server = createTcp((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    let buffered = ''
    let from = ''
    let to: string[] = []
    let data: string[] | undefined
    const say = (line: string) => socket.write(`${line}\r\n`)
    const line = (text: string) => {
      if (data !== undefined) {
        if (text !== '.') return void data.push(text.startsWith('..') ? text.slice(1) : text)
        mails.push({ from, to, data: data.join('\n') })
        data = undefined
        return say('250 kept')
      }
      const command = text.slice(0, 4).toUpperCase()
      const address = /<([^>]*)>/.exec(text)?.[1] ?? ''
      if (command === 'EHLO' || command === 'HELO') return say('250 test')
      if (command === 'MAIL') {
        from = address
        to = []
        return say('250 ok')
      }
      if (command === 'RCPT') {
        if (refused) return say('550 nobody of that name')
        to.push(address)
        return say('250 ok')
      }
      if (command === 'DATA') {
        data = []
        return say('354 go on')
      }
      if (command === 'QUIT') return socket.end('221 bye\r\n')
      return say('250 ok')
    }
    say('220 test')
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      buffered += chunk
      const lines = buffered.split('\r\n')
      buffered = lines.pop() as string
      for (const each of lines) line(each)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    refuse(now) {
      refused = now
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}
