import { parseArgs } from 'node:util'
import { findTests, removeTests } from '../../replication/failover/cleanup.ts'
import type { Command } from '../command.ts'
import { optionalUuid, poolArgument } from '../pool-arguments.ts'
import { inSession, TRUST_USAGE } from './common.ts'

export const command: Command = {
  summary: 'remove what test failovers kept or left',
  usage: `
Usage: understudy failover cleanup --to URL [--test ID | --vm UUID] [OPTION...]

Removes VMs that test failovers made, with their disks and isolated networks: all of the pool, also one that is going on.

  --to URL            the pool (also UNDERSTUDY_TO)
  --test ID           only this test
  --vm UUID           only tests of this source VM
  --dry-run           list them, and change nothing
${TRUST_USAGE}

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped.`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        test: { type: 'string' },
        vm: { type: 'string' },
        trust: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
      },
    })
    const test = optionalUuid(values.test, '--test')
    const vm = optionalUuid(values.vm, '--vm')
    const to = poolArgument(values.to, '--to')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const wanted = (mark: { readonly id: string; readonly vm: string }) =>
        (test === undefined || mark.id === test) && (vm === undefined || mark.vm === vm)
      if (values['dry-run']) {
        const vms = (await findTests(session)).filter(({ mark }) => wanted(mark)).map(({ record }) => record.name_label)
        session.print({ vms }, () => (vms.length === 0 ? 'There is nothing.\n' : `${vms.join('\n')}\n`))
        return 0
      }
      const removed = await removeTests(session, wanted)
      const all = [...removed.vms, ...removed.networks]
      session.print(removed, () => (all.length === 0 ? 'There was nothing.\n' : `Removed:\n${all.map((name) => `  ${name}\n`).join('')}`))
      return 0
    })
  },
}
