/** What is asked to be done with replicas, as src/core/control/failover-request.ts has it. */
import Type, { type TProperties } from 'typebox'
import { namedVm } from './activity.ts'
import { closed, dictionary, line, nullable, reason, timestamp, uuid } from './forms.ts'
import { readinessChecks, readyTimeoutSeconds, target } from './job.ts'

const text = Type.String()
const reasons = Type.Array(reason)
const optional = Type.Optional

const mapping = dictionary(nullable(line()), { description: 'network (uuid) → network, null: left disconnected' })
const networkWish = closed(
  {
    choice: Type.Enum(['isolated', 'replica', 'none', 'one'], { description: 'one: all on `network`' }),
    network: optional(uuid),
    mapping: optional(mapping),
  },
  { title: 'NetworkWish', description: '`mapping` goes before the choice' },
)
const readinessWish = closed({ checks: readinessChecks, timeoutSeconds: readyTimeoutSeconds }, { title: 'ReadinessWish' })

const ofReplica = { target, vm: uuid, job: optional(uuid) }
const ofPoint = {
  ...ofReplica,
  restorePoint: optional(uuid),
  networks: optional(networkWish),
  macs: optional(Type.Enum(['new', 'keep', 'safe'])),
}
export const shutdownFields = {
  shutdown: optional(Type.Enum(['clean', 'hard'])),
  shutdownTimeoutSeconds: optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
}
const handing = { ...shutdownFields, ready: optional(readinessWish) }
const ofFailedOver = { ...ofReplica, failedOver: optional(uuid) }
const back = { ...ofFailedOver, backSr: optional(uuid), networks: optional(mapping) }

/** Of the preview, and, with the confirmation, of the start. */
const requests = <More extends TProperties>(more: More, prefix: string) => {
  const of = <Kind extends string, P extends TProperties>(kind: Kind, title: string, properties: P) =>
    closed({ kind: Type.Literal(kind), ...properties, ...more }, { title: `${prefix}${title}` })
  return Type.Union([
    of('clone', 'Clone', { ...ofPoint, name: optional(line()), memory: optional(Type.Boolean()) }),
    of('test-failover', 'TestFailover', { ...ofPoint, ready: optional(readinessWish), keep: optional(Type.Boolean()) }),
    of('clean-up', 'CleanUp', { pool: line(), test: optional(uuid), vm: optional(uuid) }),
    of('fence', 'Fence', { pool: line(), vm: optional(uuid) }),
    of('failover', 'Failover', {
      ...ofPoint,
      clone: optional(Type.Boolean()),
      asItRuns: optional(Type.Boolean()),
      evenIfSourceRuns: optional(Type.Boolean({ description: 'although the source runs, or another VM that took over from it' })),
      name: optional(line()),
      ready: optional(readinessWish),
    }),
    of('planned-failover', 'PlannedFailover', { ...ofReplica, ...handing }),
    of('undo-failover', 'UndoFailover', ofFailedOver),
    of('reprotect', 'Reprotect', back),
    of('failback', 'Failback', { ...back, ...handing, protectAgain: optional(Type.Boolean()) }),
  ])
}
export const confirmation = {
  confirm: optional(Type.String({ maxLength: 500, description: 'the name that the preview asked for' })),
  agreed: optional(Type.String({ maxLength: 100, description: '`agreed` of the preview that somebody was shown' })),
}
export const failoverRequest = requests({}, 'Preview')
export const startFailover = requests(confirmation, 'Start')

const interfaces = Type.Array(
  closed(
    {
      device: text,
      from: nullable(closed({ uuid: text, name: text })),
      to: nullable(closed({ uuid: nullable(text), name: text })),
      mac: nullable(text),
      reason,
    },
    { title: 'PreviewInterface' },
  ),
)
const kinds = Type.Enum([
  'clone',
  'test-failover',
  'clean-up',
  'fence',
  'failover',
  'planned-failover',
  'undo-failover',
  'reprotect',
  'failback',
])
export const failoverPreview = closed(
  {
    kind: kinds,
    title: text,
    point: nullable(closed({ uuid: text, name: text, takenAt: timestamp })),
    lossSeconds: nullable(Type.Number()),
    continues: Type.Boolean(),
    happens: reasons,
    lost: reasons,
    costs: reasons,
    warnings: reasons,
    interfaces,
    confirm: nullable(text),
    agreed: text,
  },
  { title: 'FailoverPreview' },
)

const failedOverVm = closed(
  {
    uuid: text,
    name: text,
    powerState: text,
    kind: Type.Enum(['planned', 'unplanned']),
    clone: Type.Boolean(),
    state: Type.Enum(['preparing', 'active', 'turned']),
    at: timestamp,
    restorePoint: text,
    takenAt: timestamp,
  },
  { title: 'FailedOverVm' },
)
const testCopy = closed(
  { uuid: text, name: text, powerState: text, test: text, at: nullable(timestamp), keep: Type.Boolean() },
  { title: 'TestCopy' },
)
export const failoverStatus = closed(
  {
    job: text,
    vm: namedVm,
    sourcePool: nullable(text),
    target,
    replica: nullable(closed({ uuid: text, name: text, powerState: text })),
    startedByOtherMeans: Type.Boolean(),
    failedOver: Type.Array(failedOverVm),
    tests: Type.Array(testCopy),
    source: nullable(
      closed({ powerState: text, handedOver: nullable(Type.Enum(['shutting-down', 'handed-over'])), startBlocked: Type.Boolean() }),
    ),
    unfinished: nullable(closed({ text, goOn: Type.Enum(['failover', 'planned-failover']), undo: Type.Literal('undo-failover') })),
    possible: Type.Array(kinds),
    underWay: nullable(text),
  },
  { title: 'FailoverStatus' },
)
