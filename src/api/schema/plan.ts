/** Recovery plans, as src/core/control/recovery-plan-record.ts has them. */
import Type from 'typebox'
import { confirmation, shutdownFields } from './failover.ts'
import { closed, count, dictionary, line, nullable, partial, reason, timestamp, uuid } from './forms.ts'
import { readinessChecks, readyTimeoutSeconds, target } from './job.ts'

const text = Type.String()
const reasons = Type.Array(reason)
const script = nullable(Type.String({ minLength: 2, maxLength: 1000, pattern: '^/', description: 'an absolute path on the manager' }))

const planVm = closed(
  {
    vm: uuid,
    target,
    job: nullable(uuid),
    ready: Type.Optional(readinessChecks),
    readyTimeoutSeconds: Type.Optional(readyTimeoutSeconds),
  },
  { title: 'PlanVm' },
)
const group = closed(
  {
    name: line(),
    delaySeconds: Type.Integer({ minimum: 0, maximum: 86_400 }),
    before: script,
    after: script,
    vms: Type.Array(planVm, { minItems: 1, maxItems: 1000 }),
  },
  { title: 'PlanGroup' },
)
const fields = {
  name: line(),
  description: Type.String({ maxLength: 10_000 }),
  onFailure: Type.Enum(['stop', 'continue']),
  ready: readinessChecks,
  readyTimeoutSeconds,
  scriptTimeoutSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
  networks: dictionary(nullable(line()), { description: 'network of the replicas (uuid) → network, null: left disconnected' }),
  groups: Type.Array(group, { minItems: 1, maxItems: 200 }),
}
export const planSpec = closed(fields, { title: 'RecoveryPlanSpec' })
/** `version`: the one that the change was made of, for who can't send If-Match. */
export const planChange = partial({ ...fields, version: count }, { title: 'RecoveryPlanChange' })
export const plan = closed({ ...fields, id: text, createdAt: timestamp, updatedAt: timestamp, version: count }, { title: 'RecoveryPlan' })

const mode = Type.Enum(['test', 'planned', 'unplanned'])
export const startPlan = closed(
  { mode, keep: Type.Optional(Type.Boolean()), evenIfSourceRuns: Type.Optional(Type.Boolean()), ...shutdownFields, ...confirmation },
  { title: 'StartPlan' },
)

const checked = {
  ok: Type.Boolean(),
  problems: Type.Array(closed({ group: nullable(text), vm: nullable(text), code: text, text }, { title: 'PlanProblem' })),
  vms: Type.Array(
    closed({
      group: text,
      vm: text,
      name: text,
      point: nullable(closed({ uuid: text, takenAt: timestamp })),
      lossSeconds: nullable(Type.Number()),
    }),
  ),
}
export const planCheck = closed(checked, { title: 'PlanCheck' })
export const planPreview = closed(
  { ...checked, mode, title: text, happens: reasons, lost: reasons, costs: reasons, warnings: reasons, confirm: nullable(text) },
  { title: 'PlanPreview' },
)
