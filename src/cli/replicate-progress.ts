/** The progress of a run on a terminal: one line a disk, redrawn in place; nothing at all where output is no terminal. */
import type { RunEvent, RunStage } from '../core/report.ts'
import { liveRegion } from './live-region.ts'
import { amountText } from './progress-bar.ts'

export const STAGES: Readonly<Record<RunStage, string>> = {
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

export function progressView(out: NodeJS.WriteStream): ProgressView {
  if (!out.isTTY) return { show: () => undefined, clear: () => undefined }
  const disks = new Map<string, DiskLine>()
  let stage = ''
  const region = liveRegion(out)
  let last = 0

  function draw(): void {
    region.draw([stage, ...[...disks].map(([device, line]) => diskLine(device, line))])
    last = performance.now()
  }

  return {
    clear: region.clear,
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
  const secondsLeft = speed > 0 && expected !== undefined && expected > done ? (expected - done) / speed : undefined
  const amount = amountText({ done, expected, bytesPerSecond: speed || undefined, secondsLeft })
  return `  ${device.padStart(2)} ${name.slice(0, 20).padEnd(20)} ${what === 'verify' ? 'verify ' : ''}${amount}`
}
