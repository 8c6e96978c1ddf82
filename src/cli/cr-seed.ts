/** `understudy cr-seed`, also the program `cr-seed`: links a first copy made by hand, with the arguments of the original's xo-cr-seed. */
import { parseArgs } from 'node:util'
import { createByteBudget } from '../block/budget.ts'
import { linkSeed, SEED_CHECKS, type SeedReport } from '../replication/seeding/link-seed.ts'
import { type Command, UsageError } from './command.ts'
import { networkArgument, poolArgument, uuidArgument } from './pool-arguments.ts'
import { inSeedSession, SEED_MEMORY } from './seed-session.ts'
import { formatBytes } from './sizes.ts'

const USAGE = `
Usage: cr-seed <source XAPI URL> <source snapshot UUID> <target XAPI URL> <target VM UUID> <backup job id> <backup schedule id>

Links a first copy that was made by hand: a snapshot on the source, and a VM on the target that was made of it. Both are checked, and
their content is compared, before anything is written. The job's next run then sends a delta.

  <... XAPI URL>      https://user:password@host[:port], user and password percent-encoded; - takes UNDERSTUDY_FROM or UNDERSTUDY_TO,
                      which are in no list of processes
  --verify MODE       sample (default: 256 pieces of 64 KiB of each disk), full (both disks whole), off (taken on trust)
  --network SRC=DST   network of the source by uuid, and the target's that stands for it, or none; repeatable
  --allow-insecure-nbd  read over NBD in clear text where a pool offers nothing else
  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              the result (or failure) as JSON on standard output, nothing else

Exit codes: 0 linked (or was linked already), 1 refused or failed: nothing was linked, 2 wrong usage, 130 or 143 stopped.`

export const command: Command = { summary: 'link a first copy made by hand, so that the next run sends a delta', usage: USAGE, run }

async function run(args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    // As the original does.
    process.stderr.write(`${USAGE.trim()}\n`)
    return 0
  }
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      verify: { type: 'string', default: 'sample' },
      network: { type: 'string', multiple: true, default: [] },
      'allow-insecure-nbd': { type: 'boolean', default: false },
      trust: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  })
  if (positionals.length !== 6) throw new UsageError(`six arguments are needed, and there are ${positionals.length}`)
  const [from, snapshot, to, vm, job, schedule] = positionals
  const check = SEED_CHECKS.find((mode) => mode === values.verify)
  if (check === undefined) throw new UsageError(`--verify is one of ${SEED_CHECKS.join(', ')}, not ${values.verify}`)
  const wanted = {
    from: poolArgument(from === '-' ? undefined : from, '--from'),
    to: poolArgument(to === '-' ? undefined : to, '--to'),
    snapshot: uuidArgument(snapshot, 'the source snapshot'),
    vm: uuidArgument(vm, 'the target VM'),
    job: uuidArgument(job, 'the job'),
    schedule: uuidArgument(schedule, 'the schedule'),
    networks: new Map(values.network.map(networkArgument)),
  }
  return inSeedSession(
    values,
    async ({ open, signal, progress, log }) =>
      linkSeed({
        source: await open('source', wanted.from),
        target: await open('target', wanted.to),
        snapshot: wanted.snapshot,
        vm: wanted.vm,
        job: wanted.job,
        schedule: wanted.schedule,
        check,
        networks: wanted.networks,
        allowInsecureNbd: values['allow-insecure-nbd'],
        signal,
        budget: createByteBudget(SEED_MEMORY),
        onProgress: (userdevice, done, expected) => progress('compared', userdevice, done, expected),
        onLog: log,
      }),
    formatSeed,
  )
}

export function formatSeed(report: SeedReport): string {
  const { source, replica, restorePoint, disks, warnings } = report
  if (report.status === 'already-linked') return `"${source.name}" is linked already: replica ${replica}, restore point ${restorePoint}\n`
  const compared = disks.map(({ userdevice, size, bytesCompared }) =>
    bytesCompared === 0
      ? `  disk ${userdevice}: ${formatBytes(size)}, not compared`
      : `  disk ${userdevice}: ${formatBytes(size)}, ${formatBytes(bytesCompared)} compared, equal`,
  )
  return [
    `Linked "${source.name}" as of ${source.takenAt} to its replica ${replica}`,
    ...compared,
    ...warnings.map(({ text, avoid }) => `  warning: ${text}${avoid === undefined ? '' : ` (${avoid})`}`),
    `  restore point: ${restorePoint}`,
    'The next run of the job sends a delta. Until then leave the source snapshot where it is, and the replica unstarted.',
    '',
  ].join('\n')
}
