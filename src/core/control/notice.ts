/** What is told to people, and in which words. Pure. */
import { span } from './judge-protection.ts'
import type { Alert } from './notification.ts'
import type { Protection, ProtectionState } from './protection.ts'
import type { Run } from './run-record.ts'

/** One thing to be told; several are told together. */
export type Notice =
  | { readonly kind: 'opened'; readonly alert: Alert }
  | { readonly kind: 'recovered'; readonly alert: Alert }
  | { readonly kind: 'report'; readonly report: DailyReport }
  | { readonly kind: 'test' }

export interface DailyReport {
  /** `YYYY-MM-DD`, local. */
  readonly date: string
  readonly counts: Readonly<Partial<Record<ProtectionState, number>>>
  readonly runs: Readonly<Partial<Record<Run['state'], number>>>
  readonly bytesSent: number
  /** Missed and at risk, the worst first; not more than fifty. */
  readonly worst: readonly { readonly vm: string; readonly job: string; readonly state: ProtectionState; readonly reason: string }[]
  readonly openAlerts: readonly string[]
}

export interface Message {
  readonly subject: string
  readonly text: string
}

/** @param notices at least one, oldest first */
export function composeMessage(notices: readonly Notice[]): Message {
  const opened = notices.filter((notice) => notice.kind === 'opened')
  const recovered = notices.filter((notice) => notice.kind === 'recovered')
  const reports = notices.filter((notice) => notice.kind === 'report')
  const said = [
    ...(opened.length === 1 ? [opened[0]?.alert.subject ?? ''] : opened.length > 1 ? [`${opened.length} problems`] : []),
    ...(recovered.length === 1
      ? [`recovered: ${recovered[0]?.alert.subject}`]
      : recovered.length > 1
        ? [`${recovered.length} recovered`]
        : []),
    ...reports.map(({ report }) => `daily report of ${report.date}`),
    ...(notices.some(({ kind }) => kind === 'test') ? ['test message'] : []),
  ]
  const parts = [
    ...(opened.length === 0 ? [] : [`Problems\n\n${opened.map(({ alert }) => describe(alert)).join('\n\n')}`]),
    ...(recovered.length === 0 ? [] : [`Recovered\n\n${recovered.map(({ alert }) => recoveredLine(alert)).join('\n')}`]),
    ...reports.map(({ report }) => describeReport(report)),
    ...(notices.some(({ kind }) => kind === 'test') ? ['This is a test: notifications of Understudy arrive here.'] : []),
  ]
  return { subject: oneLine(`[Understudy] ${said.join(', ')}`), text: `${parts.join('\n\n')}\n` }
}

function describe({ subject, text, hint, openedAt }: Alert): string {
  return [
    `- ${oneLine(subject)}`,
    `  ${oneLine(text, 2000)}`,
    ...(hint === '' ? [] : [`  What to do: ${hint}`]),
    `  Since ${openedAt}`,
  ].join('\n')
}

function recoveredLine({ subject, openedAt, closedAt }: Alert): string {
  const lasted = closedAt === null ? '' : ` (it lasted ${span(Math.max(0, Date.parse(closedAt) - Date.parse(openedAt)))})`
  return `- ${oneLine(subject)}${lasted}`
}

function describeReport({ date, counts, runs, bytesSent, worst, openAlerts }: DailyReport): string {
  const list = (of: Readonly<Record<string, number | undefined>>) =>
    Object.entries(of)
      .filter(([, count]) => count !== undefined && count > 0)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || 'none'
  return [
    `Report of ${date}`,
    '',
    `VMs: ${list(counts)}`,
    `Runs of the last 24 hours: ${list(runs)}; ${(bytesSent / 1024 ** 3).toFixed(1)} GiB sent`,
    ...(worst.length === 0
      ? []
      : ['', 'Need a look:', ...worst.map(({ vm, job, state, reason }) => `- ${vm} (${job}) ${state}: ${reason}`)]),
    ...(openAlerts.length === 0 ? ['', 'No open alerts.'] : ['', 'Open alerts:', ...openAlerts.map((subject) => `- ${subject}`)]),
  ].join('\n')
}

/** Names of VMs come from elsewhere: none makes another header of a mail, or another line. */
function oneLine(text: string, most = 200): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be taken out
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, most)
}

const BADNESS: readonly ProtectionState[] = ['missed', 'at-risk']

export function worstProtections(protections: readonly Protection[]): DailyReport['worst'] {
  return protections
    .filter(({ state }) => BADNESS.includes(state))
    .sort(
      (a, b) =>
        BADNESS.indexOf(a.state) - BADNESS.indexOf(b.state) || (b.achievedRpoSeconds ?? Infinity) - (a.achievedRpoSeconds ?? Infinity) || 0,
    )
    .slice(0, 50)
    .map(({ vm, jobName, state, reason }) => ({ vm: vm.name, job: jobName ?? '', state, reason }))
}
