/** A run, and a VM run, for people. */
import type { Run, VmRun, VmRunDetail } from '../../core/control/run-record.ts'
import { formatPlan, formatReport } from '../replicate-report.ts'
import { formatBytes } from '../sizes.ts'
import type { RunWithVms } from './follow-run.ts'
import { secondsOf, triggerText } from './run-outcome.ts'
import { type Column, facts, type TableOptions, table } from './table.ts'
import { duration, exactTime, when } from './times.ts'

export function runColumns(now: number, wide: boolean): readonly Column<Run>[] {
  return [
    { title: 'JOB', value: ({ jobName }) => jobName, shrinks: true },
    { title: 'SCHEDULE', value: ({ scheduleName }) => scheduleName ?? '', shrinks: true },
    { title: 'STATE', value: ({ state }) => state, state: true },
    { title: 'BEGAN', value: ({ startedAt, queuedAt }) => when(startedAt ?? queuedAt, now, wide) },
    { title: 'TOOK', value: (run) => durationOf(run, now), right: true },
    { title: 'VMS', value: ({ totals }) => `${totals.succeeded}/${totals.vms}`, right: true },
    { title: 'SENT', value: ({ totals }) => formatBytes(totals.bytesSent), right: true },
    { title: 'WHY', value: ({ trigger, dryRun }) => `${triggerText(trigger)}${dryRun ? ', dry run' : ''}`, shrinks: true },
    { title: 'ID', value: ({ id }) => (wide ? id : id.slice(0, 8)) },
  ]
}

export function vmRunColumns(now: number, wide: boolean): readonly Column<VmRun>[] {
  return [
    { title: 'VM', value: ({ vm }) => vm.name, shrinks: true },
    { title: 'STATE', value: ({ state }) => state, state: true },
    { title: 'STAGE', value: ({ stage, waitingFor }) => waitingFor ?? stage ?? '', shrinks: true },
    { title: 'TOOK', value: (vmRun) => durationOf(vmRun, now), right: true },
    { title: 'ATTEMPT', value: ({ attempt }) => String(attempt), right: true },
    { title: 'RESTORE POINT', value: ({ restorePoint }) => restorePoint?.uuid ?? '', wide: true },
    { title: 'PROBLEM', value: ({ error }) => error?.message ?? '', shrinks: true },
    { title: 'ID', value: ({ id }) => (wide ? id : id.slice(0, 8)) },
  ]
}

function durationOf(run: Run | VmRun, now: number): string {
  const seconds = secondsOf(run, now)
  return seconds === undefined ? '' : duration(seconds)
}

export function runText(run: RunWithVms, options: TableOptions): string {
  const now = Date.now()
  const { totals } = run
  const head = facts([
    ['Job', `${run.jobName}${run.scheduleName === null ? '' : `, schedule ${run.scheduleName}`}`],
    ['State', run.state],
    ['Reason', run.reason?.text],
    ['Began', when(run.startedAt ?? run.queuedAt, now, options.wide)],
    ['Took', durationOf(run, now) || undefined],
    ['Why', `${triggerText(run.trigger)}${run.dryRun ? ', dry run' : ''}`],
    ['VMs', `${totals.succeeded} of ${totals.vms} succeeded${totals.failed > 0 ? `, ${totals.failed} failed` : ''}`],
    ['Data', `${formatBytes(totals.changedBytes)} changed, ${formatBytes(totals.bytesRead)} read, ${formatBytes(totals.bytesSent)} sent`],
    ['Full', totals.fulls === 0 ? undefined : `${totals.fulls} disks went whole`],
    ['Id', run.id],
  ])
  const hints = run.vmRuns.flatMap(({ vm, error }) =>
    error === null ? [] : [`${vm.name}: ${error.message} [${error.code}]\n  ${error.hint}\n`],
  )
  const vms = run.vmRuns.length === 0 ? '' : `\n${table(run.vmRuns, vmRunColumns(now, options.wide), options)}`
  return `${head}${vms}${hints.length === 0 ? '' : `\n${hints.join('')}`}`
}

export function vmRunText(vmRun: VmRunDetail, wide: boolean): string {
  const now = Date.now()
  const head = facts([
    ['VM', `${vmRun.vm.name} (${vmRun.vm.uuid})`],
    ['State', vmRun.state],
    ['Stage', vmRun.stage ?? undefined],
    ['Waits for', vmRun.waitingFor ?? undefined],
    ['Began', when(vmRun.startedAt ?? vmRun.queuedAt, now, wide)],
    ['Took', durationOf(vmRun, now) || undefined],
    ['Attempt', String(vmRun.attempt)],
    ['Problem', vmRun.error === null ? undefined : `${vmRun.error.message} [${vmRun.error.code}] ${vmRun.error.hint}`],
    ['Restore point', vmRun.restorePoint?.uuid],
    ['Replica', vmRun.replica ?? undefined],
    ['Run', vmRun.run],
    ['Id', vmRun.id],
  ])
  const warnings = vmRun.warnings.map(({ text, avoid }) => `Warning: ${text}${avoid === undefined ? '' : ` (${avoid})`}\n`).join('')
  const how = vmRun.report !== null ? formatReport(vmRun.report) : vmRun.plan !== null ? formatPlan(vmRun.plan) : ''
  return [head + warnings, how, logText(vmRun)].filter((part) => part !== '').join('\n')
}

export function logText({ log }: VmRunDetail): string {
  return log
    .map(({ at, level, text }) => `${exactTime(Date.parse(at))}  ${level === 'info' ? '' : `${level.toUpperCase()}: `}${text}\n`)
    .join('')
}
