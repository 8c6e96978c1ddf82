/** `understudy plan run`: a recovery plan from a file. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Failure } from '../core/failure.ts'
import { formatRecoveryReport, parseRecoveryPlan } from '../core/recovery-plan.ts'
import { recover } from '../replication/failover/recovery.ts'
import { type Command, UsageError } from './command.ts'
import { confirm, inSession, TRUST_USAGE } from './failover/common.ts'
import { RUN_OPTIONS, RUN_USAGE, runSettings, SHUTDOWN_OPTIONS, SHUTDOWN_USAGE, shutdownOf } from './failover/run-settings.ts'
import { readPlanText } from './plan-text.ts'
import { optionalPool, poolArgument } from './pool-arguments.ts'

export const command: Command = {
  summary: 'run a recovery plan: many VMs in order, as a test, planned, or now',
  usage: `
Usage: understudy plan run FILE (--test | --planned | --now) --to URL [--yes] [OPTION...]

Starts the VMs of a plan group by group: as clones that are removed afterwards, by planned failovers, or by unplanned ones. Prints a
report in Markdown (or JSON) with times, evidence and a timeline. docs/failover.md tells what a plan looks like.

  --test              clones on isolated networks; nothing of the chains changes
  --planned           needs --from as well
  --now               the source pools need not answer
  --to URL            pool where the replicas are (also UNDERSTUDY_TO)
  --from URL          source pool: needed for --planned; with --now it is looked whether the sources still run, and those that are down are
                      kept from being started (also UNDERSTUDY_FROM)
  --even-if-source-runs  with --now: two of them may run
  --keep              of a test: the VMs stay; understudy failover cleanup removes them
  --at-once N         VMs of a group that are worked on at once (default 10)
  --report FILE       the report in Markdown into this file as well
${SHUTDOWN_USAGE}
${RUN_USAGE}
  --yes               do not ask
${TRUST_USAGE}

Exit codes: 0 every VM is up, 1 one is not, 2 wrong usage, 130 or 143 stopped.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...RUN_OPTIONS,
        ...SHUTDOWN_OPTIONS,
        test: { type: 'boolean', default: false },
        planned: { type: 'boolean', default: false },
        now: { type: 'boolean', default: false },
        to: { type: 'string' },
        from: { type: 'string' },
        keep: { type: 'boolean', default: false },
        'at-once': { type: 'string', default: '10' },
        'even-if-source-runs': { type: 'boolean', default: false },
        report: { type: 'string' },
        trust: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    })
    const [verb, file, ...more] = positionals
    if (verb !== 'run' || file === undefined || more.length > 0) throw new UsageError('it is: understudy plan run FILE')
    const modes = (['test', 'planned', 'now'] as const).filter((mode) => values[mode])
    const [mode] = modes
    if (mode === undefined || modes.length > 1) throw new UsageError('one of --test, --planned and --now')
    const plan = readPlan(file)
    const to = poolArgument(values.to, '--to')
    const from = mode === 'planned' ? poolArgument(values.from, '--from') : mode === 'now' ? optionalPool(values.from, '--from') : undefined
    const shutdown = shutdownOf(values)
    const atOnce = Number(values['at-once'])
    if (!Number.isInteger(atOnce) || atOnce < 1 || atOnce > 100)
      throw new UsageError(`--at-once is a number from 1 to 100, not ${values['at-once']}`)
    const settingsFor = runSettings(values)
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes || mode === 'test' }, async (session) => {
      const settings = settingsFor(session.onEvent)
      const source = from && (await (mode === 'now' ? session.reach(from) : session.connect(from)))
      const count = plan.groups.reduce((sum, { vms }) => sum + vms.length, 0)
      await confirm(session, `Fail ${count} VMs of plan "${plan.name}" over (${mode})?`)
      const report = await recover(session, plan, {
        mode,
        keep: values.keep,
        atOnce,
        evenIfSourceRuns: values['even-if-source-runs'],
        ...shutdown,
        settings,
        ...(source === undefined ? {} : { source }),
      })
      const document = formatRecoveryReport(report)
      if (values.report !== undefined) writeFileSync(values.report, document)
      session.print(report, () => document)
      return report.ok ? 0 : 1
    })
  },
}

function readPlan(file: string) {
  const parsed = parseRecoveryPlan(readPlanText(file))
  if ('problem' in parsed) throw new Failure('RECOVERY_PLAN_INVALID', `${file}: ${parsed.problem}`)
  return parsed.plan
}
