import { parseArgs } from 'node:util'
import { fenceOriginals } from '../../replication/failover/source-look.ts'
import type { Command } from '../command.ts'
import { optionalUuid, poolArgument } from '../pool-arguments.ts'
import { inSession, TRUST_USAGE } from './common.ts'
import { formatFenced } from './report.ts'

export const command: Command = {
  summary: 'keep the originals of VMs that failed over from being started, once their pool is back',
  usage: `
Usage: understudy failover fence --to URL --original URL [--vm UUID] [OPTION...]

Blocks the start of every original that is down, by hand, by auto power-on and by HA, with a reason that says why. Those that run are
named, and nothing is done to them. Give it as soon as the lost pool answers again. Going back, and undoing the failover, take the block away.

  --to URL            pool where the VMs run that failed over (also UNDERSTUDY_TO)
  --original URL      pool of the originals (also UNDERSTUDY_FROM)
  --vm UUID           only of this source VM
  --dry-run           say how things are, and change nothing
${TRUST_USAGE}

Exit codes: 0 none of them runs or can be started, 1 one runs, or it failed, 2 wrong usage, 130 or 143 stopped.`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        original: { type: 'string' },
        vm: { type: 'string' },
        trust: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        'dry-run': { type: 'boolean', default: false },
      },
    })
    const vm = optionalUuid(values.vm, '--vm')
    const to = poolArgument(values.to, '--to')
    const login = poolArgument(values.original, '--original')
    return inSession({ to, trust: values.trust, json: values.json }, async (session) => {
      const originals = await fenceOriginals(session, await session.connect(login), { vm, change: !values['dry-run'] })
      session.print({ originals }, () =>
        originals.length === 0 ? 'No VM of this pool has failed over.\n' : `${originals.map(formatFenced).join('\n')}\n`,
      )
      return originals.some(({ state }) => state === 'runs' || state === 'can-start') ? 1 : 0
    })
  },
}
