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
import { prepareRun, type RunOptions, type RunOutcome } from '../replication/run.ts'
import { replicateToTargets } from '../replication/several-targets.ts'
import type { PoolLogin } from '../xapi/pool-url.ts'
import { askOnTerminal } from './ask-trust.ts'
import { type Command, stopSignal, UsageError } from './command.ts'
import { type Connections, withConnections } from './connect-pool.ts'
import { networkArgument, poolArgument, trustArgument, uuidArgument } from './pool-arguments.ts'
import { parseMinutes } from './remote/times.ts'
import { type ProgressView, progressView } from './replicate-progress.ts'
import { formatPlan, formatReport } from './replicate-report.ts'
import { mapNetworks, nameOf, srArguments, type TargetArgument, type Told, targetArguments, tellAll } from './replicate-targets.ts'

const MIB = 1024 * 1024
const BROKEN_CHAIN = ['full', 'ask', 'repair'] as const
/** Block data in memory at once, all disks together. */
const MEMORY = 48 * MIB

export const command: Command = {
  summary: 'replicate one VM from a pool to a storage repository of another (or the same)',
  usage: `
Usage: understudy replicate --from URL --vm UUID --to URL --sr UUID [--to URL --sr UUID ...] [OPTION...]

Takes a snapshot of the VM, sends what changed since the last restore point (everything the first time) to its replica on the
target, and makes a restore point of it.

  --from URL          source pool: https://user:password@host[:port], user and password percent-encoded
  --vm UUID           the VM
  --to URL            target pool; may be the source itself
  --sr UUID           storage repository that the replica lives on
                      Both are repeatable, in pairs (one --to with several --sr: all on that pool): the targets get one snapshot, which is
                      read once
  --job ID            uuid of the job whose chain this is (default: one made of VM and (first) SR)
  --schedule ID       uuid of the schedule, whose restore points --retention counts (default: the job's)
  --retention N       newest restore points to keep (default 3)
  --keep RULE         keep the newest of so many periods as well: hourly=24,daily=7,weekly=4,monthly=12 (any of them; UTC)
  --verify MODE       off, sample (default: some of what was sent is read back), changed (all of it), full (both disks whole)
  --on-broken-chain P what to do when a disk that has restore points can't be continued by a delta: full (default: send it whole and
                      say why), ask (first; without a terminal it is refused), repair (compare both sides, send what differs)
  --limit RATE        bytes a second at most, all disks together: 20MiB/s, or 20MiB/s@08:00-18:00 (local time); repeatable
  --network SRC=DST   network of the source by uuid, and the target's that stands for it, or none; repeatable
  --allow-insecure-nbd  read over NBD in clear text where a pool offers nothing else (a network of purpose insecure_nbd)
  --memory            carry the memory of the VM as well: it is suspended for a moment, and a clone can go on with it; where the pool allows
                      no checkpoint the run goes on without, and says so
  --exclude-disk DISK leave out a disk of the VM, by its uuid or its position; repeatable
  --wait TIME         wait so long for a VM that is being migrated or copied, or for storage that merges a chain which is too long: 10m, 2h,
                      0 (default 5m); then the run is refused
  --dry-run           print the plan and change nothing
  --trust FINGERPRINT accept the certificate with this SHA-256 fingerprint; repeatable (also UNDERSTUDY_TRUST)
  --json              the report (or plan, or failure) as JSON on standard output, nothing else

UNDERSTUDY_FROM and UNDERSTUDY_TO stand in for --from and --to: there the passwords are in no list of processes.
Exit codes: 0 done, 1 failed (the last restore point is untouched), 2 wrong usage, 130 or 143 stopped.`,
  run,
}

interface Arguments {
  readonly from: PoolLogin
  readonly targets: readonly TargetArgument[]
  readonly vm: string
  readonly job: string
  readonly schedule: string
  readonly retention: RetentionRule
  readonly verify: VerifyMode
  readonly onBrokenChain: BrokenChainPolicy | 'ask'
  readonly networks: readonly (readonly [string, string | null])[]
  readonly trust: readonly string[]
  readonly limits: readonly BandwidthRule[]
  readonly excludeDisks: readonly string[]
  readonly waitMs: number
  readonly dryRun: boolean
  readonly allowInsecureNbd: boolean
  readonly memory: boolean
  readonly json: boolean
}

async function run(args: readonly string[]): Promise<number> {
  const wanted = parse(args)
  const signal = stopSignal()
  const startedAt = new Date()
  const view = progressView(
    process.stderr,
    wanted.targets.map(({ to, sr }) => `${to.url} ${sr.slice(0, 8)}`),
  )
  const access = trustArgument(wanted.trust, signal, { beforeAsking: view.clear })
  try {
    return await withConnections(access, signal, async (pools) => {
      const options = await openTargets(wanted, pools, signal, view.show)
      const outcomes = wanted.dryRun ? await planAll(options) : await replicateAll(wanted, options, startedAt, signal, view.clear)
      view.clear()
      if (outcomes.some(({ kind }) => kind === 'failure')) signal.throwIfAborted()
      const [only, ...others] = outcomes
      if (only !== undefined && others.length === 0) {
        if (only.kind === 'failure') throw only.error
        process.stdout.write(wanted.json ? `${JSON.stringify(only.told)}\n` : only.text)
        return 0
      }
      return tellAll(wanted.targets, outcomes, wanted.json)
    })
  } catch (error) {
    view.clear()
    throw explainError(error)
  }
}

/** The options of each target, or why its pool can't be reached: with several that spoils none of the others. */
async function openTargets(
  wanted: Arguments,
  pools: Connections,
  signal: AbortSignal,
  show: ProgressView['show'],
): Promise<PromiseSettledResult<RunOptions>[]> {
  const source = await pools.open('source', wanted.from)
  const common = {
    source,
    ids: { run: randomUUID(), job: wanted.job, schedule: wanted.schedule, vm: wanted.vm },
    retention: wanted.retention,
    verify: wanted.verify,
    onBrokenChain: wanted.onBrokenChain === 'ask' ? ('refuse' as const) : wanted.onBrokenChain,
    allowInsecureNbd: wanted.allowInsecureNbd,
    memory: wanted.memory,
    excludeDisks: new Set(wanted.excludeDisks),
    excludeDisksOfThisVm: true,
    waitMs: wanted.waitMs,
    signal,
    budget: createByteBudget(MEMORY),
    ...leastSegment(process.env.UNDERSTUDY_LEAST_SEGMENT),
    ...(wanted.limits.length === 0 ? {} : { beforeWrite: limiter(wanted.limits, signal) }),
  }
  const opened = await Promise.allSettled(wanted.targets.map(({ to }) => pools.open('target', to)))
  const networks = await mapNetworks(wanted.networks, opened, signal)
  return opened.map((target, nth) => {
    if (target.status === 'rejected') return target
    const { sr } = wanted.targets[nth] as TargetArgument
    const onEvent: RunOptions['onEvent'] = (event) => show(event, nth)
    const value = { ...common, target: target.value, ids: { ...common.ids, sr }, networks: networks[nth] ?? new Map(), onEvent }
    return { status: 'fulfilled', value }
  })
}

async function planAll(options: readonly PromiseSettledResult<RunOptions>[]): Promise<Told[]> {
  const plans = await Promise.allSettled(
    options.map((each) => (each.status === 'rejected' ? Promise.reject(each.reason) : prepareRun(each.value))),
  )
  return plans.map((result): Told => {
    if (result.status === 'rejected') return { kind: 'failure', error: result.reason }
    const { plan } = result.value
    return { kind: 'success', told: { plan }, text: formatPlan(plan) }
  })
}

async function replicateAll(
  wanted: Arguments,
  options: readonly PromiseSettledResult<RunOptions>[],
  startedAt: Date,
  signal: AbortSignal,
  beforeAsking: () => void,
): Promise<Told[]> {
  const outcomes: RunOutcome[] = options.map((each) => ({ kind: 'failure', error: each.status === 'rejected' ? each.reason : undefined }))
  const go = async (chosen: readonly number[], changes: Partial<RunOptions>) => {
    const given = chosen.map((nth) => ({ ...(options[nth] as PromiseFulfilledResult<RunOptions>).value, ...changes }))
    const results = given.length === 0 ? [] : await replicateToTargets(given, startedAt)
    for (const [at, nth] of chosen.entries()) outcomes[nth] = results[at] as RunOutcome
  }
  const reachable = options.flatMap(({ status }, nth) => (status === 'fulfilled' ? [nth] : []))
  await go(reachable, {})
  if (wanted.onBrokenChain === 'ask') {
    // Nothing was begun there yet: the refusal comes with the plan, or before the first byte of the disk.
    const agreed: number[] = []
    for (const nth of reachable) {
      const error = failureOf(outcomes[nth])
      if (!(error instanceof Failure) || error.code !== 'FULL_REFUSED') continue
      beforeAsking()
      const where = options.length === 1 ? '' : `${nameOf(wanted.targets[nth] as TargetArgument)}: `
      if (await askOnTerminal(`${where}${error.message}. Send it whole?`, signal)) agreed.push(nth)
    }
    await go(agreed, { onBrokenChain: 'full' })
  }
  return outcomes.map((outcome): Told => {
    if (outcome.kind === 'failure') return outcome
    return { kind: 'success', told: outcome.report, text: formatReport(outcome.report) }
  })
}

const failureOf = (outcome: RunOutcome | undefined) => (outcome?.kind === 'failure' ? outcome.error : undefined)
function parse(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      from: { type: 'string' },
      to: { type: 'string', multiple: true },
      vm: { type: 'string' },
      sr: { type: 'string', multiple: true },
      job: { type: 'string' },
      schedule: { type: 'string' },
      retention: { type: 'string', default: '3' },
      keep: { type: 'string', default: '' },
      limit: { type: 'string', multiple: true, default: [] },
      verify: { type: 'string', default: 'sample' },
      'on-broken-chain': { type: 'string', default: 'full' },
      network: { type: 'string', multiple: true, default: [] },
      trust: { type: 'string', multiple: true, default: [] },
      'exclude-disk': { type: 'string', multiple: true, default: [] },
      wait: { type: 'string', default: '5m' },
      'dry-run': { type: 'boolean', default: false },
      memory: { type: 'boolean', default: false },
      'allow-insecure-nbd': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const vm = uuidArgument(values.vm, '--vm')
  const srs = srArguments(values.sr)
  const job = values.job === undefined ? jobOf(vm, srs[0] as string) : uuidArgument(values.job, '--job')
  const verify = VERIFY_MODES.find((mode) => mode === values.verify)
  const onBrokenChain = BROKEN_CHAIN.find((policy) => policy === values['on-broken-chain'])
  if (onBrokenChain === undefined)
    throw new UsageError(`--on-broken-chain is one of ${BROKEN_CHAIN.join(', ')}, not ${values['on-broken-chain']}`)
  if (verify === undefined) throw new UsageError(`--verify is one of ${VERIFY_MODES.join(', ')}, not ${values.verify}`)
  return {
    from: poolArgument(values.from, '--from'),
    targets: targetArguments(values.to ?? [], srs),
    vm,
    job,
    schedule: values.schedule === undefined ? job : uuidArgument(values.schedule, '--schedule'),
    limits: values.limit.map(limitRule),
    retention: retentionRule(values.retention, values.keep),
    verify,
    onBrokenChain,
    networks: values.network.map(networkArgument),
    trust: values.trust,
    excludeDisks: values['exclude-disk'].map((disk) =>
      /^\d{1,3}$/.test(disk) ? String(Number(disk)) : uuidArgument(disk, '--exclude-disk'),
    ),
    waitMs: waitArgument(values.wait),
    dryRun: values['dry-run'],
    allowInsecureNbd: values['allow-insecure-nbd'],
    memory: values.memory,
    json: values.json,
  }
}

/** Bytes; undefined: the default. For tests, and for hosts where an upload costs less than about a second. */
function leastSegment(text: string | undefined): Pick<RunOptions, 'leastSegment'> {
  if (text === undefined || text === '') return {}
  const bytes = Number(text)
  if (!Number.isSafeInteger(bytes) || bytes < MIB)
    throw new UsageError(`UNDERSTUDY_LEAST_SEGMENT is a number of bytes from ${MIB}, not '${text}'`)
  return { leastSegment: bytes }
}

function waitArgument(text: string): number {
  const minutes = parseMinutes(text)
  if (minutes === undefined || minutes > 1440) throw new UsageError(`--wait takes a time up to a day, such as 10m or 2h, not '${text}'`)
  return minutes * 60_000
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
