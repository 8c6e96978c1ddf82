/** What every failover operation is given, and what it tells while it goes on. */
import type { Xapi } from '../../xapi/xapi.ts'

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Rejects with the signal's reason when that aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
}

export type FailoverEvent =
  /** A step begins. */
  { readonly kind: 'step'; readonly step: string; readonly text: string } | { readonly kind: 'log'; readonly message: string }

export interface FailoverOptions {
  /** The pool where the replica is. */
  readonly target: Xapi
  readonly signal: AbortSignal
  /** Names the operation, in marks and reports: a uuid. */
  readonly id: string
  readonly clock: Clock
  readonly onEvent?: (event: FailoverEvent) => void
  /** See RunOptions. */
  readonly lockTiming?: { readonly beatMs: number; readonly patienceMs: number }
}

export const step = ({ onEvent }: Pick<FailoverOptions, 'onEvent'>, name: string, text: string): void =>
  onEvent?.({ kind: 'step', step: name, text })
export const log = ({ onEvent }: Pick<FailoverOptions, 'onEvent'>, message: string): void => onEvent?.({ kind: 'log', message })
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString()
