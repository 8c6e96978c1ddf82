/** Tables for people: aligned columns, cut to the terminal's width where there is one. */
import { styleText } from 'node:util'
import { cellWidth, oneLine, truncate } from '../text-width.ts'

export interface Column<T> {
  readonly title: string
  readonly value: (row: T) => string
  /** Numbers stand at the right. */
  readonly right?: boolean
  /** Only with --wide. */
  readonly wide?: boolean
  /** Words such as `failed` or `protected`, in their colour. */
  readonly state?: boolean
  /** Gives way when the line is too long. */
  readonly shrinks?: boolean
}

export interface TableOptions {
  readonly wide: boolean
  /** Columns of the terminal; undefined: no limit (output goes to a file or a pipe). */
  readonly width: number | undefined
}

const GAP = 2
/** Below this a column says nothing any more. */
const LEAST = 8

export function table<T>(rows: readonly T[], columns: readonly Column<T>[], { wide, width }: TableOptions): string {
  const shown = columns.filter((column) => wide || column.wide !== true)
  const cells = [shown.map(({ title }) => title), ...rows.map((row) => shown.map(({ value }) => oneLine(value(row))))]
  const widths = shown.map((_, index) => Math.max(...cells.map((line) => cellWidth(line[index] ?? ''))))
  if (!wide && width !== undefined) shrink(shown, widths, width)
  return cells
    .map((line) => {
      const parts = line.map((cell, index) => {
        const cut = truncate(cell, widths[index] ?? 0)
        const pad = ' '.repeat(Math.max(0, (widths[index] ?? 0) - cellWidth(cut)))
        const coloured = shown[index]?.state ? state(cut) : cut
        return shown[index]?.right ? pad + coloured : coloured + pad
      })
      return `${parts.join(' '.repeat(GAP)).trimEnd()}\n`
    })
    .join('')
}

/** Columns of the terminal that standard output is; undefined when it is none. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? Math.max(40, process.stdout.columns || 80) : undefined
}

/** Takes from the widest of those that may shrink, until the line fits or none can give any more. */
function shrink<T>(columns: readonly Column<T>[], widths: number[], width: number): void {
  const total = () => widths.reduce((sum, each) => sum + each, 0) + GAP * (widths.length - 1)
  while (total() > width) {
    let widest = -1
    for (const [index, column] of columns.entries()) {
      if (column.shrinks && (widths[index] ?? 0) > LEAST && (widest < 0 || (widths[index] ?? 0) > (widths[widest] ?? 0))) widest = index
    }
    if (widest < 0) return
    widths[widest] = (widths[widest] ?? 0) - 1
  }
}

const GOOD = new Set(['success', 'protected', 'connected', 'yes'])
const BAD = new Set(['failed', 'missed', 'refused', 'interrupted', 'unprotected'])
const FAIR = new Set(['partial', 'at-risk', 'away', 'cancelled', 'waiting', 'failed-over'])

/** On terminals only. */
export function state(text: string): string {
  const colour = GOOD.has(text) ? 'green' : BAD.has(text) ? 'red' : FAIR.has(text) ? 'yellow' : undefined
  return colour === undefined ? text : styleText(colour, text, { stream: process.stdout })
}

/** `name: value` lines, aligned; what is undefined is left out. */
export function facts(lines: readonly (readonly [name: string, value: string | undefined])[]): string {
  const there = lines.filter((line): line is readonly [string, string] => line[1] !== undefined)
  const width = Math.max(0, ...there.map(([name]) => name.length)) + 2
  return there.map(([name, value]) => `${name.padEnd(width)}${oneLine(value)}\n`).join('')
}
