/** What happens in a run, while it happens: lines redrawn in place on a terminal, one line for each change elsewhere. */
import type { VmRun } from '../../core/control/run-record.ts'
import { liveRegion } from '../live-region.ts'
import { amountText } from '../progress-bar.ts'
import { STAGES } from '../replicate-progress.ts'
import { oneLine } from '../text-width.ts'

export interface RunProgress {
  /** As it is now; the newest word on a VM run counts. */
  show(vmRun: VmRun): void
  /** Takes the lines off a terminal. */
  clear(): void
}

const INTERVAL_MS = 100
/** Disks have lines of their own while so few VMs are under way. */
const FEW = 4
const ACTIVE = new Set<VmRun['state']>(['waiting', 'running'])

export function runProgress(out: NodeJS.WriteStream): RunProgress {
  const vmRuns = new Map<string, VmRun>()
  const region = liveRegion(out)
  const told = new Map<string, string>()
  let last = Number.NEGATIVE_INFINITY

  function draw(): void {
    const all = [...vmRuns.values()]
    const active = all.filter(({ state }) => ACTIVE.has(state))
    const count = (state: VmRun['state']) => all.filter((each) => each.state === state).length
    const head = `${all.length - active.length - count('queued')} of ${all.length} done, ${active.length} under way${count('failed') ? `, ${count('failed')} failed` : ''}`
    region.draw([
      head,
      ...active.flatMap((each) => (active.length <= FEW ? [vmLine(each, false), ...diskLines(each)] : [vmLine(each, true)])),
    ])
    last = performance.now()
  }

  return {
    clear: region.clear,
    show(vmRun) {
      vmRuns.set(vmRun.id, vmRun)
      if (out.isTTY) {
        if (performance.now() - last >= INTERVAL_MS || !ACTIVE.has(vmRun.state)) draw()
        return
      }
      const line = changeLine(vmRun)
      if (told.get(vmRun.id) === line) return
      told.set(vmRun.id, line)
      out.write(`${line}\n`)
    },
  }
}

/** The same as long as nothing changes but bytes. */
export function changeLine(vmRun: VmRun): string {
  const { vm, state, stage, waitingFor, error, restorePoint } = vmRun
  const words = {
    queued: 'queued',
    waiting: `waits for ${waitingFor ?? 'its turn'}`,
    running: stage === null ? 'begins' : STAGES[stage].toLowerCase(),
    success: restorePoint === null ? 'done' : `done: restore point ${restorePoint.uuid}`,
    failed: `FAILED: ${error === null ? 'no reason is known' : `${error.message}${error.hint === '' ? '' : ` (${error.hint})`}`}`,
    cancelled: 'cancelled',
    interrupted: 'interrupted',
    skipped: 'skipped',
  } satisfies Record<VmRun['state'], string>
  return oneLine(`${vm.name}: ${words[state]}`)
}

function vmLine(vmRun: VmRun, withBytes: boolean): string {
  const line = `${changeLine(vmRun)}${vmRun.attempt > 1 ? ` (attempt ${vmRun.attempt})` : ''}`
  if (!withBytes || vmRun.disks.length === 0) return line
  const sum = (of: (disk: VmRun['disks'][number]) => number | null) => vmRun.disks.reduce((total, disk) => total + (of(disk) ?? 0), 0)
  const expected = vmRun.disks.some(({ bytesExpected }) => bytesExpected === null) ? undefined : sum(({ bytesExpected }) => bytesExpected)
  return `${line}  ${amountText({ done: sum(({ bytesDone }) => bytesDone), expected, bytesPerSecond: sum((disk) => disk.bytesPerSecond) || undefined, secondsLeft: undefined })}`
}

function diskLines({ disks }: VmRun): string[] {
  return disks.map(({ userdevice, name, what, bytesDone: done, bytesExpected, bytesPerSecond, secondsLeft }) => {
    const amount = amountText({
      done,
      expected: bytesExpected ?? undefined,
      bytesPerSecond: bytesPerSecond ?? undefined,
      secondsLeft: secondsLeft ?? undefined,
    })
    return `  ${userdevice.padStart(2)} ${oneLine(name).slice(0, 20).padEnd(20)} ${what === 'verify' ? 'verify ' : ''}${amount}`
  })
}
