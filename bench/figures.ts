/** What the benchmarks found, and how it is shown. */
import { styleText } from 'node:util'

export interface Figure {
  /** What was done: `delta of scattered 64 KiB writes`. */
  readonly what: string
  /** What was counted: `bytes sent / bytes changed`. */
  readonly figure: string
  readonly value: number
  readonly unit: string
  /** The value should be at most this. */
  readonly limit?: number
  /** The value should be at least this. */
  readonly least?: number
}

export function isReached({ value, limit, least }: Figure): boolean | undefined {
  if (limit === undefined && least === undefined) return undefined
  return value <= (limit ?? Number.POSITIVE_INFINITY) && value >= (least ?? Number.NEGATIVE_INFINITY)
}

/** Three significant digits, so that a column can be compared. */
export function showValue(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function showAim({ limit, least }: Figure): string {
  return [least === undefined ? '' : `≥ ${least}`, limit === undefined ? '' : `≤ ${limit}`].filter(Boolean).join(', ')
}

/** Rows of a case together, its name once. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((each, index) => [
    figures[index - 1]?.what === each.what ? '' : each.what,
    each.figure,
    `${showValue(each.value)} ${each.unit}`.trim(),
    showAim(each),
    isReached(each) === undefined ? '' : isReached(each) ? 'reached' : 'MISSED',
  ])
  const all = [['', 'figure', 'value', 'aim', ''], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? []
  return all
    .map((row) => {
      const cells = row.map((cell, column) => (column === 2 ? cell.padStart(widths[2] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      const line = cells.join('  ').trimEnd()
      return line.endsWith('MISSED') ? styleText('red', line) : line
    })
    .join('\n')
}
