/** `understudy seed export` and `understudy seed import`: the first copy on somebody's own medium. */
import { parseArgs } from 'node:util'
import { createByteBudget } from '../block/budget.ts'
import { type ExportedSeed, exportSeed } from '../replication/seeding/export-seed.ts'
import { importSeed } from '../replication/seeding/import-seed.ts'
import { type Command, UsageError } from './command.ts'
import { formatSeed } from './cr-seed.ts'
import { networkArgument, optionalUuid, poolArgument, uuidArgument } from './pool-arguments.ts'
import { inSeedSession, SEED_MEMORY } from './seed-session.ts'
import { formatBytes } from './sizes.ts'

const VERIFY = ['changed', 'sample', 'off'] as const

export const command: Command = {
  summary: 'carry the first copy of a VM on a medium: export it to a folder, import it at the target',
  usage: `
Usage: understudy seed export --from URL (--vm UUID | --snapshot UUID) --dir DIR [OPTION...]
       understudy seed import --from URL --to URL --sr UUID --job ID --schedule ID --dir DIR [OPTION...]

The export takes a snapshot of the VM (or uses one that is there) and writes what its disks hold, compressed and with checksums. The
import makes the job's replica of it on the target, reads it back, and links it: the job's next run sends a delta. Both, when broken
off, go on where they were: run the same command again.

  --from URL          source pool: https://user:password@host[:port], percent-encoded (also UNDERSTUDY_FROM)
  --vm UUID           export: the VM
  --snapshot UUID     export: a snapshot of it, in place of one that is taken now
  --dir DIR           the folder: an empty one, or the one to go on with
  --to URL            import: target pool (also UNDERSTUDY_TO)
  --sr UUID           import: storage repository that the replica is to live on
  --job ID            import: uuid of the job
  --schedule ID       import: uuid of its schedule (default: the job's)
  --verify MODE       import: changed (default: all that was written is read back), sample, off
  --network SRC=DST   import: network of the source by uuid, and the target's that stands for it, or none; repeatable
  --allow-insecure-nbd  read over NBD in clear text where a pool offers nothing else
  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              the result (or failure) as JSON on standard output, nothing else

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped.`,
  run,
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      vm: { type: 'string' },
      snapshot: { type: 'string' },
      sr: { type: 'string' },
      job: { type: 'string' },
      schedule: { type: 'string' },
      dir: { type: 'string' },
      verify: { type: 'string', default: 'changed' },
      network: { type: 'string', multiple: true, default: [] },
      'allow-insecure-nbd': { type: 'boolean', default: false },
      trust: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  })
  const [what, ...more] = positionals
  if (more.length > 0 || (what !== 'export' && what !== 'import')) throw new UsageError('say seed export or seed import')
  if (values.dir === undefined || values.dir === '') throw new UsageError('--dir is missing: the folder of the seed')
  const folder = values.dir
  const from = poolArgument(values.from, '--from')
  const allowInsecureNbd = values['allow-insecure-nbd']
  if (what === 'export') {
    const of = seedOf(optionalUuid(values.vm, '--vm'), optionalUuid(values.snapshot, '--snapshot'))
    return inSeedSession(
      values,
      async ({ open, signal, progress, log }) =>
        exportSeed({
          source: await open('source', from),
          of,
          folder,
          allowInsecureNbd,
          signal,
          budget: createByteBudget(SEED_MEMORY),
          now: Date.now,
          onProgress: (userdevice, done, expected) => progress('exported', userdevice, done, expected),
          onLog: log,
        }),
      formatExport,
    )
  }
  const verify = VERIFY.find((mode) => mode === values.verify)
  if (verify === undefined) throw new UsageError(`--verify is one of ${VERIFY.join(', ')}, not ${values.verify}`)
  const to = poolArgument(values.to, '--to')
  const job = uuidArgument(values.job, '--job')
  const wanted = {
    ...{ sr: uuidArgument(values.sr, '--sr'), job, schedule: optionalUuid(values.schedule, '--schedule') ?? job },
    ...{ folder, verify, networks: new Map(values.network.map(networkArgument)), allowInsecureNbd },
  }
  return inSeedSession(
    values,
    async ({ open, signal, progress, log }) =>
      importSeed({
        ...wanted,
        source: await open('source', from),
        target: await open('target', to),
        signal,
        budget: createByteBudget(SEED_MEMORY),
        onProgress: (userdevice, done, expected, doing) =>
          progress(doing === 'transfer' ? 'written' : 'read back', userdevice, done, expected),
        onLog: log,
      }),
    (seed) => formatSeed(seed),
  )
}

function seedOf(vm: string | undefined, snapshot: string | undefined): { kind: 'vm' | 'snapshot'; uuid: string } {
  if (vm !== undefined && snapshot === undefined) return { kind: 'vm', uuid: vm }
  if (snapshot !== undefined && vm === undefined) return { kind: 'snapshot', uuid: snapshot }
  throw new UsageError('name a VM with --vm, or a snapshot of one with --snapshot')
}

function formatExport({ vm, snapshot, folder, disks, warnings }: ExportedSeed): string {
  return [
    `Exported "${vm.name}" as of ${snapshot.takenAt} to ${folder}`,
    ...disks.map(
      ({ userdevice, size, bytesStored }) => `  disk ${userdevice}: ${formatBytes(size)}, ${formatBytes(bytesStored)} on the medium`,
    ),
    ...warnings.map(({ text }) => `  warning: ${text}`),
    `  snapshot: ${snapshot.uuid}, to be kept until the first delta`,
    'Carry the folder to the target and run understudy seed import there.',
    '',
  ].join('\n')
}
