import { parseArgs } from 'node:util'
import { plannedFailover } from '../../replication/failover/planned.ts'
import { viewPool } from '../../replication/pool-view.ts'
import { findPoint } from '../../replication/proof/find-point.ts'
import { type Command, UsageError } from '../command.ts'
import { networkArgument, optionalUuid, poolArgument } from '../pool-arguments.ts'
import { formatSeconds } from '../sizes.ts'
import { confirm, inSession, POINT_OPTIONS, READY_OPTIONS, READY_USAGE, readinessOf, TRUST_USAGE } from './common.ts'
import { formatTakeOver } from './report.ts'
import { RUN_OPTIONS, RUN_USAGE, runSettings, SHUTDOWN_OPTIONS, SHUTDOWN_USAGE, shutdownOf } from './run-settings.ts'

export const command: Command = {
  summary: 'shut the source down and let its replica take over, without losing a byte',
  usage: `
Usage: understudy failover planned --from URL --to URL --sr UUID --vm UUID [--job ID] [--yes] [OPTION...]

Sends what changed while the source runs, shuts it down, sends the rest, starts the replica, and keeps the source from being started.
When a step fails everything is taken back and the source runs again. Stopped in the middle: the same command again.

  --from URL          source pool: https://user:password@host[:port], percent-encoded (also UNDERSTUDY_FROM)
  --to URL            pool where the replica is (also UNDERSTUDY_TO)
  --sr UUID           storage repository that the replica lives on
  --vm UUID           the source VM
  --job ID            uuid of the job (default: the only one with restore points of the VM there)
${SHUTDOWN_USAGE}
${READY_USAGE}
                      (default: it counts as up when it is started; when it does not come up, everything is taken back)
${RUN_USAGE}
  --network SRC=DST   network of the source, and the target's that stands for it, or none; as for understudy replicate
  --yes               do not ask
${TRUST_USAGE}

Exit codes: 0 done, 1 failed and taken back, 2 wrong usage, 130 or 143 stopped (then it is taken back as well).`,
  async run(args) {
    const { 'restore-point': _, ...options } = POINT_OPTIONS
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...options,
        ...RUN_OPTIONS,
        ...SHUTDOWN_OPTIONS,
        from: { type: 'string' },
        ...READY_OPTIONS,
        network: { type: 'string', multiple: true, default: [] },
        yes: { type: 'boolean', default: false },
      },
    })
    const [vm, sr, job] = [optionalUuid(values.vm, '--vm'), optionalUuid(values.sr, '--sr'), optionalUuid(values.job, '--job')]
    if (vm === undefined) throw new UsageError('--vm is missing')
    if (sr === undefined) throw new UsageError('--sr is missing')
    const readiness = readinessOf(values.ready, values['ready-timeout'])
    const shutdown = shutdownOf(values)
    const from = poolArgument(values.from, '--from')
    const to = poolArgument(values.to, '--to')
    const networks = new Map(values.network.map(networkArgument))
    const settingsFor = runSettings(values)
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes }, async (session) => {
      const settings = { ...settingsFor(session.onEvent), networks }
      const source = await session.connect(from)
      const { chain, record } = await findPoint(await viewPool(session.target, session.signal), { kind: 'newest', job, vm, sr })
      await confirm(session, `Shut the source of "${record.name_label}" down and let its replica take over?`)
      const report = await plannedFailover(
        session,
        source,
        {
          chain,
          ...shutdown,
          networks: { kind: 'replica' },
          mapping: new Map(),
          macs: 'keep',
          ...(values.ready.length === 0 ? {} : { readiness }),
        },
        settings,
      )
      session.print(
        report,
        () =>
          `${formatTakeOver(report.failover)}Down for ${formatSeconds(report.seconds.down)}. The source can't be started by accident.\n`,
      )
      return 0
    })
  },
}
