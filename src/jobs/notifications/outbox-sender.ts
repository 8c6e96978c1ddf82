/**
 * Sends what waits in the outbox: everything that waits for a channel goes out in one message, a channel gets one a minute at most, and what
 * can't be sent is tried again with growing pauses, so many times. What was sent is stored as sent afterwards: a server that is killed in
 * between sends it once more, under the same id.
 */
import { createHash } from 'node:crypto'
import { composeMessage, type Notice } from '../../core/control/notice.ts'
import type { Channel } from '../../core/control/notification.ts'
import { findChannel, noteSending, type StoredChannel } from '../../store/notifications/channels.ts'
import { closeNotices, postponeNotices, type WaitingNotice, waitingNotices } from '../../store/notifications/outbox.ts'
import type { Store } from '../../store/open-store.ts'
import type { Secrets } from '../../store/secrets/secrets.ts'
import type { Clock } from '../clock.ts'
import { sendMail } from './send-mail.ts'
import { sendWebhook } from './send-webhook.ts'

export interface SenderParts {
  readonly store: Store
  readonly clock: Clock
  readonly secrets: Pick<Secrets, 'open'>
  readonly onError: (error: unknown) => void
  readonly leastPauseMs: number
}

const ATTEMPTS = 10
const FIRST_RETRY_MS = 60_000
const MOST_RETRY_MS = 4 * 3_600_000
/** Notices of one message; more go out with the next. */
const AT_ONCE = 500

export class OutboxSender {
  readonly #parts: SenderParts
  readonly #lastSent = new Map<string, number>()
  #callOff: (() => void) | undefined
  #working: Promise<void> | undefined
  #again = false
  #stopped = true

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stopped = false
    this.look()
  }

  /** Sends what is due, and sets the wake-up for what comes next. */
  look(): void {
    if (this.#stopped) return
    if (this.#working !== undefined) {
      this.#again = true
      return
    }
    this.#working = this.#work()
      .catch((error: unknown) => {
        this.#parts.onError(error)
        this.#arm(this.#parts.clock.now() + FIRST_RETRY_MS)
      })
      .finally(() => {
        this.#working = undefined
        if (this.#again) {
          this.#again = false
          this.look()
        }
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#callOff?.()
    await this.#working
  }

  #arm(at: number): void {
    this.#callOff?.()
    this.#callOff = this.#stopped ? undefined : this.#parts.clock.wakeAt(at, () => this.look())
  }

  async #work(): Promise<void> {
    const { store, clock, leastPauseMs } = this.#parts
    const waiting = await waitingNotices(store.db)
    let next = Number.POSITIVE_INFINITY
    for (const [channel, notices] of Map.groupBy(waiting, (notice) => notice.channel)) {
      const free = (this.#lastSent.get(channel) ?? Number.NEGATIVE_INFINITY) + leastPauseMs
      const due = Math.max(Math.min(...notices.map(({ nextAt }) => nextAt)), free)
      if (due > clock.now() || this.#stopped) next = Math.min(next, due)
      else {
        this.#lastSent.set(channel, clock.now())
        await this.#sendAll(channel, notices.slice(0, AT_ONCE))
        this.#again = true
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next)
  }

  async #sendAll(id: string, notices: readonly WaitingNotice[]): Promise<void> {
    const { store, clock } = this.#parts
    const ids = notices.map((notice) => notice.id)
    const stored = await findChannel(store.db, id)
    if (stored === undefined || !stored.channel.enabled) return closeNotices(store.db, ids, clock.now(), 'the channel is switched off')
    const error = await this.send(
      stored,
      notices.map(({ notice }) => notice),
      deliveryId(id, ids),
    ).then(
      () => null,
      (reason: Error) => reason.message,
    )
    const now = clock.now()
    await store.transaction(async (db) => {
      await noteSending(db, id, { error, sentAt: error === null ? now : null })
      if (error === null) return closeNotices(db, ids, now, null)
      const lost = notices.filter(({ attempts }) => attempts + 1 >= ATTEMPTS).map((notice) => notice.id)
      const kept = notices.filter(({ attempts }) => attempts + 1 < ATTEMPTS)
      if (lost.length > 0) await closeNotices(db, lost, now, `given up: ${error}`)
      if (kept.length === 0) return
      const pause = Math.min(FIRST_RETRY_MS * 2 ** Math.max(...kept.map(({ attempts }) => attempts)), MOST_RETRY_MS)
      await postponeNotices(
        db,
        kept.map((notice) => notice.id),
        now + pause,
        error,
      )
    })
  }

  /** What the other side said. Rejects with what went wrong. */
  async send({ channel, sealed }: StoredChannel, notices: readonly Notice[], delivery: string): Promise<string> {
    const secret = sealed === null ? undefined : this.#parts.secrets.open({ table: 'channels', id: channel.id }, sealed)
    return sendTo(channel, secret, notices, delivery, this.#parts.clock.now())
  }
}

function sendTo(channel: Channel, secret: string | undefined, notices: readonly Notice[], id: string, now: number): Promise<string> {
  const message = composeMessage(notices)
  switch (channel.kind) {
    case 'email':
      return sendMail(channel, secret, message, id)
    case 'webhook':
      return sendWebhook(channel.url, secret, { id, at: Math.floor(now / 1000), notices, ...message })
  }
}

/** Tells a repeated delivery from a new one. */
function deliveryId(channel: string, ids: readonly number[]): string {
  return createHash('sha256')
    .update(`${channel} ${ids.join(',')}`)
    .digest('hex')
    .slice(0, 32)
}
