/** The open alerts, and what is told of them: opening and closing is stored together with the notices that go out about it. */
import { randomUUID } from 'node:crypto'
import type { AlertSpec } from '../../core/control/alerts.ts'
import type { Alert } from '../../core/control/notification.ts'
import type { KeyedAlert } from '../../store/notifications/alert-row.ts'
import { openAlerts } from '../../store/notifications/list-alerts.ts'
import { addToOutbox } from '../../store/notifications/outbox.ts'
import { putAlert } from '../../store/notifications/put-alert.ts'
import type { Store } from '../../store/open-store.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { Clock } from '../clock.ts'

export interface AlertParts {
  readonly store: Store
  readonly clock: Clock
  /** What happens within this time is told in one message. */
  readonly groupMs: number
  readonly onAlert: (alert: Alert) => void
  /** Something waits to be sent. */
  readonly onNotice: () => void
  readonly onError: (error: unknown) => void
}

export class AlertBook {
  readonly #parts: AlertParts
  readonly #open = new Map<string, KeyedAlert>()
  #tail: Promise<void> = Promise.resolve()

  constructor(parts: AlertParts) {
    this.#parts = parts
  }

  async load(): Promise<void> {
    for (const alert of await openAlerts(this.#parts.store.db)) this.#open.set(alert.key, alert)
  }

  isOpen(key: string): boolean {
    return this.#open.has(key)
  }

  open(): readonly KeyedAlert[] {
    return [...this.#open.values()]
  }

  /** One that is open already is told anew only in the list. @param tell whether notices go out */
  raise({ key, ...spec }: AlertSpec, tell: boolean): void {
    const before = this.#open.get(key)
    if (before !== undefined && before.text === spec.text && before.subject === spec.subject) return
    const now = toTimestamp(this.#parts.clock.now())
    const alert: KeyedAlert = { ...spec, key, id: before?.id ?? randomUUID(), openedAt: before?.openedAt ?? now, closedAt: null }
    this.#open.set(key, alert)
    this.#store(alert, tell && before === undefined ? 'opened' : undefined)
  }

  /** Nothing when there is none. */
  close(key: string, tell: boolean): void {
    const open = this.#open.get(key)
    if (open === undefined) return
    this.#open.delete(key)
    this.#store({ ...open, closedAt: toTimestamp(this.#parts.clock.now()) }, tell ? 'recovered' : undefined)
  }

  /** Those about which there is nothing to watch any more (a job that was removed): closed without a word. */
  closeWhere(gone: (alert: KeyedAlert) => boolean): void {
    for (const alert of this.open()) if (gone(alert)) this.close(alert.key, false)
  }

  /** Resolves when everything so far is stored. */
  settled(): Promise<void> {
    return this.#tail
  }

  #store(keyed: KeyedAlert, kind: 'opened' | 'recovered' | undefined): void {
    const { store, clock, groupMs, onAlert, onNotice, onError } = this.#parts
    const { key: _key, ...alert } = keyed
    const now = clock.now()
    this.#tail = this.#tail
      .then(() =>
        store.transaction(async (db) => {
          await putAlert(db, keyed)
          if (kind !== undefined) await addToOutbox(db, [{ kind, alert }], now, now + groupMs)
        }),
      )
      .then(() => {
        onAlert(alert)
        if (kind !== undefined) onNotice()
      })
      // What is not stored is raised again when it is judged again, at the latest at the next start.
      .catch(onError)
  }
}
