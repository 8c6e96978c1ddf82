/** `understudy plan`: recovery plans of a server. `plan run FILE` needs none, and is another command. */
import { randomUUID } from 'node:crypto'
import type { PlanRunMode, RecoveryPlanRecord, RecoveryPlanSpec } from '../../core/control/recovery-plan-record.ts'
import { Failure } from '../../core/failure.ts'
import { UsageError } from '../command.ts'
import type { Noun } from './action.ts'
import { showReport } from './activity-report.ts'
import { activityColumns, planPreviewText, problemLines } from './activity-text.ts'
import type { RemoteApi } from './api.ts'
import { besideLocal } from './beside-local.ts'
import type { Context } from './context.ts'
import { ACT_NOTES, ACT_OPTIONS, begun, typedName } from './follow-activity.ts'
import type { Given } from './given.ts'
import { find } from './names.ts'
import { nounCommand } from './noun-command.ts'
import { readPlanFile } from './plan-file.ts'
import { type Column, facts, table, terminalWidth } from './table.ts'
import { when } from './times.ts'

const PLAN = [{ name: 'PLAN', completes: 'plan' }] as const
const FILE = { name: 'FILE', completes: 'file' } as const
const FORMAT = `FILE is JSON: {"name": "site", "groups": [{"name": "databases", "vms": ["erp-db"]}, {"delaySeconds": 10, "vms": ["web"]}]}. A VM is its name or
uuid, or {"vm", "target": {"pool", "sr"}, "job", "ready", "readyTimeoutSeconds"}; docs/failover.md tells the rest. What is left out is at its default.
'understudy plan show PLAN --json' prints such a file.`

const noun: Noun = {
  name: 'plan',
  summary: 'recovery plans of a server: which VMs, in which order; run as a test, planned, or at once',
  notes: `'understudy plan run FILE --to URL' runs a plan from a file without a server.`,
  actions: {
    list: { summary: 'recovery plans', run: list },
    show: { summary: 'one plan', positionals: PLAN, run: show },
    create: { summary: 'make a plan from a file', positionals: [FILE], notes: FORMAT, run: create },
    set: { summary: 'replace a plan by what a file says', positionals: [...PLAN, FILE], notes: FORMAT, run: change },
    delete: {
      summary: 'delete a plan; reports of its runs stay',
      positionals: PLAN,
      async run(context, given) {
        const api = await context.api()
        const plan = await findPlan(api, given.argument('PLAN'))
        await api.plans.remove(plan.id)
        context.show({ removed: plan.id }, () => `Plan ${plan.name} is deleted.`)
        return 0
      },
    },
    check: { summary: 'tell whether a plan could be run as the pools are now; exit code 1 when not', positionals: PLAN, run: check },
    start: {
      summary: 'run a plan: as a test, planned, or at once',
      positionals: PLAN,
      options: {
        test: { help: 'clones on isolated networks, removed when the plan is through' },
        planned: { help: 'the sources are shut down and hand over' },
        now: { help: 'unplanned: the source pools need not answer' },
        keep: { help: 'of a test: the VMs stay, running' },
        'hard-shutdown': { help: 'cut the power of the sources (they are asked to shut down)' },
        'shutdown-timeout': { value: 'SECONDS', help: 'that a clean shutdown may take (600)' },
        'even-if-source-runs': { help: 'unplanned, although sources run' },
        ...ACT_OPTIONS,
      },
      notes: ACT_NOTES,
      run: start,
    },
    report: {
      summary: 'the report of a run of a plan, in Markdown (with --json JSON)',
      positionals: [...PLAN, { name: 'ACTIVITY', optional: true }],
      options: { output: { value: 'FILE', help: 'write it into this file', completes: 'file' } },
      notes: 'ACTIVITY is the id of the run (the newest).',
      run: report,
    },
    runs: { summary: 'runs of a plan, newest first', positionals: PLAN, run: runs },
  },
}

export const command = besideLocal(
  nounCommand(noun, ['run']),
  ['run'],
  async () => (await import('../plan.ts')).command,
  `'understudy plan run --help' tells of plans in files, which need no server.`,
)
export { noun }

const findPlan = async (api: RemoteApi, text: string): Promise<RecoveryPlanRecord> => find('recovery plan', await api.plans.list(), text)

async function list(context: Context): Promise<number> {
  const plans = await (await context.api()).plans.list()
  const now = Date.now()
  const columns: readonly Column<RecoveryPlanRecord>[] = [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'GROUPS', value: ({ groups }) => String(groups.length), right: true },
    { title: 'VMS', value: ({ groups }) => String(groups.reduce((sum, { vms }) => sum + vms.length, 0)), right: true },
    { title: 'ON FAILURE', value: ({ onFailure }) => onFailure },
    { title: 'CHANGED', value: ({ updatedAt }) => when(updatedAt, now, context.wide) },
    { title: 'ID', value: ({ id }) => id, wide: true },
  ]
  context.show(plans, () =>
    plans.length === 0 ? 'There is no recovery plan.' : table(plans, columns, { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

async function show(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const plan = await findPlan(api, given.argument('PLAN'))
  const { ok, problems, vms } = await api.plans.check(specOf(plan))
  context.show(plan, () => {
    const head = facts([
      ['Plan', plan.name],
      ['Description', plan.description === '' ? undefined : plan.description],
      ['On failure', plan.onFailure],
      ['Up when', `${plan.ready.join(', ')} within ${plan.readyTimeoutSeconds} s`],
      ['Can be run', ok ? 'yes' : 'no'],
    ])
    const lines = plan.groups.flatMap(({ name, delaySeconds, before, after, vms: members }) => [
      `${name}${delaySeconds === 0 ? '' : `, after ${delaySeconds} s`}`,
      ...(before === null ? [] : [`  before: ${before}`]),
      ...members.map(({ vm }) => `  ${vms.find((each) => each.vm === vm)?.name ?? vm}`),
      ...(after === null ? [] : [`  after: ${after}`]),
    ])
    return `${head}\n${[...lines, ...problemLines(problems)].join('\n')}\n`
  })
  return 0
}

function specOf({ id: _, createdAt: __, updatedAt: ___, version: ____, ...spec }: RecoveryPlanRecord): RecoveryPlanSpec {
  return spec
}

async function create(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const file = given.argument('FILE')
  const plan = await api.plans.create(await readPlanFile(api, file))
  context.show(plan, () => `Plan ${plan.name} is made: 'understudy plan start ${plan.name} --test' tests it.`)
  return 0
}

async function change(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const plan = await findPlan(api, given.argument('PLAN'))
  const file = given.argument('FILE')
  const changed = await api.plans.update(plan.id, await readPlanFile(api, file), plan.version)
  context.show(changed, () => `Plan ${changed.name} is changed.`)
  return 0
}

async function check(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const plan = await findPlan(api, given.argument('PLAN'))
  const checked = await api.plans.check(specOf(plan))
  context.show(checked, () => (checked.ok ? `Plan ${plan.name} can be run.` : problemLines(checked.problems).join('\n')))
  return checked.ok ? 0 : 1
}

async function start(context: Context, given: Given): Promise<number> {
  const modes = (['test', 'planned', 'now'] as const).filter((each) => given.flag(each))
  const [only, ...more] = modes
  if (only === undefined || more.length > 0) throw new UsageError('one of --test, --planned and --now')
  const mode: PlanRunMode = only === 'now' ? 'unplanned' : only
  const timeout = given.number('shutdown-timeout', 1, 86_400)
  const api = await context.api()
  const plan = await findPlan(api, given.argument('PLAN'))
  const request = {
    mode,
    ...(given.flag('keep') ? { keep: true } : {}),
    ...(given.flag('hard-shutdown') ? { shutdown: 'hard' as const } : {}),
    ...(timeout === undefined ? {} : { shutdownTimeoutSeconds: timeout }),
    ...(given.flag('even-if-source-runs') ? { evenIfSourceRuns: true } : {}),
  }
  const preview = await api.plans.preview(plan.id, request)
  if (given.flag('dry-run')) {
    context.show(preview, () => planPreviewText(preview))
    return preview.ok ? 0 : 1
  }
  if (!context.json) context.note(planPreviewText(preview))
  const confirm = await typedName(context, given, preview.confirm)
  const all = { ...request, ...(confirm === undefined ? {} : { confirm }) }
  return begun(context, api, given, await api.plans.start(plan.id, all, randomUUID()))
}

async function runs(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const plan = await findPlan(api, given.argument('PLAN'))
  const found = await api.activities.list({ plan: plan.id }, 100)
  context.show(found, () =>
    found.length === 0
      ? `Plan ${plan.name} was not run yet.`
      : table(found, activityColumns(Date.now(), context.wide), { wide: context.wide, width: terminalWidth() }),
  )
  return 0
}

async function report(context: Context, given: Given): Promise<number> {
  const api = await context.api()
  const plan = await findPlan(api, given.argument('PLAN'))
  const id = given.optional('ACTIVITY') ?? (await api.activities.list({ plan: plan.id }, 1))[0]?.id
  if (id === undefined)
    throw new Failure('ACTIVITY_NOT_FOUND', `plan ${plan.name} was not run yet`, `understudy plan start ${plan.name} --test`)
  return showReport(context, given, id)
}
