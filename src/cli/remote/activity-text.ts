/** Activities and previews, for people. */
import type { Reason } from '../../core/base.ts'
import type { Activity, ActivityDetail, ActivityResult } from '../../core/control/activity.ts'
import type { FailoverPreview } from '../../core/control/failover-request.ts'
import type { PlanPreview, PlanProblem } from '../../core/control/recovery-plan-record.ts'
import { amountText } from '../progress-bar.ts'
import { formatBytes, formatSeconds } from '../sizes.ts'
import { type Column, facts } from './table.ts'
import { when } from './times.ts'

export const subjectText = ({ subject: { vm, plan, seed, target } }: Pick<Activity, 'subject'>): string =>
  vm?.name ?? plan?.name ?? seed ?? target?.pool ?? ''

export function activityColumns(now: number, exact: boolean): readonly Column<Activity>[] {
  return [
    { title: 'ID', value: ({ id }) => (exact ? id : id.slice(0, 8)) },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'OF', value: subjectText, shrinks: true },
    { title: 'STATE', value: ({ state }) => state, state: true },
    { title: 'BEGUN', value: ({ queuedAt }) => when(queuedAt, now, exact) },
    { title: 'BY', value: ({ by }) => by.name, shrinks: true },
    { title: 'NOW', value: (activity) => nowText(activity), shrinks: true },
  ]
}

/** What it does at this moment, or what came of it. */
export function nowText({ state, stage, progress, waitingFor, error, result }: Activity): string {
  if (error !== null) return error.message
  if (result !== null) return resultText(result)
  if (waitingFor !== null) return `waits for ${waitingFor}`
  if (progress === null) return state === 'running' ? (stage?.text ?? 'begins') : ''
  const { what, bytesDone: done, bytesExpected, bytesPerSecond, secondsLeft } = progress
  const amount = amountText({
    done,
    expected: bytesExpected ?? undefined,
    bytesPerSecond: bytesPerSecond ?? undefined,
    secondsLeft: secondsLeft ?? undefined,
  })
  return `${stage?.text ?? what}: ${amount}`
}

/** Whether what was to be seen was seen: a test may be carried out, and its VM not come up. */
export function isWell(result: ActivityResult | null): boolean {
  switch (result?.kind) {
    case undefined:
      return false
    case 'verify':
      return result.equal
    case 'test-failover':
      return result.outcome === 'ready'
    case 'failover':
    case 'planned-failover':
      return result.ready !== false
    case 'failback':
      return result.unprotected === null
    case 'fence':
      return result.running.length === 0
    case 'plan':
      return result.ok
    default:
      return true
  }
}

export function resultText(result: ActivityResult): string {
  switch (result.kind) {
    case 'verify':
      return result.text
    case 'clone':
      return `VM ${result.vm.name} (${result.vm.uuid})`
    case 'test-failover':
      return `${result.outcome === 'ready' ? 'it came up' : 'it did NOT come up'} after ${formatSeconds(result.rtoSeconds)}; ${formatSeconds(result.lossSeconds)} would have been lost`
    case 'clean-up':
      return result.vms.length === 0 ? 'there was nothing' : `removed ${result.vms.join(', ')}`
    case 'fence':
      return fenceText(result)
    case 'failover':
      return `${result.vm.name} (${result.vm.uuid}) ${result.ready === false ? 'was started and is NOT up' : 'took over'} after ${formatSeconds(result.rtoSeconds)}`
    case 'planned-failover':
      return `${result.vm.name} (${result.vm.uuid}) took over; down for ${formatSeconds(result.downSeconds)}, nothing lost`
    case 'undo-failover':
      return result.removed ? 'the clone is gone' : `${result.vm.name} is a replica again`
    case 'reprotect':
      return `protected in the direction back (${result.how}), ${formatBytes(result.bytesSent)} sent`
    case 'failback':
      return `${result.vm.name} is back; down for ${formatSeconds(result.downSeconds)}, ${result.unprotected === null ? 'protected as before' : `NOT protected: ${result.unprotected}`}`
    case 'plan':
      return `${result.up} of ${result.vms.length} VMs up, ${result.failed} failed, ${result.skipped} skipped`
    case 'seed-snapshot':
      return `snapshot ${result.snapshot}, to be kept until the first delta`
    case 'seed-export':
      return `${formatBytes(result.bytesStored)} in ${result.folder}, snapshot ${result.snapshot}`
    case 'seed-import':
    case 'seed-link':
      return `${result.status === 'linked' ? 'linked' : 'it was linked already'}: replica ${result.replica}`
  }
}

function fenceText({ blocked, wereBlocked, running }: Extract<ActivityResult, { readonly kind: 'fence' }>): string {
  const parts = [
    ...(running.length === 0 ? [] : [`RUNS beside what took over from it: ${running.join(', ')}`]),
    ...(blocked.length === 0 ? [] : [`can't be started any more: ${blocked.join(', ')}`]),
    ...(wereBlocked.length === 0 ? [] : [`could not be started before: ${wereBlocked.join(', ')}`]),
  ]
  return parts.length === 0 ? 'no VM of this pool has failed over' : parts.join('; ')
}

export function activityText(activity: ActivityDetail, now: number, exact: boolean): string {
  const { id, kind, state, by, cause, queuedAt, endedAt, error, canContinue, timeline, result } = activity
  const head = facts([
    ['Activity', `${id}: ${kind}${subjectText(activity) === '' ? '' : ` of ${subjectText(activity)}`}`],
    ['State', `${state}${nowText(activity) === '' ? '' : `, ${nowText(activity)}`}`],
    ['By', `${by.name}${cause.kind === 'hand' ? '' : `, ${cause.kind}`}`],
    ['Begun', when(queuedAt, now, exact)],
    ['Ended', endedAt === null ? undefined : when(endedAt, now, exact)],
    ['Hint', error === null || error.hint === '' ? undefined : error.hint],
    ['Go on', canContinue ? `understudy activity continue ${id}` : undefined],
  ])
  const evidence = result !== null && 'evidence' in result ? result.evidence : []
  const lines = [
    ...evidence.map(({ ok, check, text, seconds }) => `  ${ok ? '✓' : '✗'} ${check} after ${formatSeconds(seconds)}: ${text}`),
    ...(result?.kind === 'plan'
      ? result.vms.map(({ group, name, vm, outcome, text }) => `  ${outcome.padEnd(8)}${group}: ${name ?? vm}: ${text}`)
      : []),
    ...timeline.map(({ at, level, text }) => `${at.slice(11, 19)} ${level === 'info' ? '' : `${level}: `}${text}`),
  ]
  return `${head}${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}`
}

const told = (heading: string, reasons: readonly Reason[]): string[] =>
  reasons.length === 0
    ? []
    : [heading, ...reasons.map(({ text, avoid }) => `  - ${text}${avoid === undefined ? '' : ` (to avoid it: ${avoid})`}`)]

export function previewText({ title, point, lossSeconds, continues, happens, lost, costs, warnings, interfaces }: FailoverPreview): string {
  return [
    `${title}${point === null ? '' : `, from the restore point of ${point.takenAt}`}`,
    ...(continues ? ['One that was begun and not finished is gone on with.'] : []),
    ...told('What happens:', happens),
    ...interfaces.map(({ device, reason }) => `  - interface ${device}: ${reason.text}`),
    ...told('What is lost:', lost),
    ...(lossSeconds === null || lossSeconds === 0 ? [] : [`  (it is ${formatSeconds(lossSeconds)} old)`]),
    ...told('What it costs:', costs),
    ...told('Look at this:', warnings),
  ].join('\n')
}

export const problemLines = (problems: readonly PlanProblem[]): string[] =>
  problems.map(({ group, text, code }) => `  ${group === null ? '' : `${group}: `}${text} [${code}]`)

export function planPreviewText({ title, problems, vms, happens, lost, costs, warnings }: PlanPreview): string {
  return [
    title,
    ...told('What happens:', happens),
    ...told('What is lost:', lost),
    ...told('What it costs:', costs),
    ...told('Look at this:', warnings),
    ...(problems.length === 0 ? [] : ['What stands in the way:', ...problemLines(problems)]),
    ...vms.map(
      ({ name, lossSeconds }) =>
        `  ${name}: ${lossSeconds === null ? 'no restore point' : `restore point ${formatSeconds(lossSeconds)} old`}`,
    ),
  ].join('\n')
}
