/** Two weeks of runs as they might have been, for pictures of charts: a lab is minutes old. */
import { randomUUID } from 'node:crypto'
import type { Run } from '../../src/core/control/run-record.ts'
import type { Store } from '../../src/store/open-store.ts'
import { insertRun } from '../../src/store/runs/insert-run.ts'

const DAYS = 14
const EVERY_MS = 4 * 3_600_000
const MIB = 1024 * 1024

export async function addRunHistory(store: Store, job: { readonly id: string; readonly name: string }, now: number): Promise<void> {
  const steps = Math.floor((DAYS * 24 * 3_600_000) / EVERY_MS)
  await store.transaction(async (db) => {
    for (let nth = steps; nth > 0; nth--) {
      const begin = now - nth * EVERY_MS
      const weekday = new Date(begin).getDay()
      // More on working days and in their afternoons.
      const share = (weekday === 0 || weekday === 6 ? 0.35 : 1) * (0.55 + 0.45 * Math.sin((new Date(begin).getHours() / 24) * Math.PI))
      const changedBytes = Math.round((300 + ((nth * 97) % 140)) * share * MIB)
      const failed = nth === 31
      await insertRun(db, runOf(job, begin, changedBytes, failed))
    }
  })
}

function runOf(job: { readonly id: string; readonly name: string }, begin: number, changedBytes: number, failed: boolean): Run {
  const at = (time: number) => new Date(time).toISOString()
  return {
    id: randomUUID(),
    job: job.id,
    jobName: job.name,
    schedule: null,
    scheduleName: null,
    trigger: { kind: 'schedule', tick: at(begin) },
    state: failed ? 'failed' : 'success',
    dryRun: false,
    reason: null,
    queuedAt: at(begin),
    startedAt: at(begin),
    endedAt: at(begin + 60_000 + (changedBytes / MIB) * 200),
    totals: {
      vms: 2,
      succeeded: failed ? 1 : 2,
      failed: failed ? 1 : 0,
      changedBytes,
      bytesRead: changedBytes,
      bytesSent: Math.round(changedBytes * 0.8),
      fulls: 0,
    },
  }
}
