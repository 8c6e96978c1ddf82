/** Plans and reports of runs as text for people. */
import type { DiskPlan, VmRunPlan } from '../core/plan.ts'
import type { DiskReport, MemoryReport, RunReport } from '../core/report.ts'
import { formatBytes, formatSeconds } from './sizes.ts'

export function formatPlan(plan: VmRunPlan): string {
  const lines = [
    `Plan for "${plan.vm.name}" (${plan.vm.uuid}) to "${plan.targetSr.name}"`,
    plan.replica.kind === 'create' ? '  replica: a new VM is made' : `  replica: ${plan.replica.uuid}`,
    ...plan.disks.map(planLine),
    ...(plan.memory?.kind === 'carry' ? ['  memory: the source snapshot is a checkpoint, and its memory is sent whole'] : []),
    ...plan.vifs.map(
      ({ device, targetNetwork, reason }) => `  interface ${device}: ${targetNetwork ?? 'left disconnected'} (${reason.text})`,
    ),
    ...plan.dropDisks.map(({ userdevice, uuid, reason }) => `  replica's disk ${userdevice} (${uuid}) goes: ${reason}`),
    ...plan.removals.map(
      ({ side, when, name, reason, keptFor }) =>
        `  ${keptFor === undefined ? 'removed' : 'let go, kept for another target,'} ${when === 'before' ? 'first' : 'afterwards'} on the ${side}: ${name} (${reason})`,
    ),
    ...plan.warnings.map(({ text, avoid }) => `  warning: ${text}${avoid ? `; ${avoid}` : ''}`),
  ]
  return `${lines.join('\n')}\n`
}

function planLine(disk: DiskPlan): string {
  const head = `  disk ${disk.userdevice} "${disk.name}": ${disk.mode}`
  if (disk.mode === 'skipped') return `${head} (${disk.reason.text})`
  const { landing } = disk.choice
  const onto = {
    'in-place': "onto the replica's disk",
    continue: "onto the replica's disk, over what a broken run wrote",
    clone: "onto a clone of the restore point's disk",
    create: 'onto a new disk',
    repair: "onto a clone of the restore point's disk, by comparing both sides",
    resume: 'onto the disk that an interrupted run began to write',
  }[landing.kind]
  const inUse = disk.expectedBytes === undefined ? '' : `, of which at most ${formatBytes(disk.expectedBytes)} in use`
  const why = landing.kind === 'clone' ? `; ${landing.why.text}` : ''
  return `${head} ${onto}, ${formatBytes(disk.size)}${inUse} (${disk.reason.text}${why})${disk.reason.avoid ? ` — to avoid it: ${disk.reason.avoid}` : ''}`
}

export function formatReport(report: RunReport): string {
  const { totals, together } = report
  const read =
    together === undefined ? `${formatBytes(totals.bytesRead)} read` : `${formatBytes(together.bytesRead)} read for all targets together`
  const lines = [
    `Replicated "${report.vm.name}" to "${report.sr.name}" in ${formatSeconds(report.seconds)}: ` +
      `${formatBytes(totals.changedBytes)} changed, ${read}, ${formatBytes(totals.bytesSent)} sent`,
    ...report.disks.flatMap(reportLines),
    ...(report.memory === undefined ? [] : memoryLines(report.memory)),
    `  restore point: "${report.restorePoint.name}" (${report.restorePoint.uuid})`,
    ...report.warnings.map(({ text, avoid }) => `  warning: ${text}${avoid ? `; ${avoid}` : ''}`),
  ]
  return `${lines.join('\n')}\n`
}

function memoryLines({ bytesSent, seconds, read, written, verify, fallbacks }: MemoryReport): string[] {
  const verified = verify === undefined ? '' : `, verified (${verify.mode}: ${formatBytes(verify.bytes)})`
  return [
    `  memory: ${formatBytes(bytesSent)} sent in ${formatSeconds(seconds)} by ${read ?? 'nothing'} → ${written ?? 'nothing to write'}${verified}`,
    ...fallbacks.map(({ text, avoid }) => `      not the best way: ${text}${avoid ? `; ${avoid}` : ''}`),
  ]
}

function reportLines(disk: DiskReport): string[] {
  const head = `  disk ${disk.userdevice} "${disk.name}"`
  if (disk.mode === 'skipped') return [`${head}: skipped (${disk.reason.text})`]
  const way =
    disk.read === undefined
      ? 'nothing had changed'
      : `${formatBytes(disk.bytesSent)} sent in ${formatSeconds(disk.seconds)} by ${disk.read} → ${disk.written ?? 'nothing to write'}`
  const verified =
    disk.verify === undefined
      ? ''
      : `, verified (${disk.verify.mode}: ${formatBytes(disk.verify.bytes)}${disk.verify.mode === 'full' ? `, sha256 ${disk.verify.source.slice(0, 16)}…` : ''})`
  return [
    `${head}: ${disk.mode}, ${way}${verified} (${disk.reason.text})`,
    ...disk.fallbacks.map(({ text, avoid }) => `      not the best way: ${text}${avoid ? `; ${avoid}` : ''}`),
  ]
}
