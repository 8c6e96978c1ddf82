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

interface TargetLines {
  stage: string
  readonly disks: Map<string, DiskLine>
}

export interface ProgressView {
  /** @param target of several: which one, by its place in `names` */
  show(event: RunEvent, target?: number): void
  /** Takes the lines off the screen. */
  clear(): void
}

const INTERVAL_MS = 100

/** @param names of several targets, each with lines of its own */
export function progressView(out: NodeJS.WriteStream, names: readonly string[] = []): ProgressView {
  if (!out.isTTY) return { show: () => undefined, clear: () => undefined }
  const targets = Array.from({ length: Math.max(1, names.length) }, (): TargetLines => ({ stage: '', disks: new Map() }))
  const region = liveRegion(out)
  let last = 0

  function draw(): void {
    const lines = targets.map(({ stage, disks }, nth) => {
      const title = names.length > 1 ? `${names[nth]}: ${stage}` : stage
      return [title, ...[...disks].map(([device, line]) => diskLine(device, line))]
    })
    region.draw(lines.flat())
    last = performance.now()
  }

  return {
    clear: region.clear,
    show(event, target = 0) {
      const mine = targets[target]
      if (event.kind === 'log' || mine === undefined) return
      const { disks } = mine
      if (event.kind === 'stage') {
        mine.stage = `${STAGES[event.stage]}…`
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
