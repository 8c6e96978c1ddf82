/** What came of an activity, as a document to keep. Pure. */
import { formatRecoveryReport, type RecoveryReport } from '../recovery-plan.ts'
import type { ActivityDetail, ActivityKind } from './activity.ts'

const TITLES: Readonly<Record<ActivityKind, string>> = {
  verify: 'Reading back',
  clone: 'Clone',
  'test-failover': 'Test failover',
  'clean-up': 'Cleaning up after tests',
  fence: 'Keeping originals from being started',
  failover: 'Unplanned failover',
  'planned-failover': 'Planned failover',
  'undo-failover': 'Undoing a failover',
  reprotect: 'Turning protection round',
  failback: 'Failback',
  plan: 'Run of a recovery plan',
  'seed-snapshot': 'Snapshot for a seed',
  'seed-export': 'Export of a seed',
  'seed-import': 'Import of a seed',
  'seed-link': 'Linking of a seed',
}

const line = (text: string) => text.replaceAll(/\s+/g, ' ')
const cell = (text: string) => line(text).replaceAll('|', '\\|')

export function formatActivityReport(activity: ActivityDetail): string {
  const { kind, state, subject, by, cause, queuedAt, startedAt, endedAt, error, result } = activity
  const report = activity.report as Partial<RecoveryReport> | null
  const why =
    cause.kind === 'hand'
      ? ''
      : cause.kind === 'continued'
        ? `, going on with ${cause.activity}`
        : `, as the health check of run ${cause.run}`
  const of = subject.vm?.name ?? subject.plan?.name ?? subject.seed ?? ''
  const lines = [
    `# ${TITLES[kind]}${of === '' ? '' : ` of "${line(of)}"`}`,
    '',
    `- State: **${state}**`,
    `- By: ${line(by.name)} (${by.kind})${why}`,
    `- From ${startedAt ?? queuedAt} to ${endedAt ?? 'now'}`,
    `- Number: ${activity.id}`,
    ...(subject.vm === null ? [] : [`- Source VM: ${subject.vm.uuid}`]),
    ...(subject.jobName === null ? [] : [`- Job: ${line(subject.jobName)} (${subject.job})`]),
    ...(subject.target === null ? [] : [`- Target: storage ${subject.target.sr} of pool ${subject.target.pool}`]),
    ...(error === null ? [] : [`- Error: ${line(error.message)} [${error.code}]. ${line(error.hint)}`]),
    '',
  ]
  if (result?.kind === 'plan' && report?.kind === 'recovery') {
    // It has a heading of its own.
    lines.push(
      formatRecoveryReport(report as RecoveryReport)
        .replace(/^# /, '## ')
        .replaceAll('\n## Timeline', '\n### Timeline of the plan'),
    )
  } else if (result !== null) lines.push('## Result', '', '| | |', '|---|---|', ...rowsOf(result), '')
  if (result !== null && 'evidence' in result) {
    lines.push(
      '## Evidence',
      '',
      '| check | passed | after | |',
      '|---|---|---|---|',
      ...result.evidence.map(
        ({ check, ok, seconds, text }) => `| ${cell(check)} | ${ok ? 'yes' : 'no'} | ${seconds.toFixed(1)} s | ${cell(text)} |`,
      ),
      '',
    )
  }
  lines.push(
    '## Timeline',
    '',
    ...activity.timeline.map(({ at, level, text }) => `- ${at}${level === 'info' ? '' : ` ${level}:`} ${line(text)}`),
  )
  return `${lines.join('\n')}\n`
}

/** Its plain values, by name. */
function rowsOf(result: object): string[] {
  return Object.entries(result).flatMap(([name, value]) => {
    if (name === 'kind' || name === 'evidence') return []
    const shown = shownAs(value)
    return shown === undefined ? [] : [`| ${words(name)} | ${cell(shown)} |`]
  })
}

function shownAs(value: unknown): string | undefined {
  if (value === null) return 'not asked'
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(1)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    const texts = value.map((each) =>
      typeof each === 'string' ? each : typeof each === 'object' && each !== null && 'text' in each ? String(each.text) : '',
    )
    return texts.length === 0 ? undefined : texts.filter((text) => text !== '').join('; ')
  }
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, each]) => `${words(name)} ${shownAs(each) ?? ''}`)
      .join(', ')
  }
  return undefined
}

/** `rtoSeconds` → `rto seconds` */
const words = (name: string) => name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
