/** What the doctor found, as a table for people. */
import type { CheckReport, Outcome } from '../replication/doctor/check.ts'
import type { DoctorReport, SideReport } from '../replication/doctor/doctor.ts'

const SIGNS: Readonly<Record<Outcome, string>> = { ok: '✓', warning: '!', failed: '✗', 'not-run': '-' }
const SIDES: Readonly<Record<SideReport['side'], string>> = { source: 'Source', target: 'Target', both: 'Source and target' }

export function formatDoctor(report: DoctorReport): string {
  const width = Math.max(...[...report.sides.flatMap(({ checks }) => checks), ...report.together].map(({ title }) => title.length))
  const lines = report.sides.flatMap((side) => [heading(side), ...table(side.checks, width), ''])
  if (report.together.length > 0) lines.push('Together', ...table(report.together, width), '')
  return `${[...lines, report.summary].join('\n')}\n`
}

function heading({ side, url, storage }: SideReport): string {
  return `${SIDES[side]}: ${url}${storage === undefined ? '' : `, storage "${storage.name}"`}`
}

/** A row for each check; those that were not run for one reason share a row. */
function table(checks: readonly CheckReport[], width: number): string[] {
  const told = new Set<string>()
  return checks.flatMap((check) => {
    if (check.outcome !== 'not-run') return rows(check, width)
    if (told.has(check.detail)) return []
    told.add(check.detail)
    const alike = checks.filter(({ outcome, detail }) => outcome === 'not-run' && detail === check.detail)
    if (alike.length <= 3) return alike.flatMap((each) => rows(each, width))
    return [`  ${SIGNS['not-run']} ${`${alike.length} more checks`.padEnd(width)}  not run: each ${check.detail}`]
  })
}

function rows({ outcome, title, detail, costs, mend }: CheckReport, width: number): string[] {
  const word = outcome === 'not-run' ? 'not run: ' : ''
  const indent = ' '.repeat(6)
  return [
    `  ${SIGNS[outcome]} ${title.padEnd(width)}  ${word}${detail}`,
    ...(costs === undefined ? [] : [`${indent}costs:   ${costs}`]),
    ...(mend === undefined ? [] : [`${indent}to mend: ${mend}`]),
  ]
}
