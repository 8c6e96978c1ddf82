/** A job while it is being made or changed. */
import { patch, post, remove } from '../../api/client.ts'
import type { Job, JobSettings, JobSpec, Retention, Schedule, ScheduleSpec, Selection, Target, Timing } from '../../api/types.ts'
import { timingInWords } from '../../parts/timing.ts'
import { TEXTS } from '../../texts/en.ts'

export interface DraftSchedule {
  /** Of the schedule that it changes. */
  readonly id?: string
  /** Tells the rows of the form apart. */
  readonly key: string
  /** Empty: made of its timing. */
  readonly name: string
  readonly enabled: boolean
  readonly timing: Timing
  readonly retention: Retention
  readonly settings: JobSettings
}

export interface Draft {
  readonly name: string
  readonly selection: Selection
  readonly schedules: readonly DraftSchedule[]
  readonly targets: readonly Target[]
  readonly settings: JobSettings
}

export const timeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

export const newSchedule = (timing: Timing = { kind: 'interval', minutes: 60 }): DraftSchedule => ({
  key: crypto.randomUUID(),
  name: '',
  enabled: true,
  timing,
  retention: { last: 3 },
  settings: {},
})

/** @param vms to begin with, each `POOL/VM` */
export const emptyDraft = (vms: readonly string[] = []): Draft => ({
  name: '',
  selection: {
    include: vms.flatMap((one) => {
      const [pool, vm] = one.split('/')
      return pool && vm ? [{ kind: 'vm' as const, pool, vm }] : []
    }),
    exclude: [],
  },
  schedules: [newSchedule()],
  targets: [],
  settings: {},
})

export function draftOf(job: Job, how: 'edit' | 'clone'): Draft {
  const isClone = how === 'clone'
  const schedules = job.schedules.map(({ id, ...schedule }): DraftSchedule => ({ ...schedule, key: id, ...(isClone ? {} : { id }) }))
  const { selection, targets, settings } = job
  return { name: isClone ? TEXTS.jobs.copyOf(job.name) : job.name, selection, targets, settings, schedules }
}

const specOf = ({ name, enabled, timing, retention, settings }: DraftSchedule): ScheduleSpec => ({
  name: name.trim() === '' ? timingInWords(timing) : name.trim(),
  enabled,
  timing,
  retention,
  settings: withoutBlankLimits(settings),
})

const withoutBlankLimits = (settings: JobSettings): JobSettings =>
  settings.limits === undefined ? settings : { ...settings, limits: settings.limits.filter((line) => line.trim() !== '') }

const bodyOf = ({ name, selection, targets, settings }: Draft): Omit<JobSpec, 'enabled'> => ({
  name: name.trim(),
  selection,
  targets,
  settings: withoutBlankLimits(settings),
})

/** What is still missing, in words of the form. */
export function missingOf({ name, selection, targets }: Draft): readonly string[] {
  const { missing } = TEXTS.form.summary
  return [
    ...(selection.include.length === 0 ? [missing.vms] : []),
    ...(targets.length === 0 ? [missing.where] : []),
    ...(name.trim() === '' ? [missing.name] : []),
  ]
}

export function createJob(draft: Draft, enabled: boolean, idempotencyKey: string): Promise<Job> {
  return post('/jobs', {
    body: { ...bodyOf(draft), enabled, schedules: draft.schedules.map(specOf) },
    header: { 'idempotency-key': idempotencyKey },
  })
}

/** The job first, with the version that was edited: when somebody else was faster nothing is changed. Then its schedules. */
export async function saveJob(job: Job, draft: Draft): Promise<void> {
  await patch('/jobs/{id}', { path: { id: job.id }, body: { ...bodyOf(draft), version: job.version } })
  for (const schedule of draft.schedules) {
    if (schedule.id === undefined) await post('/jobs/{id}/schedules', { path: { id: job.id }, body: specOf(schedule) })
    else if (isChanged(job.schedules, schedule))
      await patch('/jobs/{id}/schedules/{schedule}', { path: { id: job.id, schedule: schedule.id }, body: specOf(schedule) })
  }
  for (const { id } of job.schedules) {
    if (!draft.schedules.some((one) => one.id === id))
      await remove('/jobs/{id}/schedules/{schedule}', { path: { id: job.id, schedule: id } })
  }
}

function isChanged(before: readonly Schedule[], draft: DraftSchedule): boolean {
  const old = before.find(({ id }) => id === draft.id)
  if (old === undefined) return true
  const { id: _, ...spec } = old
  return JSON.stringify(specOf({ ...spec, key: '' })) !== JSON.stringify(specOf(draft))
}
