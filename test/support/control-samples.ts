/** For tests of the control plane: jobs, runs and protections as they are stored, to be altered. */
import { randomUUID } from 'node:crypto'
import type { Job, Schedule } from '../../src/core/control/job.ts'
import type { Run, VmRun } from '../../src/core/control/run-record.ts'
import type { StoredProtection } from '../../src/store/protections/protection-row.ts'

export const JANUARY = Date.UTC(2026, 0, 1)
export const MINUTE_MS = 60_000
/** Minutes after the first of January 2026. */
export const minute = (count: number): string => new Date(JANUARY + count * MINUTE_MS).toISOString()

export function sampleSchedule(more: Partial<Schedule> = {}): Schedule {
  return {
    id: randomUUID(),
    name: 'every ten minutes',
    enabled: true,
    timing: { kind: 'interval', minutes: 10 },
    retention: { last: 3, daily: 7 },
    settings: { verify: 'full' },
    ...more,
  }
}

export function sampleJob(more: Partial<Job> = {}): Job {
  return {
    id: randomUUID(),
    name: 'Nightly',
    enabled: true,
    selection: { include: [{ kind: 'tag', pool: null, tag: 'gold' }], exclude: [{ kind: 'vm', pool: 'paris', vm: 'scratch' }] },
    targets: [{ pool: 'oslo', sr: 'big storage' }],
    settings: { vmsAtOnce: 3, networks: { lan: null } },
    turned: [],
    schedules: [
      sampleSchedule(),
      sampleSchedule({ name: 'daily', timing: { kind: 'cron', expression: '0 3 * * *', timeZone: 'Europe/Paris' } }),
    ],
    createdAt: minute(0),
    updatedAt: minute(0),
    version: 1,
    ...more,
  }
}

export function sampleRun(more: Partial<Run> = {}): Run {
  const queuedAt = more.queuedAt ?? minute(10)
  return {
    id: randomUUID(),
    job: 'job',
    jobName: 'Nightly',
    schedule: 'schedule',
    scheduleName: 'every ten minutes',
    trigger: { kind: 'schedule', tick: queuedAt },
    state: 'queued',
    dryRun: false,
    reason: null,
    queuedAt,
    startedAt: null,
    endedAt: null,
    totals: { vms: 1, succeeded: 0, failed: 0, changedBytes: 0, bytesRead: 0, bytesSent: 0, fulls: 0 },
    ...more,
  }
}

export function sampleVmRun(run: Run, more: Partial<VmRun> = {}): VmRun {
  return {
    id: randomUUID(),
    run: run.id,
    job: run.job,
    schedule: run.schedule,
    sourcePool: 'paris',
    vm: { uuid: 'vm', name: 'web' },
    target: { pool: 'oslo', sr: 'big storage' },
    state: 'queued',
    stage: null,
    waitingFor: null,
    attempt: 1,
    queuedAt: run.queuedAt,
    startedAt: null,
    endedAt: null,
    disks: [],
    error: null,
    warnings: [],
    restorePoint: null,
    replica: null,
    ...more,
  }
}

export function sampleProtection(more: Partial<StoredProtection> = {}): StoredProtection {
  return {
    job: 'job',
    sourcePool: 'paris',
    vm: { uuid: 'vm', name: 'web' },
    target: { pool: 'oslo', sr: 'big storage' },
    state: 'protected',
    point: { uuid: 'point', takenAt: minute(10) },
    replica: 'replica',
    firstSeenAt: minute(0),
    lastRun: { vmRun: 'vm run', state: 'success', endedAt: minute(12) },
    lastError: null,
    ...more,
  }
}
