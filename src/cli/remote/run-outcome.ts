/** Runs in words, and as exit codes. */
import { ENDED_RUN_STATES, type Run, type RunState, type Trigger } from '../../core/control/run-record.ts'

/** Of commands that wait for a run; 1 is for what the command itself could not do, 2 for wrong usage. */
export const EXIT_CODES: Readonly<Record<RunState, number>> = {
  queued: 1,
  running: 1,
  success: 0,
  failed: 3,
  partial: 4,
  cancelled: 5,
  interrupted: 5,
  skipped: 6,
}

export function hasEnded(run: Run): boolean {
  return ENDED_RUN_STATES.includes(run.state)
}

export function triggerText(trigger: Trigger): string {
  switch (trigger.kind) {
    case 'schedule':
      return 'schedule'
    case 'caught-up':
      return `caught up (${trigger.missed} missed)`
    case 'hand':
      return `by ${trigger.by}`
    default:
      return trigger satisfies never
  }
}

/** Seconds that it took, or has taken so far; undefined before it begins. */
export function secondsOf(
  { startedAt, endedAt }: { readonly startedAt: string | null; readonly endedAt: string | null },
  now: number,
): number | undefined {
  return startedAt === null ? undefined : ((endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000
}
