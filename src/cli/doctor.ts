/** `understudy doctor`: tries on the user's own pools everything that replication relies on. */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runDoctor } from '../replication/doctor/doctor.ts'
import { poolToCheck } from '../replication/doctor/pool-to-check.ts'
import { scratchOwner } from '../replication/doctor/scratch.ts'
import type { PoolLogin } from '../xapi/pool-url.ts'
import { type Command, stopSignal } from './command.ts'
import { formatDoctor } from './doctor-report.ts'
import { optionalUuid, poolArgument, trustArgument } from './pool-arguments.ts'
import { statusLine } from './status-line.ts'

export const command: Command = {
  summary: 'try on two pools everything that replication relies on, and clean up',
  usage: `
Usage: understudy doctor --from URL --to URL [OPTION...]

Makes small scratch objects on both pools (disks of up to 256 MiB, a tiny VM that is never started), tries with them everything that
replication relies on, and removes them. For what does not work it says what that costs and how to mend it.

  --from URL          source pool: https://user:password@host[:port], user and password percent-encoded
  --to URL            target pool; may be the source itself
  --sr UUID           storage repository of the target to try (default: the pool's default one)
  --vm UUID           VM of the source whose storage to try (default: the pool's default one); the VM is not touched
  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              everything found, as JSON on standard output, nothing else

UNDERSTUDY_FROM and UNDERSTUDY_TO stand in for --from and --to: there the passwords are in no list of processes.
Exit codes: 0 nothing failed (there may be warnings), 1 something failed, 2 wrong usage, 130 stopped (cleaned up all the same).`,
  run,
}

interface Arguments {
  readonly from: PoolLogin
  readonly to: PoolLogin
  readonly sr: string | undefined
  readonly vm: string | undefined
  readonly trust: readonly string[]
  readonly json: boolean
}

async function run(args: readonly string[]): Promise<number> {
  const wanted = parse(args)
  const signal = stopSignal()
  const status = statusLine(process.stderr)
  const access = trustArgument(wanted.trust, signal, { beforeAsking: status.clear })
  const { from, to, sr, vm } = wanted
  // Source and target in one storage of one pool: trying it once is enough.
  const pools =
    from.url === to.url && vm === undefined
      ? [poolToCheck('both', to, access, { sr, vm })]
      : [poolToCheck('source', from, access, { sr: undefined, vm }), poolToCheck('target', to, access, { sr, vm: undefined })]
  try {
    const report = await runDoctor({
      pools,
      owner: scratchOwner(randomUUID()),
      signal,
      onProgress: (side, title, done, of) => status.show(`${side === 'both' ? 'pool' : side}: ${title}… (${done + 1} of ${of})`),
    })
    status.clear()
    process.stdout.write(wanted.json ? `${JSON.stringify(report)}\n` : formatDoctor(report))
    return report.ok ? 0 : 1
  } finally {
    status.clear()
  }
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      sr: { type: 'string' },
      vm: { type: 'string' },
      trust: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  })
  return {
    from: poolArgument(values.from, '--from'),
    to: poolArgument(values.to, '--to'),
    sr: optionalUuid(values.sr, '--sr'),
    vm: optionalUuid(values.vm, '--vm'),
    trust: values.trust,
    json: values.json,
  }
}
