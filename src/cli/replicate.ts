/** `understudy replicate`: one VM run between two pools, without a server or a database. */
import { createHash, randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createByteBudget } from '../block/budget.ts'
import { createThrottle } from '../block/throttle.ts'
import { type BandwidthRule, bandwidthAt, parseBandwidthRule } from '../core/bandwidth.ts'
import type { BrokenChainPolicy } from '../core/broken-chain.ts'
import { Failure } from '../core/failure.ts'
import { VERIFY_MODES, type VerifyMode } from '../core/report.ts'
import { type Period, RETENTION_PERIODS, type RetentionRule } from '../core/retention.ts'
import { explainError } from '../replication/explain.ts'
import { executeRun, prepareRun, type RunOptions } from '../replication/run.ts'
import { withChain } from '../replication/with-chain.ts'
import type { PoolLogin } from '../xapi/pool-url.ts'
import { askOnTerminal } from './ask-trust.ts'
import { type Command, stopSignal, UsageError } from './command.ts'
import { withConnections } from './connect-pool.ts'
import { networkArgument, poolArgument, trustArgument, uuidArgument } from './pool-arguments.ts'
import { progressView } from './replicate-progress.ts'
import { formatPlan, formatReport } from './replicate-report.ts'

const MIB = 1024 * 1024
const BROKEN_CHAIN = ['full', 'ask', 'repair'] as const
/** Block data in memory at once, all disks together. */
const MEMORY = 48 * MIB

export const command: Command = {
  summary: 'replicate one VM from a pool to a storage repository of another (or the same)',
  usage: `
Usage: understudy replicate --from URL --vm UUID --to URL --sr UUID [OPTION...]

Takes a snapshot of the VM, sends what changed since the last restore point (everything the first time) to its replica on the
target, and makes a restore point of it.

  --from URL          source pool: https://user:password@host[:port], user and password percent-encoded
  --vm UUID           the VM
  --to URL            target pool; may be the source itself
  --sr UUID           storage repository that the replica lives on
  --job ID            uuid of the job whose chain this is (default: one made of VM and SR)
  --schedule ID       uuid of the schedule, whose restore points --retention counts (default: the job's)
  --retention N       newest restore points to keep (default 3)
  --keep RULE         keep the newest of so many periods as well: hourly=24,daily=7,weekly=4,monthly=12 (any of them; UTC)
  --verify MODE       off, sample (default: some of what was sent is read back), changed (all of it), full (both disks whole)
  --on-broken-chain P what to do when a disk that has restore points can't be continued by a delta: full (default: send it whole and
                      say why), ask (first; without a terminal it is refused), repair (compare both sides, send what differs)
  --limit RATE        bytes a second at most, all disks together: 20MiB/s, or 20MiB/s@08:00-18:00 (local time); repeatable
  --network SRC=DST   network of the source by uuid, and the target's that stands for it, or none; repeatable
  --allow-insecure-nbd  read over NBD in clear text where a pool offers nothing else (a network of purpose insecure_nbd)
  --dry-run           print the plan and change nothing
  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              the report (or plan, or failure) as JSON on standard output, nothing else

UNDERSTUDY_FROM and UNDERSTUDY_TO stand in for --from and --to: there the passwords are in no list of processes.
Exit codes: 0 done, 1 failed (the last restore point is untouched), 2 wrong usage, 130 or 143 stopped.`,
  run,
}

interface Arguments {
  readonly from: PoolLogin
  readonly to: PoolLogin
  readonly vm: string
  readonly sr: string
  readonly job: string
  readonly schedule: string
  readonly retention: RetentionRule
  readonly verify: VerifyMode
  readonly onBrokenChain: BrokenChainPolicy | 'ask'
  readonly networks: ReadonlyMap<string, string | null>
  readonly trust: readonly string[]
  readonly limits: readonly BandwidthRule[]
  readonly dryRun: boolean
  readonly allowInsecureNbd: boolean
  readonly json: boolean
}

async function run(args: readonly string[]): Promise<number> {
  const wanted = parse(args)
  const signal = stopSignal()
  const startedAt = new Date()
  const view = progressView(process.stderr)
  const access = trustArgument(wanted.trust, signal, { beforeAsking: view.clear })
  try {
    return await withConnections(access, signal, async (pools) => {
      const source = await pools.open('source', wanted.from)
      const target = await pools.open('target', wanted.to)
      const options: RunOptions = {
        source,
        target,
        ids: { run: randomUUID(), job: wanted.job, schedule: wanted.schedule, vm: wanted.vm, sr: wanted.sr },
        retention: wanted.retention,
        verify: wanted.verify,
        onBrokenChain: wanted.onBrokenChain === 'ask' ? 'refuse' : wanted.onBrokenChain,
        networks: wanted.networks,
        allowInsecureNbd: wanted.allowInsecureNbd,
        signal,
        budget: createByteBudget(MEMORY),
        onEvent: view.show,
        ...(wanted.limits.length === 0 ? {} : { beforeWrite: limiter(wanted.limits, signal) }),
      }
      if (wanted.dryRun) {
        const prepared = await prepareRun(options)
        view.clear()
        process.stdout.write(wanted.json ? `${JSON.stringify({ plan: prepared.plan })}\n` : formatPlan(prepared.plan))
        return 0
      }
      const run = (policy: RunOptions) => withChain(policy, async (held) => executeRun(held, await prepareRun(held), startedAt))
      const report = await run(options).catch(async (error: unknown) => {
        // Nothing was begun yet: the refusal comes with the plan, or before the first byte of the disk.
        const refused = wanted.onBrokenChain === 'ask' && error instanceof Failure && error.code === 'FULL_REFUSED'
        view.clear()
        if (!refused || !(await askOnTerminal(`${error.message}. Send it whole?`, signal))) throw error
        return run({ ...options, onBrokenChain: 'full' })
      })
      view.clear()
      process.stdout.write(wanted.json ? `${JSON.stringify(report)}\n` : formatReport(report))
      return 0
    })
  } catch (error) {
    view.clear()
    const explained = explainError(error)
    if (wanted.json && explained instanceof Failure) {
      const { code, message, hint } = explained
      process.stdout.write(`${JSON.stringify({ status: 'failed', error: { code, message, hint } })}\n`)
    }
    throw explained
  }
}

function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      vm: { type: 'string' },
      sr: { type: 'string' },
      job: { type: 'string' },
      schedule: { type: 'string' },
      retention: { type: 'string', default: '3' },
      keep: { type: 'string', default: '' },
      limit: { type: 'string', multiple: true, default: [] },
      verify: { type: 'string', default: 'sample' },
      'on-broken-chain': { type: 'string', default: 'full' },
      network: { type: 'string', multiple: true, default: [] },
      trust: { type: 'string', multiple: true, default: [] },
      'dry-run': { type: 'boolean', default: false },
      'allow-insecure-nbd': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const vm = uuidArgument(values.vm, '--vm')
  const sr = uuidArgument(values.sr, '--sr')
  const job = values.job === undefined ? jobOf(vm, sr) : uuidArgument(values.job, '--job')
  const verify = VERIFY_MODES.find((mode) => mode === values.verify)
  const onBrokenChain = BROKEN_CHAIN.find((policy) => policy === values['on-broken-chain'])
  if (onBrokenChain === undefined)
    throw new UsageError(`--on-broken-chain is one of ${BROKEN_CHAIN.join(', ')}, not ${values['on-broken-chain']}`)
  if (verify === undefined) throw new UsageError(`--verify is one of ${VERIFY_MODES.join(', ')}, not ${values.verify}`)
  return {
    from: poolArgument(values.from, '--from'),
    to: poolArgument(values.to, '--to'),
    vm,
    sr,
    job,
    schedule: values.schedule === undefined ? job : uuidArgument(values.schedule, '--schedule'),
    limits: values.limit.map(limitRule),
    retention: retentionRule(values.retention, values.keep),
    verify,
    onBrokenChain,
    networks: new Map(values.network.map(networkArgument)),
    trust: values.trust,
    dryRun: values['dry-run'],
    allowInsecureNbd: values['allow-insecure-nbd'],
    json: values.json,
  }
}

function limitRule(text: string): BandwidthRule {
  const rule = parseBandwidthRule(text)
  if (rule === undefined) throw new UsageError(`--limit takes a rate such as 20MiB/s or 20MiB/s@08:00-18:00, not '${text}'`)
  return rule
}

function limiter(rules: readonly BandwidthRule[], signal: AbortSignal): (bytes: number) => Promise<void> {
  return createThrottle(() => {
    const now = new Date()
    return bandwidthAt(rules, now.getHours() * 60 + now.getMinutes())
  }, signal)
}

/** `--retention 3 --keep daily=7,monthly=12` */
function retentionRule(newest: string, keep: string): RetentionRule {
  const rule: { last: number } & { -readonly [P in Period]?: number } = { last: count('--retention', newest) }
  for (const part of keep === '' ? [] : keep.split(',')) {
    const [name, number, ...more] = part.split('=')
    const period = RETENTION_PERIODS.find((candidate) => candidate === name?.trim())
    if (period === undefined || number === undefined || more.length > 0)
      throw new UsageError(`--keep takes ${RETENTION_PERIODS.map((each) => `${each}=N`).join(',')} or some of them, not '${part}'`)
    rule[period] = count(`--keep ${period}`, number)
  }
  return rule
}

function count(option: string, text: string): number {
  const number = text === '' ? Number.NaN : Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 1000) throw new UsageError(`${option} is a number from 1 to 1000, not ${text}`)
  return number
}

/** A job for a VM and an SR when none is named: always the same, so that the next run finds its chain. */
function jobOf(vm: string, sr: string): string {
  const hash = createHash('sha256').update(`understudy replicate ${vm} ${sr}`).digest()
  // A uuid of version 8: made by a rule of our own (RFC 9562).
  hash[6] = ((hash[6] as number) & 0x0f) | 0x80
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
