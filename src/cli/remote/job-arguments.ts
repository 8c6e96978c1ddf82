/** Options that describe a job, its schedules and settings, and what is made of them. */
import { parseBandwidthRule } from '../../core/bandwidth.ts'
import type { JobSettings, ScheduleSpec, Selection, Target, Timing, VmSelector } from '../../core/control/job.ts'
import { VERIFY_MODES } from '../../core/report.ts'
import { RETENTION_PERIODS, type RetentionRule } from '../../core/retention.ts'
import { UsageError } from '../command.ts'
import type { OptionSpec } from './action.ts'
import type { RemoteApi } from './api.ts'
import type { Given } from './given.ts'
import { findPool, findSr, findVm, type Inventories } from './names.ts'
import { parseMinutes } from './times.ts'

export const SELECTION_OPTIONS = {
  vm: { value: 'VM', multiple: true, help: 'a VM by name or uuid; POOL/VM when several pools have one of that name', completes: 'vm' },
  tag: { value: 'TAG', multiple: true, help: 'all VMs with the tag; POOL/TAG: of one pool' },
  pattern: {
    value: 'PATTERN',
    multiple: true,
    help: "all VMs whose name matches, * and ? standing for anything ('web-*'); POOL/PATTERN: of one pool",
  },
  'all-of': { value: 'POOL', multiple: true, help: 'all VMs of a pool', completes: 'pool' },
  'exclude-vm': { value: 'VM', multiple: true, help: 'but not this VM', completes: 'vm' },
  'exclude-tag': { value: 'TAG', multiple: true, help: 'but none with the tag' },
  'exclude-pattern': { value: 'PATTERN', multiple: true, help: 'but none whose name matches' },
} as const satisfies Readonly<Record<string, OptionSpec>>

export const TARGET_OPTIONS = {
  to: {
    value: 'SR',
    multiple: true,
    help: 'storage repository for the replicas, by name or uuid; POOL/SR when several have one of that name',
    completes: 'sr',
  },
} as const satisfies Readonly<Record<string, OptionSpec>>

export const SCHEDULE_OPTIONS = {
  every: { value: 'TIME', help: 'interval: 10m, 2h, 1d' },
  cron: { value: "'M H D M W'", help: 'cron expression of five fields, instead of --every' },
  'time-zone': { value: 'ZONE', help: "time zone of --cron by its IANA name, such as Europe/Oslo (this machine's)" },
  keep: { value: 'RULE', help: 'restore points to keep: a number, or last=3,hourly=24,daily=7,weekly=4,monthly=12, any of them (3)' },
} as const satisfies Readonly<Record<string, OptionSpec>>

export const SETTING_OPTIONS = {
  verify: { value: 'MODE', help: 'off, sample, changed or full: what is read back after a run (sample)', completes: VERIFY_MODES },
  'on-broken-chain': {
    value: 'POLICY',
    help: 'full, refuse or repair: what to do when a disk can not be continued by a delta (full)',
    completes: ['full', 'refuse', 'repair'],
  },
  limit: { value: 'RATE', multiple: true, help: "bandwidth: 20MiB/s, or 20MiB/s@08:00-18:00 in the server's time" },
  network: { value: 'SRC=DST', multiple: true, help: "network of the source by uuid, and the target's that stands for it, or none" },
  'exclude-disk': { value: 'UUID', multiple: true, help: 'leave a disk out' },
  'vms-at-once': { value: 'N', help: 'VMs of one run at once (2)' },
  'disks-at-once': { value: 'N', help: 'disks of one VM at once (4)' },
  retries: { value: 'N', help: 'more attempts within a run after a failure that may pass (2)' },
  'time-limit': { value: 'TIME', help: 'cancel the run of a VM that takes longer (1d)' },
  'wait-for-vm': { value: 'TIME', help: 'wait so long for a VM under migration, or a chain that coalesces (5m)' },
  rpo: { value: 'TIME', help: 'age of the newest restore point that is too old: 30m, 1d; auto: made of the schedules (auto)' },
  'allow-insecure-nbd': {
    value: 'YES/NO',
    help: 'read over NBD in clear text where a pool offers nothing else (no)',
    completes: ['yes', 'no'],
  },
  memory: { value: 'YES/NO', help: 'carry the memory of running VMs too (no)', completes: ['yes', 'no'] },
  notify: { value: 'YES/NO', help: 'send notifications (yes)', completes: ['yes', 'no'] },
} as const satisfies Readonly<Record<string, OptionSpec>>

/** What to include and exclude, each only when an option says something of it. */
export async function selectionOf(api: RemoteApi, inventories: Inventories, given: Given): Promise<Partial<Selection>> {
  const include: VmSelector[] = []
  const exclude: VmSelector[] = []
  for (const [prefix, list] of [
    ['', include],
    ['exclude-', exclude],
  ] as const) {
    for (const text of given.list(`${prefix}vm`)) {
      const { pool, vm } = await findVm(inventories, text)
      list.push({ kind: 'vm', pool: pool.id, vm: vm.uuid })
    }
    for (const text of given.list(`${prefix}tag`)) {
      const { pool, rest } = await poolPrefix(api, text)
      list.push({ kind: 'tag', pool, tag: rest })
    }
    for (const text of given.list(`${prefix}pattern`)) {
      const { pool, rest } = await poolPrefix(api, text)
      list.push({ kind: 'name', pool, pattern: rest })
    }
  }
  for (const text of given.list('all-of')) include.push({ kind: 'pool', pool: (await findPool(api, text)).id })
  return { ...(include.length === 0 ? {} : { include }), ...(exclude.length === 0 ? {} : { exclude }) }
}

/** Tags and patterns may hold slashes: only a known pool in front of one counts. */
async function poolPrefix(api: RemoteApi, text: string): Promise<{ readonly pool: string | null; readonly rest: string }> {
  const slash = text.indexOf('/')
  if (slash < 1) return { pool: null, rest: text }
  const pool = (await api.pools.list()).find(({ name, id }) => name === text.slice(0, slash) || id === text.slice(0, slash))
  return pool === undefined ? { pool: null, rest: text } : { pool: pool.id, rest: text.slice(slash + 1) }
}

export async function targetsOf(inventories: Inventories, given: Given): Promise<readonly Target[]> {
  const targets: Target[] = []
  for (const text of given.list('to')) {
    const { pool, sr } = await findSr(inventories, text)
    targets.push({ pool: pool.id, sr: sr.uuid })
  }
  return targets
}

/** undefined: neither --every nor --cron. */
export function timingOf(given: Given): Timing | undefined {
  const [every, cron, timeZone] = [given.text('every'), given.text('cron'), given.text('time-zone')]
  if (every !== undefined && cron !== undefined) throw new UsageError('--every and --cron exclude each other')
  if (timeZone !== undefined && cron === undefined) throw new UsageError('--time-zone goes with --cron')
  if (cron !== undefined) {
    if (cron.trim().split(/\s+/).length !== 5) throw new UsageError("--cron takes five fields in one argument: --cron '0 2 * * *'")
    return { kind: 'cron', expression: cron.trim(), timeZone: timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone }
  }
  return every === undefined ? undefined : { kind: 'interval', minutes: minutes('every', every, 10_080) }
}

function minutes(option: string, text: string, most: number): number {
  const value = parseMinutes(text)
  if (value === undefined || value < 1 || value > most)
    throw new UsageError(`--${option} takes a time such as 10m, 2h or 1d, not '${text}'`)
  return value
}

/** `3`, `last=3,daily=7`. Without `last` one is kept in any case. */
export function retentionOf(text: string): RetentionRule {
  const rule: { last: number } & { -readonly [P in (typeof RETENTION_PERIODS)[number]]?: number } = { last: 1 }
  for (const part of text.split(',')) {
    const [name, number, ...more] = /^\d+$/.test(part.trim()) ? ['last', part.trim()] : part.split('=').map((each) => each.trim())
    const kind = (['last', ...RETENTION_PERIODS] as const).find((candidate) => candidate === name)
    const count = /^\d+$/.test(number ?? '') ? Number(number) : Number.NaN
    if (kind === undefined || more.length > 0 || !(count >= 1 && count <= 1000))
      throw new UsageError(`--keep takes a number, or last=N,${RETENTION_PERIODS.map((each) => `${each}=N`).join(',')}, not '${text}'`)
    rule[kind] = count
  }
  return rule
}

/** Only what an option says something of. */
export function settingsOf(given: Given): JobSettings {
  const verify = given.choice('verify', VERIFY_MODES)
  const onBrokenChain = given.choice('on-broken-chain', ['full', 'refuse', 'repair'])
  const limits = given.list('limit')
  const wrong = limits.find((rule) => parseBandwidthRule(rule) === undefined)
  if (wrong !== undefined) throw new UsageError(`--limit takes a rate such as 20MiB/s or 20MiB/s@08:00-18:00, not '${wrong}'`)
  const networks = given.list('network').map(networkPair)
  const excludeDisks = given.list('exclude-disk')
  const yesNo = (option: string): boolean | undefined => {
    const answer = given.choice(option, ['yes', 'no'])
    return answer === undefined ? undefined : answer === 'yes'
  }
  const time = (option: string, most: number) => {
    const text = given.text(option)
    return text === undefined ? undefined : minutes(option, text, most)
  }
  const rpo = given.text('rpo')
  const settings: JobSettings = {
    ...(limits.length === 0 ? {} : { limits }),
    ...(networks.length === 0 ? {} : { networks: Object.fromEntries(networks) }),
    ...(excludeDisks.length === 0 ? {} : { excludeDisks }),
    ...(rpo === undefined ? {} : { rpoMinutes: rpo === 'auto' ? null : minutes('rpo', rpo, 527_040) }),
  }
  const single = {
    verify,
    onBrokenChain,
    vmsAtOnce: given.number('vms-at-once', 1, 64),
    disksAtOnce: given.number('disks-at-once', 1, 64),
    retries: given.number('retries', 0, 10),
    timeoutMinutes: time('time-limit', 43_200),
    waitMinutes: time('wait-for-vm', 1440),
    allowInsecureNbd: yesNo('allow-insecure-nbd'),
    memory: yesNo('memory'),
    notify: yesNo('notify'),
  }
  return { ...settings, ...Object.fromEntries(Object.entries(single).filter(([, value]) => value !== undefined)) }
}

function networkPair(text: string): [string, string | null] {
  const [from, to, ...more] = text.split('=')
  if (!from || !to || more.length > 0) throw new UsageError(`--network takes SOURCE=TARGET or SOURCE=none, not '${text}'`)
  return [from, to === 'none' ? null : to]
}

/** A schedule as options describe it; `usual`: what is left out, as far as there is something. */
export function scheduleOf(given: Given, name: string, enabled: boolean): ScheduleSpec {
  const timing = timingOf(given)
  if (timing === undefined) throw new UsageError('when? give --every TIME or --cron EXPRESSION')
  return { name, enabled, timing, retention: retentionOf(given.text('keep') ?? '3'), settings: {} }
}
