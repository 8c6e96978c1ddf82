/** Recovery plans: which VMs, in which order, and when they count as up; what came of it, as data and for an auditor. Pure. */
import type { Evidence, ReadinessCheck } from './failover/readiness.ts'
import { parseCheck } from './failover/readiness.ts'

export interface PlannedVm {
  /** uuids: of the source VM, of the storage repository that its replica is on, of the job. */
  readonly vm: string
  readonly sr: string
  readonly job: string | undefined
  readonly checks: readonly ReadinessCheck[]
  readonly timeoutMs: number
}

export interface PlanGroup {
  readonly name: string
  /** Seconds to wait before it begins. */
  readonly delay: number
  /** Programs on this machine, run before the first VM starts and after the last one is up. */
  readonly before: string | undefined
  readonly after: string | undefined
  readonly vms: readonly PlannedVm[]
}

export interface RecoveryPlan {
  readonly name: string
  readonly onFailure: 'stop' | 'continue'
  /** Network of the replicas → network, or null; by uuid. */
  readonly networks: ReadonlyMap<string, string | null>
  readonly groups: readonly PlanGroup[]
}

export type RecoveryMode = 'test' | 'planned' | 'now'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

class Wrong extends Error {}

/** Of a file's text; `problem` names the place that is wrong. */
export function parseRecoveryPlan(text: string): { readonly plan: RecoveryPlan } | { readonly problem: string } {
  try {
    return { plan: readPlan(JSON.parse(text)) }
  } catch (error) {
    if (error instanceof Wrong) return { problem: error.message }
    if (error instanceof SyntaxError) return { problem: `it is no JSON: ${error.message}` }
    throw error
  }
}

type Fields = Readonly<Record<string, unknown>>

function fields(value: unknown, where: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong(`${where} is no object`)
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new Wrong(`${where} has a field "${unknown}" that nobody knows`)
  return value as Fields
}

function list(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw new Wrong(`${where} is no list with something in it`)
  return value
}

function text(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw new Wrong(`${where} is no text`)
  return value
}

function uuid(value: unknown, where: string): string {
  const found = text(value, where).toLowerCase()
  if (!UUID.test(found)) throw new Wrong(`${where} is no uuid`)
  return found
}

function seconds(value: unknown, where: string, fallback: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !(value >= 0) || value > 86_400) throw new Wrong(`${where} is no number of seconds up to a day`)
  return value
}

function checks(value: unknown, where: string, fallback: readonly ReadinessCheck[]): readonly ReadinessCheck[] {
  if (value === undefined) return fallback
  return list(value, where).map((each) => {
    const check = typeof each === 'string' ? parseCheck(each) : undefined
    if (check === undefined)
      throw new Wrong(
        `${where} has ${JSON.stringify(each)}, which is none of tools, address, tcp:PORT, tcp:HOST:PORT, script:/PATH, running`,
      )
    return check
  })
}

function readPlan(value: unknown): RecoveryPlan {
  const plan = fields(value, 'the plan', ['name', 'onFailure', 'networks', 'ready', 'readyTimeout', 'groups'])
  const onFailure = plan.onFailure ?? 'stop'
  if (onFailure !== 'stop' && onFailure !== 'continue') throw new Wrong('onFailure is neither "stop" nor "continue"')
  const ready = checks(plan.ready, 'ready', [{ kind: 'tools' }])
  const timeout = seconds(plan.readyTimeout, 'readyTimeout', 300)
  const networks = plan.networks === undefined ? {} : fields(plan.networks, 'networks', Object.keys(plan.networks as object))
  const seen = new Set<string>()
  const groups = list(plan.groups, 'groups').map((each, nth): PlanGroup => {
    const where = `groups[${nth}]`
    const group = fields(each, where, ['name', 'delay', 'before', 'after', 'vms'])
    return {
      name: group.name === undefined ? `group ${nth + 1}` : text(group.name, `${where}.name`),
      delay: seconds(group.delay, `${where}.delay`, 0),
      before: group.before === undefined ? undefined : text(group.before, `${where}.before`),
      after: group.after === undefined ? undefined : text(group.after, `${where}.after`),
      vms: list(group.vms, `${where}.vms`).map((one, at): PlannedVm => {
        const place = `${where}.vms[${at}]`
        const vm = fields(one, place, ['vm', 'sr', 'job', 'ready', 'readyTimeout'])
        const id = uuid(vm.vm, `${place}.vm`)
        if (seen.has(id)) throw new Wrong(`${place}.vm is in the plan already`)
        seen.add(id)
        return {
          vm: id,
          sr: uuid(vm.sr, `${place}.sr`),
          job: vm.job === undefined ? undefined : uuid(vm.job, `${place}.job`),
          checks: checks(vm.ready, `${place}.ready`, ready),
          timeoutMs: seconds(vm.readyTimeout, `${place}.readyTimeout`, timeout) * 1000,
        }
      }),
    }
  })
  return {
    name: text(plan.name, 'name'),
    onFailure,
    networks: new Map(
      Object.entries(networks).map(([from, to]) => [uuid(from, 'a key of networks'), to === null ? null : uuid(to, `networks[${from}]`)]),
    ),
    groups,
  }
}

export interface TimelineEntry {
  /** ISO 8601. */
  readonly at: string
  readonly group: string
  /** uuid of the source VM; absent: of the group itself. */
  readonly vm?: string
  readonly what: 'wait' | 'script' | 'start' | 'up' | 'failed' | 'skipped'
  readonly text: string
}

export interface VmResult {
  readonly group: string
  readonly vm: string
  readonly outcome: 'up' | 'failed' | 'skipped'
  readonly name: string | undefined
  /** uuid of what runs (or ran). */
  readonly runs: string | undefined
  readonly point: { readonly uuid: string; readonly takenAt: string } | undefined
  readonly lossSeconds: number | undefined
  /** From its start to being up. */
  readonly seconds: number | undefined
  readonly evidence: readonly Evidence[]
  readonly text: string
}

export interface RecoveryReport {
  readonly kind: 'recovery'
  readonly id: string
  readonly plan: string
  readonly mode: RecoveryMode
  readonly startedAt: string
  readonly endedAt: string
  readonly seconds: number
  readonly ok: boolean
  readonly vms: readonly VmResult[]
  readonly timeline: readonly TimelineEntry[]
  /** Of a test. */
  readonly removed: boolean
}

const MODES: Readonly<Record<RecoveryMode, string>> = { test: 'Test', planned: 'Planned failover', now: 'Unplanned failover' }
const cell = (value: string) => value.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')

/** A document to keep: what was to be done, what was done when, what proves it. */
export function formatRecoveryReport(report: RecoveryReport): string {
  const up = report.vms.filter(({ outcome }) => outcome === 'up').length
  const lines = [
    `# ${MODES[report.mode]} of recovery plan "${report.plan}"`,
    '',
    `- Result: **${report.ok ? 'passed' : 'not passed'}**, ${up} of ${report.vms.length} VMs up`,
    `- From ${report.startedAt} to ${report.endedAt} (${report.seconds.toFixed(1)} s)`,
    `- Number: ${report.id}`,
    ...(report.mode === 'test' ? [`- Afterwards ${report.removed ? 'everything was removed' : 'the VMs were left there'}`] : []),
    '',
    '| group | VM | outcome | up after | restore point of | data lost at most | evidence |',
    '|---|---|---|---|---|---|---|',
    ...report.vms.map((vm) => {
      const evidence = vm.evidence.map(({ check, ok, text: said }) => `${check}: ${ok ? 'yes' : 'no'}, ${said}`).join('; ')
      const columns = [
        vm.group,
        vm.name === undefined ? vm.vm : `${vm.name} (${vm.vm})`,
        vm.outcome,
        vm.seconds === undefined ? '' : `${vm.seconds.toFixed(1)} s`,
        vm.point?.takenAt ?? '',
        vm.lossSeconds === undefined ? '' : `${Math.round(vm.lossSeconds)} s`,
        vm.outcome === 'up' ? evidence : [vm.text, evidence].filter((said) => said !== '').join('; '),
      ]
      return `| ${columns.map(cell).join(' | ')} |`
    }),
    '',
    '## Timeline',
    '',
    ...report.timeline.map(
      ({ at, group, vm, what, text: said }) =>
        `- ${at} ${group === '' ? 'plan' : cell(group)}${vm === undefined ? '' : ` ${vm}`}: ${what}, ${cell(said)}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
