import { parseArgs } from 'node:util'
import { prepareCopy } from '../../replication/failover/clone.ts'
import { testFailover } from '../../replication/failover/test-failover.ts'
import type { Command } from '../command.ts'
import { poolArgument } from '../pool-arguments.ts'
import {
  COPY_OPTIONS,
  copyWishesOf,
  inSession,
  NETWORK_USAGE,
  POINT_USAGE,
  READY_OPTIONS,
  READY_USAGE,
  readinessOf,
  TRUST_USAGE,
} from './common.ts'
import { formatCopyPlan, formatTest } from './report.ts'

export const command: Command = {
  summary: 'start a clone of a restore point where it disturbs nobody, see whether it comes up, remove it',
  usage: `
Usage: understudy failover test --to URL --sr UUID --vm UUID [--job ID] [OPTION...]
       understudy failover test --to URL --restore-point UUID [OPTION...]

Clones a restore point, starts the clone, watches it until it is up, and removes it. The replica, its restore points and the next
runs do not notice. What an earlier test of the same chain left when it was killed is removed first.

${POINT_USAGE}
${NETWORK_USAGE}
                      (default isolated: a network without physical interface, made for the test)
  --mac safe|new|keep MACs of the interfaces (default safe: kept on networks inside the pool where nobody else has them)
${READY_USAGE}
  --name NAME         of the clone
  --keep              leave it running; understudy failover cleanup removes it
  --dry-run           say what it would be, and change nothing
${TRUST_USAGE}

A script is given UNDERSTUDY_VM, UNDERSTUDY_VM_NAME, UNDERSTUDY_ADDRESSES and UNDERSTUDY_POOL.
Exit codes: 0 it came up, 1 it did not or the test failed, 2 wrong usage, 130 or 143 stopped (then it is removed as well).`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...COPY_OPTIONS,
        ...READY_OPTIONS,
        mac: { type: 'string', default: 'safe' },
        keep: { type: 'boolean', default: false },
      },
    })
    const readiness = readinessOf(values.ready, values['ready-timeout'])
    const wishes = copyWishesOf(values, { kind: 'isolated' })
    const to = poolArgument(values.to, '--to')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const prepared = await prepareCopy(session, wishes, 'test failover')
      if (values['dry-run']) {
        session.print({ plan: prepared.plan }, () => formatCopyPlan(prepared.plan))
        return 0
      }
      const report = await testFailover(session, prepared, { readiness, keep: values.keep })
      session.print(report, () => formatTest(report))
      return report.outcome === 'ready' ? 0 : 1
    })
  },
}
