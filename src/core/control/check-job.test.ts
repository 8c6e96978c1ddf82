import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Failure } from '../failure.ts'
import { checkJob, checkSchedule } from './check-job.ts'
import type { JobSpec, ScheduleSpec } from './job.ts'

const uuid = '11111111-2222-3333-4444-555555555555'
const job: JobSpec = {
  name: 'nightly',
  enabled: true,
  selection: { include: [{ kind: 'tag', pool: null, tag: 'gold' }], exclude: [] },
  targets: [{ pool: 'p', sr: uuid }],
  settings: {},
}
const schedule: ScheduleSpec = {
  name: 'daily',
  enabled: true,
  timing: { kind: 'interval', minutes: 10 },
  retention: { last: 3 },
  settings: {},
}

test('a sensible job and schedule are accepted', () => {
  checkJob(job)
  checkJob({ ...job, settings: { limits: ['20MiB/s@08:00-18:00'], rpoMinutes: null, verify: 'full', vmsAtOnce: 3, waitMinutes: 0 } })
  checkSchedule(schedule)
})

const refused = (check: () => void, about: RegExp) =>
  assert.throws(check, (error: Failure) => error.code === 'JOB_INVALID' && about.test(error.message))

for (const [change, about] of [
  [{ name: ' ' }, /name/],
  [{ name: 'x'.repeat(201) }, /name/],
  [{ selection: { include: [], exclude: [] } }, /chooses nothing/],
  [{ selection: { include: [{ kind: 'vm', pool: 'p', vm: 'no' }], exclude: [] } }, /uuid/],
  [{ selection: { include: [{ kind: 'tag', pool: null, tag: '' }], exclude: [] } }, /tag/],
  [{ selection: { include: [{ kind: 'name', pool: null, pattern: '' }], exclude: [] } }, /pattern/],
  [{ targets: [] }, /no target/],
  [{ targets: [...job.targets, ...job.targets] }, /twice/],
  [{ targets: [{ pool: 'p', sr: 'x' }] }, /uuid/],
  [{ settings: { limits: ['fast'] } }, /limit/],
  [{ settings: { verify: 'maybe' } }, /verify/],
  [{ settings: { onBrokenChain: 'ask' } }, /onBrokenChain/],
  [{ settings: { vmsAtOnce: 0 } }, /VMs at once/],
  [{ settings: { retries: 1.5 } }, /retries/],
  [{ settings: { timeoutMinutes: Number.NaN } }, /minutes that a VM run may take/],
  [{ settings: { rpoMinutes: 0 } }, /RPO/],
] as const) {
  test(`refused, with what is wrong: ${JSON.stringify(change).slice(0, 80)}`, () =>
    refused(() => checkJob({ ...job, ...change } as JobSpec), about))
}

for (const [change, about] of [
  [{ timing: { kind: 'interval', minutes: 0 } }, /interval/],
  [{ timing: { kind: 'interval', minutes: 10_081 } }, /interval/],
  [{ retention: { last: 0 } }, /kept/],
  [{ retention: { last: 1, daily: -1 } }, /daily/],
  [{ name: '' }, /name/],
] as const) {
  test(`refused in a schedule: ${JSON.stringify(change)}`, () =>
    refused(() => checkSchedule({ ...schedule, ...change } as ScheduleSpec), about))
}
