import { parseArgs } from 'node:util'
import { findTests } from '../../replication/failover/cleanup.ts'
import { findFailedOver } from '../../replication/failover/undo.ts'
import type { Command } from '../command.ts'
import { optionalUuid, poolArgument } from '../pool-arguments.ts'
import { inSession, TRUST_USAGE } from './common.ts'
import { shortTime } from './report.ts'

export const command: Command = {
  summary: 'which VMs of a pool have failed over, and which tests are there',
  usage: `
Usage: understudy failover status --to URL [--vm UUID] [OPTION...]

  --to URL            the pool (also UNDERSTUDY_TO)
  --vm UUID           only what has to do with this source VM
${TRUST_USAGE}`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        vm: { type: 'string' },
        trust: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
      },
    })
    const vm = optionalUuid(values.vm, '--vm')
    const to = poolArgument(values.to, '--to')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const failedOver = (await findFailedOver(session, { vm })).map(({ uuid, name, powerState, mark }) => ({
        uuid,
        name,
        powerState,
        ...mark,
      }))
      const tests = (await findTests(session))
        .filter(({ mark }) => vm === undefined || mark.vm === vm)
        .map(({ record, mark }) => ({ uuid: record.uuid, name: record.name_label, powerState: record.power_state, ...mark }))
      session.print({ failedOver, tests }, () => {
        const lines = [
          ...failedOver.map(
            ({ name, uuid, powerState, kind, state, at, vm: of }) =>
              `"${name}" (${uuid}), ${powerState.toLowerCase()}: ${state === 'active' ? `failed over (${kind}, ${shortTime(at)})` : 'a failover was begun and not finished'} from VM ${of}`,
          ),
          ...tests.map(({ name, uuid, powerState, id }) => `"${name}" (${uuid}), ${powerState.toLowerCase()}: of test ${id}`),
        ]
        return lines.length === 0 ? 'Nothing has failed over, and there are no tests.\n' : `${lines.join('\n')}\n`
      })
      return 0
    })
  },
}
