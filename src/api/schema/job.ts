/** Jobs, schedules and selections, as src/core/control/job.ts has them. */
import Type from 'typebox'
import { closed, count, dictionary, line, nullable, partial, reason, timestamp, uuid } from './forms.ts'

export const target = closed({ pool: line(), sr: line() }, { title: 'Target', description: '`pool`: our id of the pool; `sr`: uuid' })

export const vmSelector = Type.Union(
  [
    closed({ kind: Type.Literal('vm'), pool: line(), vm: line() }, { title: 'VmByHand' }),
    closed({ kind: Type.Literal('tag'), pool: nullable(line()), tag: line() }, { title: 'VmsByTag' }),
    closed({ kind: Type.Literal('name'), pool: nullable(line()), pattern: line() }, { title: 'VmsByName' }),
    closed({ kind: Type.Literal('pool'), pool: line() }, { title: 'VmsOfPool' }),
  ],
  { title: 'VmSelector', description: '`pool`: our id of a registered pool; null: any' },
)

export const selection = closed(
  { include: Type.Array(vmSelector, { maxItems: 10_000 }), exclude: Type.Array(vmSelector, { maxItems: 10_000 }) },
  { title: 'Selection', description: 'VMs that any of `include` chooses and none of `exclude`' },
)

export const timing = Type.Union(
  [
    closed({ kind: Type.Literal('interval'), minutes: Type.Integer({ minimum: 1, maximum: 10_080 }) }, { title: 'Interval' }),
    closed({ kind: Type.Literal('cron'), expression: line(), timeZone: line(100) }, { title: 'Cron' }),
  ],
  { title: 'Timing' },
)

const kept = (minimum: number) => Type.Integer({ minimum, maximum: 10_000 })
export const retention = closed(
  {
    last: kept(1),
    hourly: Type.Optional(kept(0)),
    daily: Type.Optional(kept(0)),
    weekly: Type.Optional(kept(0)),
    monthly: Type.Optional(kept(0)),
  },
  { title: 'Retention', description: 'restore points that are kept: the newest ones, and the newest of so many periods' },
)

export const readinessChecks = Type.Array(line(500), {
  minItems: 1,
  maxItems: 20,
  description: 'when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order',
})
export const readyTimeoutSeconds = Type.Integer({ minimum: 1, maximum: 86_400 })
const healthCheck = closed(
  {
    every: Type.Union([
      closed({ kind: Type.Literal('runs'), count: Type.Integer({ minimum: 1, maximum: 10_000 }) }, { title: 'EverySoManyRuns' }),
      closed({ kind: Type.Literal('day') }, { title: 'EveryDay' }),
    ]),
    ready: readinessChecks,
    readyTimeoutSeconds,
  },
  { title: 'HealthCheck', description: 'test failovers of the newest restore point, begun by themselves after runs; null: none' },
)

export const jobSettings = partial(
  {
    verify: Type.Enum(['off', 'sample', 'changed', 'full']),
    onBrokenChain: Type.Enum(['full', 'refuse', 'repair']),
    limits: Type.Array(line(), { maxItems: 50, description: 'as `understudy replicate --limit` takes them' }),
    networks: dictionary(nullable(line()), { description: 'uuid of a network of the source → of the target; null: left disconnected' }),
    excludeDisks: Type.Array(line(), { maxItems: 10_000, description: 'uuids of disks that are left out' }),
    allowInsecureNbd: Type.Boolean(),
    memory: Type.Boolean({ description: 'carries the memory of VMs as well, by a checkpoint' }),
    vmsAtOnce: Type.Integer({ minimum: 1, maximum: 100 }),
    disksAtOnce: Type.Integer({ minimum: 1, maximum: 100 }),
    retries: Type.Integer({ minimum: 0, maximum: 20 }),
    timeoutMinutes: Type.Integer({ minimum: 1, maximum: 100_000 }),
    waitMinutes: Type.Integer({ minimum: 0, maximum: 10_080 }),
    rpoMinutes: nullable(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'null: made of the schedules' })),
    notify: Type.Boolean(),
    healthCheck: nullable(healthCheck),
  },
  { title: 'JobSettings', description: 'what is left out is at its default' },
)

const scheduleFields = { name: line(), enabled: Type.Boolean(), timing, retention, settings: jobSettings }
export const scheduleSpec = closed(scheduleFields, { title: 'ScheduleSpec' })
export const scheduleChange = partial(scheduleFields, { title: 'ScheduleChange' })
export const schedule = closed({ ...scheduleFields, id: uuid }, { title: 'Schedule' })

const jobFields = {
  name: line(),
  enabled: Type.Boolean(),
  selection,
  targets: Type.Array(target, { minItems: 1, maxItems: 20 }),
  settings: jobSettings,
}
export const jobSpec = closed(jobFields)
export const newJob = closed({ ...jobFields, schedules: Type.Optional(Type.Array(scheduleSpec, { maxItems: 50 })) }, { title: 'NewJob' })
/** `version`: the one that the change was made of, for who can't send If-Match. */
export const jobChange = partial({ ...jobFields, version: count }, { title: 'JobChange' })
const stored = { ...jobFields, id: uuid, schedules: Type.Array(schedule) }
const turned = closed(
  {
    original: closed({ pool: Type.String(), vm: Type.String() }),
    pool: Type.String(),
    vm: Type.String(),
    name: Type.String(),
    target,
    networks: dictionary(nullable(Type.String())),
  },
  { title: 'TurnedVm', description: 'a VM that failed over and is protected in the direction back, in place of the original' },
)
export const job = closed(
  { ...stored, turned: Type.Array(turned), createdAt: timestamp, updatedAt: timestamp, version: count },
  { title: 'Job' },
)

export const jobsDocument = closed(
  {
    format: Type.Literal('understudy-jobs'),
    version: Type.Literal(1),
    jobs: Type.Array(closed(stored, { title: 'ExportedJob' }), { maxItems: 10_000 }),
    pools: Type.Array(closed({ id: line(), name: Type.String(), url: Type.String(), poolUuid: Type.String() }), { maxItems: 1000 }),
  },
  { title: 'JobsDocument' },
)

export const selectedVm = {
  pool: Type.String(),
  vm: Type.String(),
  name: Type.String(),
  bytesAllocated: nullable(Type.Number()),
  by: Type.String({ description: 'the selector that chose it' }),
}
export const preview = closed(
  {
    vms: Type.Array(closed(selectedVm, { title: 'SelectedVm' })),
    leftOut: Type.Array(closed({ ...selectedVm, reason }, { title: 'LeftOutVm' })),
  },
  { title: 'Preview' },
)
export const upcoming = closed({ job: Type.String(), schedule: Type.String(), at: nullable(timestamp) }, { title: 'UpcomingTick' })
