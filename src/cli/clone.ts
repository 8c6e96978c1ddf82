/** `understudy clone`: a restore point as a VM to work on. */
import { parseArgs } from 'node:util'
import { cloneToWorkOn, prepareCopy } from '../replication/failover/clone.ts'
import { type Command, UsageError } from './command.ts'
import { COPY_OPTIONS, copyWishesOf, inSession, NETWORK_USAGE, POINT_USAGE, TRUST_USAGE } from './failover/common.ts'
import { formatCopyPlan } from './failover/report.ts'
import { poolArgument } from './pool-arguments.ts'
import { formatSeconds } from './sizes.ts'

export const command: Command = {
  summary: 'clone a restore point, as a VM to work on that is no part of the chain',
  usage: `
Usage: understudy clone --to URL --sr UUID --vm UUID [--job ID] [OPTION...]
       understudy clone --to URL --restore-point UUID [OPTION...]

Makes a VM of a restore point: in seconds, since its disks share what they have in common with it. It can be started, changed and
deleted at will; the replica, its restore points and the next runs do not notice.

${POINT_USAGE}
  --name NAME         of the new VM (default: the source's, with the time of the restore point)
${NETWORK_USAGE}
                      (default: none, so that it meets nobody)
  --mac new|keep|safe MACs of its interfaces (default new; safe: kept where nothing else can have them)
  --memory            let it go on with the memory that the restore point keeps: it is made suspended, with the MACs that it had
  --dry-run           say what it would be, and change nothing
${TRUST_USAGE}

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped.`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: { ...COPY_OPTIONS, mac: { type: 'string' }, memory: { type: 'boolean', default: false } },
    })
    const wishes = { ...copyWishesOf({ ...values, mac: values.mac ?? 'new' }, { kind: 'none' }), memory: values.memory }
    if (wishes.networks.kind === 'isolated')
      throw new UsageError('--network isolated is for tests, which remove it: name a network, or none')
    if (values.memory && (values.mac ?? 'keep') !== 'keep')
      throw new UsageError('with --memory the guest has the MACs that it had: --mac keep')
    const to = poolArgument(values.to, '--to')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const prepared = await prepareCopy(session, wishes, 'clone')
      if (values['dry-run']) {
        session.print({ plan: prepared.plan }, () => formatCopyPlan(prepared.plan))
        return 0
      }
      const report = await cloneToWorkOn(session, prepared)
      session.print(report, () => `${formatCopyPlan(report.plan)}Made VM ${report.vm.uuid} in ${formatSeconds(report.seconds)}.\n`)
      return 0
    })
  },
}
