import { parseArgs } from 'node:util'
import { undoHandedOver } from '../../replication/failover/planned.ts'
import { findFailedOver, theOnly, undoFailover } from '../../replication/failover/undo.ts'
import { type Command, UsageError } from '../command.ts'
import { optionalPool, optionalUuid, poolArgument } from '../pool-arguments.ts'
import { confirm, inSession, TRUST_USAGE } from './common.ts'

export const command: Command = {
  summary: 'give up what a VM that failed over wrote: it is a replica again',
  usage: `
Usage: understudy failover undo --to URL (--vm UUID | --failed-over UUID) [--job ID] [--yes] [OPTION...]

Stops the VM that failed over and protects it again: the next run of the job replaces what it wrote. A clone is destroyed. Also takes
back a failover that was stopped in the middle.

  --to URL            the pool where it runs (also UNDERSTUDY_TO)
  --vm UUID           the source VM
  --failed-over UUID  the VM itself, when several have failed over from the same source
  --job ID            of this job
  --from URL          source pool: a source that a planned failover took down may be started again, and is if it ran (also UNDERSTUDY_FROM)
  --yes               do not ask
${TRUST_USAGE}

Exit codes: 0 done, 1 failed or not agreed, 2 wrong usage, 130 or 143 stopped.`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        vm: { type: 'string' },
        'failed-over': { type: 'string' },
        job: { type: 'string' },
        from: { type: 'string' },
        yes: { type: 'boolean', default: false },
        trust: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
      },
    })
    const vm = optionalUuid(values.vm, '--vm')
    const self = optionalUuid(values['failed-over'], '--failed-over')
    const job = optionalUuid(values.job, '--job')
    if (vm === undefined && self === undefined) throw new UsageError('--vm or --failed-over is missing')
    const to = poolArgument(values.to, '--to')
    const from = optionalPool(values.from, '--from')
    return inSession({ to, trust: values.trust, json: values.json, yes: values.yes }, async (session) => {
      const found = (await findFailedOver(session, { vm, job })).filter(({ uuid }) => self === undefined || uuid === self)
      const source = from && (await session.connect(from))
      if (found.length === 0 && source !== undefined && vm !== undefined) {
        // Its replica had not even begun to take over.
        await confirm(session, `Let VM ${vm} go, and start it if it ran?`)
        if (await undoHandedOver(session, source, vm)) {
          session.print({ undone: vm }, () => 'Done: the source is as before.\n')
          return 0
        }
      }
      const failed = theOnly(found, vm ?? 'any other')
      const fate = failed.mark.clone ? 'is destroyed with its disks' : 'is stopped; what it wrote is given up'
      if (!values.json) process.stderr.write(`"${failed.name}" (${failed.uuid}) ${fate}.\n`)
      await confirm(session, 'Undo the failover?')
      await undoFailover(session, failed)
      if (source !== undefined) await undoHandedOver(session, source, failed.mark.vm)
      session.print({ undone: failed.uuid }, () => 'Done.\n')
      return 0
    })
  },
}
