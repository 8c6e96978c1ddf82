import { parseArgs } from 'node:util'
import { Failure } from '../../core/failure.ts'
import { prepareTakeOver, takeOver, takeOverAsItRuns } from '../../replication/failover/take-over.ts'
import { macChoice } from '../clone.ts'
import type { Command } from '../command.ts'
import { poolArgument } from '../pool-arguments.ts'
import { wantedPoint } from '../restore-point-argument.ts'
import { inSession, NETWORK_USAGE, networksOf, POINT_OPTIONS, POINT_USAGE, READY_USAGE, readinessOf, TRUST_USAGE } from './common.ts'
import { formatTakeOver, formatTakeOverPlan } from './report.ts'

export const command: Command = {
  summary: 'let a replica take over now; its source need not answer',
  usage: `
Usage: understudy failover now --to URL --sr UUID --vm UUID [--job ID] [--yes] [OPTION...]
       understudy failover now --to URL --restore-point UUID [--yes] [OPTION...]

Starts the replica, from its newest restore point or the one named. Says first what will happen, what is lost and what it costs, and
asks. Only the target pool is needed. Make sure that the source does not run any more, or will not come back on the same network.
When it was stopped in the middle, the same command goes on from there.

${POINT_USAGE}
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
        ...POINT_OPTIONS,
        name: { type: 'string' },
        network: { type: 'string', multiple: true, default: [] },
        mac: { type: 'string', default: 'keep' },
        ready: { type: 'string', multiple: true, default: [] },
        'ready-timeout': { type: 'string', default: '300' },
        clone: { type: 'boolean', default: false },
        'as-it-runs': { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
      },
    })
    const { choice, mapping } = networksOf(values.network, { kind: 'replica' })
    const readiness = readinessOf(values.ready, values['ready-timeout'])
    const wanted = wantedPoint(values)
    const wishes = {
      wanted,
      kind: 'unplanned' as const,
      clone: values.clone,
      networks: choice,
      mapping,
      macs: macChoice(values.mac),
      ...(values.name === undefined ? {} : { name: values.name }),
      ...(values.ready.length === 0 ? {} : { readiness }),
    }
    const to = poolArgument(values.to, '--to')
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes }, async (session) => {
      if (values['as-it-runs']) {
        const mark = await takeOverAsItRuns(session, wanted)
        session.print({ mark }, () => 'Noted: runs of the job are refused until it goes back or is turned round.\n')
        return 0
      }
      const { plan } = await prepareTakeOver(session, wishes)
      if (values['dry-run']) {
        session.print({ plan }, () => formatTakeOverPlan(plan))
        return 0
      }
      if (!values.json) process.stderr.write(formatTakeOverPlan(plan))
      if (!(await session.agreed('Fail over?'))) throw new Failure('NOT_CONFIRMED', 'nobody agreed, and nothing was done')
      const report = await takeOver(session, wishes, plan)
      session.print(report, () => formatTakeOver(report))
      return report.ready === false ? 1 : 0
    })
  },
}
