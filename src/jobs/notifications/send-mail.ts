/** Sends a message as mail: the one place that knows nodemailer. */
import { createTransport } from 'nodemailer'
import type { Message } from '../../core/control/notice.ts'
import type { ChannelSpec } from '../../core/control/notification.ts'

const TIMEOUT_MS = 30_000

type EmailSpec = Extract<ChannelSpec, { kind: 'email' }>

/** What the mail server said. Rejects with what went wrong; no message of it has the password. */
export async function sendMail(
  spec: EmailSpec,
  password: string | undefined,
  { subject, text }: Message,
  messageId: string,
): Promise<string> {
  const { host, port, tls, user, from, to } = spec
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    const sent = await transport.sendMail({
      from,
      to: [...to],
      subject,
      text,
      // The same for every attempt: who got it twice sees it once.
      messageId: `<${messageId}@understudy.invalid>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    return String(sent.response ?? 'accepted')
  } finally {
    transport.close()
  }
}
