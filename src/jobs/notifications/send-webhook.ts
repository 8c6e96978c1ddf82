/** Sends notices to a webhook: a POST of JSON, signed. Redirects are not followed. */
import { createHmac } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Notice } from '../../core/control/notice.ts'
import type { Alert } from '../../core/control/notification.ts'

const TIMEOUT_MS = 15_000
/** Of an answer no more is read. */
const ANSWER_BYTES = 2_000

export interface WebhookMessage {
  /** The same in every attempt. */
  readonly id: string
  /** Seconds since the epoch. */
  readonly at: number
  readonly notices: readonly Notice[]
  /** In words, as in a mail. */
  readonly subject: string
  readonly text: string
}

/** Only these leave this machine as a webhook. */
export function webhookUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') return undefined
  return url
}

export function webhookBody({ id, at, notices, subject, text }: WebhookMessage): string {
  const alerts = (kind: 'opened' | 'recovered') => notices.flatMap((notice): Alert[] => (notice.kind === kind ? [notice.alert] : []))
  return JSON.stringify({
    format: 'understudy-notification',
    version: 1,
    id,
    sentAt: new Date(at * 1000).toISOString(),
    test: notices.some(({ kind }) => kind === 'test'),
    subject,
    text,
    opened: alerts('opened'),
    recovered: alerts('recovered'),
    reports: notices.flatMap((notice) => (notice.kind === 'report' ? [notice.report] : [])),
  })
}

/** `t=SECONDS,v1=HEX`: HMAC-SHA-256, with the channel's secret, of the time, a dot and the body as it is sent. */
export function signature(secret: string, at: number, body: string): string {
  return `t=${at},v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`
}

/** What the other side answered. Rejects unless it is 2xx. */
export function sendWebhook(address: string, secret: string | undefined, message: WebhookMessage): Promise<string> {
  const url = webhookUrl(address)
  if (url === undefined) return Promise.reject(new Error('the address is no http or https URL without credentials'))
  const body = webhookBody(message)
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'Understudy',
    'understudy-delivery': message.id,
    ...(secret === undefined ? {} : { 'understudy-signature': signature(secret, message.at, body) }),
  }
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const sent = request(url, { method: 'POST', headers, agent: false, signal }, (response) => {
      const { statusCode: status = 0 } = response
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        answer += chunk
        if (answer.length > ANSWER_BYTES) response.destroy()
      })
      response.on('error', () => undefined)
      response.on('close', () => {
        const said = answer.slice(0, 200).replaceAll(/\s+/g, ' ').trim()
        const text = `answered ${status}${said === '' ? '' : `: ${said}`}`
        if (status >= 200 && status < 300) resolve(text)
        else reject(new Error(status >= 300 && status < 400 ? `${text} (redirects are not followed)` : text))
      })
    })
    sent.on('error', (error) => reject(signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error))
    sent.end(body)
  })
}
