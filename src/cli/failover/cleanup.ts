import { parseArgs } from 'node:util'
import { removeTests } from '../../replication/failover/cleanup.ts'
import { removeLeftOvers, surveyFailovers } from '../../replication/failover/survey.ts'
import type { Command } from '../command.ts'
import { optionalUuid, poolArgument } from '../pool-arguments.ts'
import { inSession, TRUST_USAGE } from './common.ts'

export const command: Command = {
  summary: 'remove what test failovers kept or left',
  usage: `
Usage: understudy failover cleanup --to URL [--test ID | --vm UUID] [OPTION...]

Removes VMs that test failovers made, with their disks and isolated networks: all of the pool, also one that is going on. Without --test
and --vm also what clones and failovers left that ended early; understudy failover status lists it.

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
    const all = test === undefined && vm === undefined
    const to = poolArgument(values.to, '--to')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const wanted = (mark: { readonly id: string; readonly vm: string }) =>
        (test === undefined || mark.id === test) && (vm === undefined || mark.vm === vm)
      if (values['dry-run']) {
        const { tests, leftOvers } = await surveyFailovers(session)
        const vms = tests.filter(({ mark }) => wanted(mark)).map(({ record }) => record.name_label)
        const left = all ? leftOvers.filter(({ held }) => !held).map(({ name }) => name) : []
        const names = [...vms, ...left]
        session.print({ vms, leftOvers: left }, () => (names.length === 0 ? 'There is nothing.\n' : `${names.join('\n')}\n`))
        return 0
      }
      const removed = await removeTests(session, wanted)
      const leftOvers = all ? await removeLeftOvers(session) : []
      const names = [...removed.vms, ...removed.networks, ...leftOvers]
      session.print({ ...removed, leftOvers }, () =>
        names.length === 0 ? 'There was nothing.\n' : `Removed:\n${names.map((name) => `  ${name}\n`).join('')}`,
      )
      return 0
    })
  },
}
