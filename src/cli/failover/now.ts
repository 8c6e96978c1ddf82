import { parseArgs } from 'node:util'
import { takeOverAsItRuns } from '../../replication/failover/as-it-runs.ts'
import { prepareTakeOver, takeOver } from '../../replication/failover/take-over.ts'
import type { Command } from '../command.ts'
import { optionalPool, poolArgument } from '../pool-arguments.ts'
import {
  COPY_OPTIONS,
  confirm,
  copyWishesOf,
  inSession,
  NETWORK_USAGE,
  POINT_USAGE,
  READY_OPTIONS,
  READY_USAGE,
  readinessOf,
  TRUST_USAGE,
} from './common.ts'
import { formatTakeOver, formatTakeOverPlan } from './report.ts'

export const command: Command = {
  summary: 'let a replica take over now; its source need not answer',
  usage: `
Usage: understudy failover now --to URL --sr UUID --vm UUID [--job ID] [--yes] [OPTION...]
       understudy failover now --to URL --restore-point UUID [--yes] [OPTION...]

Starts the replica, from its newest restore point or the one named. Says first what will happen, what is lost and what it costs, and
asks. Only the target pool is needed. With --from it is looked whether the source still runs: then nothing is done, and one that is down
is kept from being started. Without it, or when that pool does not answer, make sure that the source will not come back on the same
network; understudy failover fence keeps it down once its pool is back. When it was stopped in the middle, the same command goes on from there.

${POINT_USAGE}
  --from URL          source pool, which need not answer (also UNDERSTUDY_FROM)
  --even-if-source-runs  two of them may run
  --clone             a clone of the restore point rather than the replica: runs of the job go on
  --as-it-runs        somebody started the replica by other means, and it is to stay: note it as the failover
${NETWORK_USAGE}
                      (default replica)
  --mac keep|new|safe MACs (default keep)
  --name NAME         of the clone
${READY_USAGE}
                      (default: it counts as up when it is started)
  --dry-run           say what would happen, and change nothing
  --yes               do not ask
${TRUST_USAGE}

Exit codes: 0 it is up, 1 it is not or nothing was done, 2 wrong usage, 130 or 143 stopped (then the replica is one again).`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...COPY_OPTIONS,
        ...READY_OPTIONS,
        mac: { type: 'string', default: 'keep' },
        from: { type: 'string' },
        'even-if-source-runs': { type: 'boolean', default: false },
        clone: { type: 'boolean', default: false },
        'as-it-runs': { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    })
    const readiness = readinessOf(values.ready, values['ready-timeout'])
    const asked = {
      ...copyWishesOf(values, { kind: 'replica' }),
      kind: 'unplanned' as const,
      clone: values.clone,
      evenIfSourceRuns: values['even-if-source-runs'],
      ...(values.ready.length === 0 ? {} : { readiness }),
    }
    const to = poolArgument(values.to, '--to')
    const from = optionalPool(values.from, '--from')
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes }, async (session) => {
      if (values['as-it-runs']) {
        const mark = await takeOverAsItRuns(session, asked.wanted)
        session.print({ mark }, () => 'Noted: runs of the job are refused until it goes back or is turned round.\n')
        return 0
      }
      const wishes = { ...asked, ...(from === undefined ? {} : { source: await session.reach(from) }) }
      const { plan } = await prepareTakeOver(session, wishes)
      if (values['dry-run']) {
        session.print({ plan }, () => formatTakeOverPlan(plan))
        return 0
      }
      if (!values.json) process.stderr.write(formatTakeOverPlan(plan))
      await confirm(session, 'Fail over?')
      const report = await takeOver(session, wishes, plan)
      session.print(report, () => formatTakeOver(report))
      return report.ready === false ? 1 : 0
    })
  },
}
