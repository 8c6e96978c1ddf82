/** Plans and reports of failovers, for people. */

import type { Reason } from '../../core/base.ts'
import { macClashes } from '../../core/failover/copy-networks.ts'
import type { ReprotectPlan } from '../../core/failover/reprotect.ts'
import type { TakeOverPlan } from '../../core/failover/take-over.ts'
import type { CopyPlan } from '../../replication/failover/clone.ts'
import type { ReprotectReport } from '../../replication/failover/reprotect.ts'
import type { Fenced } from '../../replication/failover/source-look.ts'
import type { TakeOverReport } from '../../replication/failover/take-over.ts'
import type { TestReport } from '../../replication/failover/test-failover.ts'
import { formatReport } from '../replicate-report.ts'
import { formatSeconds } from '../sizes.ts'

export const shortTime = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')} UTC`

export function formatCopyPlan({ name, point, vifs, memory }: CopyPlan): string {
  const lines = [
    `"${name}" of restore point "${point.name}", taken ${shortTime(point.takenAt)}`,
    ...vifs.map(({ device, reason }) => `  interface ${device}: ${reason.text}`),
    ...(vifs.length === 0 ? ['  no interfaces'] : []),
    ...macClashes(vifs).map(({ text, avoid }) => `  note: ${text} (to avoid it: ${avoid})`),
    ...(memory ? ['  suspended, with its memory: xe vm-resume makes it go on'] : []),
  ]
  return `${lines.join('\n')}\n`
}

export function formatTest(report: TestReport): string {
  const { seconds } = report
  const lines = [
    ...report.evidence.map(({ ok, check, text, seconds: at }) => `  ${ok ? '✓' : '✗'} ${check} after ${formatSeconds(at)}: ${text}`),
    // Told with the plan.
    ...report.warnings
      .filter(({ code }) => code !== 'mac-clash')
      .map(({ text, avoid }) => `  note: ${text}${avoid === undefined ? '' : ` (${avoid})`}`),
    `${report.outcome === 'ready' ? 'The VM came up' : 'The VM did not come up'}: ${formatSeconds(seconds.total)} from the beginning (clone ${formatSeconds(seconds.clone)}, start ${formatSeconds(seconds.start)}, ready ${formatSeconds(seconds.ready)}).`,
    `A failover at that moment would have lost what was written in the ${formatSeconds(report.lossSeconds)} before.`,
    report.removed
      ? 'Everything was removed again.'
      : `Kept: VM ${report.vm?.uuid}. Remove it with: understudy failover cleanup --test ${report.id}`,
  ]
  return `${formatCopyPlan(report.plan)}${lines.join('\n')}\n`
}

const told = (heading: string, reasons: readonly Reason[]): string[] =>
  reasons.length === 0
    ? []
    : [heading, ...reasons.map(({ text, avoid }) => `  - ${text}${avoid === undefined ? '' : ` (to avoid it: ${avoid})`}`)]

export function formatTakeOverPlan(plan: TakeOverPlan): string {
  const { point, vifs } = plan
  const lines = [
    `Failover (${plan.kind}) of VM ${plan.chain.vm} to restore point "${point.name}" of ${shortTime(point.takenAt)}`,
    ...(plan.continues ? ['A failover that was begun and not finished is continued.'] : []),
    ...told('What happens:', plan.happens),
    ...vifs.map(({ device, reason }) => `  - interface ${device}: ${reason.text}`),
    ...told('What is lost:', plan.lost),
    ...told('What it costs:', plan.costs),
    ...told('Look at this:', plan.warnings),
  ]
  return `${lines.join('\n')}\n`
}

export function formatTakeOver({ vm, seconds, evidence, warnings, ready, plan }: TakeOverReport): string {
  const shown = new Set(plan.warnings)
  const lines = [
    ...evidence.map(({ ok, check, text, seconds: at }) => `  ${ok ? '✓' : '✗'} ${check} after ${formatSeconds(at)}: ${text}`),
    ...told(
      'Look at this:',
      warnings.filter((warning) => !shown.has(warning)),
    ),
    `"${vm.name}" (${vm.uuid}) ${ready === false ? 'was started but is not up' : ready ? 'is up' : 'was started'}, ${formatSeconds(seconds.total)} after the beginning.`,
  ]
  return `${lines.join('\n')}\n`
}

export function formatReprotectPlan({ failedOver, kind, reason, happens, costs, disks, original }: ReprotectPlan): string {
  const how = { delta: 'only what changed is sent', compare: 'both sides are compared, what differs is sent', full: 'it is sent whole' }
  const lines = [
    `"${failedOver.name}" (${failedOver.uuid}) is protected in the other direction${original === undefined ? '' : `; its original is ${original.powerState.toLowerCase()}`}`,
    reason.code === 'turned-already'
      ? `${reason.text[0]?.toUpperCase()}${reason.text.slice(1)}.`
      : `${kind === 'in-place' ? 'The original is updated in place' : kind === 'beside' ? 'A new VM is made beside the original' : 'A new VM is made'}: ${reason.text}`,
    ...told('What happens:', happens),
    ...(reason.code === 'turned-already' ? [] : disks.map(({ userdevice, how: way }) => `  - disk ${userdevice}: ${how[way]}`)),
    ...told('What it costs:', costs),
  ]
  return `${lines.join('\n')}\n`
}

export function formatTurned({ plan, run, networks }: ReprotectReport): string {
  const pairs = [...networks].map(([from, to]) => ` --network ${from}=${to ?? 'none'}`).join('')
  const { job, vm, sr } = plan.chain
  return `${formatReport(run)}Further runs: understudy replicate --from HERE --vm ${vm} --to THERE --sr ${sr} --job ${job}${pairs}\n`
}

const ORIGINALS: Readonly<Record<Fenced['state'], string>> = {
  blocked: 'its start is blocked now',
  'was-blocked': 'it can not be started by accident',
  replica: 'it is the replica of what took over',
  runs: 'RUNS: two VMs with one identity. See which of them is worked with, and shut the other down',
  'can-start': 'nothing keeps it from being started: understudy failover fence',
  gone: 'it is not there any more',
}

export const formatFenced = ({ vm, name, state }: Fenced): string =>
  `  original ${name === undefined ? vm : `"${name}" (${vm})`}: ${ORIGINALS[state]}`
