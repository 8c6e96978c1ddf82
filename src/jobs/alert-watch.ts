/** Decides when alerts are opened and closed: from how VM runs end, from protections, and from pools. */
import {
  poolAlert,
  poolAwayKey,
  poolRefusedKey,
  rpoMissedAlert,
  rpoMissedKey,
  runFailedAlert,
  runFailedKey,
  spaceOf,
  targetSpaceAlert,
  targetSpaceKey,
} from '../core/control/alerts.ts'
import { effectiveSettings, type Job } from '../core/control/job.ts'
import type { PoolStatus } from '../core/control/pool-record.ts'
import type { Protection } from '../core/control/protection.ts'
import type { VmRun } from '../core/control/run-record.ts'
import type { Clock } from './clock.ts'
import type { JobBook } from './job-book.ts'
import type { AlertBook } from './notifications/alert-book.ts'
import type { PoolAccess } from './pool-access.ts'

/** A pool that is away for less is not told of: a toolstack that restarts looks like this. */
const AWAY_MS = 5 * 60_000

export interface AlertWatchParts {
  readonly clock: Clock
  readonly alerts: AlertBook
  readonly book: JobBook
  readonly pools: PoolAccess
}

export class AlertWatch {
  readonly #parts: AlertWatchParts
  /** By pool: calls off the wake-up at which one that is away is told of. */
  readonly #away = new Map<string, () => void>()

  constructor(parts: AlertWatchParts) {
    this.#parts = parts
  }

  stop(): void {
    for (const callOff of this.#away.values()) callOff()
    this.#away.clear()
  }

  vmRunEnded(vmRun: VmRun): void {
    const { alerts, book } = this.#parts
    const job = book.find(vmRun.job)
    if (job === undefined) return
    if (vmRun.state === 'failed') alerts.raise(runFailedAlert(vmRun, job.name), tells(job))
    else if (vmRun.state === 'success') alerts.close(runFailedKey(vmRun), tells(job))
  }

  /** Told at each change of state, and for all at the start: so what is open and what should be agree whatever happened in between. */
  protectionChanged(protection: Protection, job: Job): void {
    const { alerts } = this.#parts
    const { sourcePool, vm, target, state, lastRun, lastError } = protection
    if (target === null) return
    const chain = { job: job.id, sourcePool, vm, target }
    if (state === 'missed') alerts.raise(rpoMissedAlert(chain, protection), tells(job))
    // A job that is paused is not repaired: its alerts go without a word.
    else alerts.close(rpoMissedKey(chain), tells(job) && state !== 'paused' && state !== 'failed-over')
    if (lastRun?.state === 'success') alerts.close(runFailedKey(chain), tells(job))
    if (lastRun?.state === 'failed' && state !== 'paused' && !alerts.isOpen(runFailedKey(chain)))
      alerts.raise(runFailedAlert({ ...chain, error: lastError }, job.name), tells(job))
  }

  jobRemoved(job: Job): void {
    this.#parts.alerts.closeWhere((alert) => alert.job === job.id)
  }

  poolChanged(status: PoolStatus): void {
    const { alerts, clock, pools } = this.#parts
    const { id, state } = status
    const wasAway = this.#away.get(id)
    if (state !== 'away' && state !== 'connecting') {
      wasAway?.()
      this.#away.delete(id)
    }
    switch (state) {
      case 'connected':
        alerts.close(poolAwayKey(id), true)
        alerts.close(poolRefusedKey(id), true)
        return
      case 'disabled':
        alerts.closeWhere((alert) => alert.pool === id && (alert.kind === 'pool-away' || alert.kind === 'pool-refused'))
        return
      case 'refused':
        alerts.close(poolAwayKey(id), false)
        alerts.raise(poolAlert(status), true)
        return
      case 'connecting':
        return
      case 'away': {
        if (wasAway !== undefined || alerts.isOpen(poolAwayKey(id))) return
        const tell = () => {
          this.#away.delete(id)
          const now = pools.statuses().find((pool) => pool.id === id)
          if (now?.state === 'away' || now?.state === 'connecting') alerts.raise(poolAlert({ ...now, state: 'away' }), true)
        }
        this.#away.set(id, clock.wakeAfter(AWAY_MS, tell))
      }
    }
  }

  poolRemoved(id: string): void {
    this.#away.get(id)?.()
    this.#away.delete(id)
    this.#parts.alerts.closeWhere((alert) => alert.pool === id && alert.kind.startsWith('pool-'))
  }

  inventoryChanged(pool: string): void {
    const { alerts, book, pools } = this.#parts
    const jobs = book.all().filter(({ targets }) => targets.some((target) => target.pool === pool))
    for (const sr of pools.inventoryOf(pool)?.srs ?? []) {
      const using = jobs.filter(({ targets }) => targets.some((target) => target.pool === pool && target.sr === sr.uuid))
      const key = targetSpaceKey(pool, sr.uuid)
      const tell = using.some(tells)
      const space = spaceOf(sr)
      if (using.length === 0 || space === 'enough') alerts.close(key, using.length > 0 && tell)
      // As it was told first: the numbers change all the time.
      else if (space === 'low' && !alerts.isOpen(key)) alerts.raise(targetSpaceAlert(pool, sr), tell)
    }
  }
}

const tells = (job: Job): boolean => effectiveSettings(job.settings).notify
