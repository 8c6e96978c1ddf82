/** The progress of a run on a terminal: one line a disk, redrawn in place; nothing at all where output is no terminal. */
import type { RunEvent, RunStage } from '../core/report.ts'
import { formatBytes, formatSeconds } from './sizes.ts'

const STAGES: Readonly<Record<RunStage, string>> = {
  connect: 'Connecting',
  inspect: 'Looking at both sides',
  plan: 'Planning',
  clean: 'Tidying up after earlier runs',
  snapshot: 'Taking the snapshot',
  transfer: 'Transferring',
  verify: 'Verifying',
  commit: 'Making the restore point',
  prune: 'Removing what is no longer needed',
}

interface DiskLine {
  readonly name: string
  readonly what: string
  readonly started: number
  done: number
  expected: number | undefined
}

export interface ProgressView {
  show(event: RunEvent): void
  /** Takes the lines off the screen. */
  clear(): void
}

const INTERVAL_MS = 100
const BAR = 24

export function progressView(out: NodeJS.WriteStream): ProgressView {
  if (!out.isTTY) return { show: () => undefined, clear: () => undefined }
  const disks = new Map<string, DiskLine>()
  let stage = ''
  let drawn = 0
  let last = 0

  function clear(): void {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[0J`)
    drawn = 0
  }

  function draw(): void {
    const lines = [stage, ...[...disks].map(([device, line]) => diskLine(device, line))]
    clear()
    const width = Math.max(20, (out.columns || 80) - 1)
    out.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''))
    drawn = lines.length
    last = performance.now()
  }

  return {
    clear,
    show(event) {
      if (event.kind === 'log') return
      if (event.kind === 'stage') {
        stage = `${STAGES[event.stage]}…`
        if (event.stage !== 'verify' && event.stage !== 'transfer') disks.clear()
      } else {
        const line = disks.get(event.userdevice)
        if (line?.what === event.what) Object.assign(line, { done: event.bytesDone, expected: event.bytesExpected })
        else {
          const { name, what, bytesDone: done, bytesExpected: expected } = event
          disks.set(event.userdevice, { name, what, done, expected, started: performance.now() })
        }
        if (performance.now() - last < INTERVAL_MS) return
      }
      draw()
    },
  }
}

function diskLine(device: string, { name, what, done, expected, started }: DiskLine): string {
  const seconds = (performance.now() - started) / 1000
  const speed = seconds > 0.2 ? done / seconds : 0
  const share = expected === undefined || expected === 0 ? undefined : Math.min(1, done / expected)
  const bar =
    share === undefined
      ? ''
      : `[${'█'.repeat(Math.round(share * BAR)).padEnd(BAR, '·')}] ${String(Math.round(share * 100)).padStart(3)} %  `
  const amount = expected === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(expected)}`
  const left = speed > 0 && expected !== undefined && expected > done ? `, ${formatSeconds((expected - done) / speed)} left` : ''
  return `  ${device.padStart(2)} ${name.slice(0, 20).padEnd(20)} ${what === 'verify' ? 'verify ' : ''}${bar}${amount}${speed > 0 ? `, ${formatBytes(speed)}/s` : ''}${left}`
}
