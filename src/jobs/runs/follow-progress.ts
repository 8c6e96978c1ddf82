/** What the engine tells of a VM run while it runs, put into its record. */
import type { DiskProgress, VmRun } from '../../core/control/run-record.ts'
import { createTransferRate } from '../../core/control/transfer-rate.ts'
import type { RunEvent } from '../../core/report.ts'
import { toTimestamp } from '../../store/timestamps.ts'
import type { ActiveVmRun } from './active-run.ts'

/** Progress of bytes is told about once in this time. */
const TELL_EVERY_MS = 1000
/** Lines of a log that wait to be stored, which they are at the next change of the VM run. */
const UNSTORED_LINES = 5_000

/** Whether what changed is to be told now. */
export function followProgress(vmRun: ActiveVmRun, event: RunEvent, now: number): boolean {
  switch (event.kind) {
    case 'log':
      addLine(vmRun, 'info', event.message, now)
      return false
    case 'stage':
      vmRun.record = { ...vmRun.record, stage: event.stage }
      vmRun.toldAt = now
      return true
    case 'disk': {
      vmRun.record = { ...vmRun.record, disks: withProgress(vmRun, event, now) }
      if (now >= vmRun.toldAt && now - vmRun.toldAt < TELL_EVERY_MS) return false
      vmRun.toldAt = now
      return true
    }
  }
}

export function addLine(vmRun: ActiveVmRun, level: 'info' | 'warning' | 'error', text: string, now: number): void {
  // What is told faster than it is stored is not worth all the memory.
  if (vmRun.lines.length < UNSTORED_LINES) vmRun.lines.push({ at: toTimestamp(now), level, text })
}

function withProgress(vmRun: ActiveVmRun, event: Extract<RunEvent, { kind: 'disk' }>, now: number): VmRun['disks'] {
  const { userdevice, name, what, bytesDone } = event
  const bytesExpected = event.bytesExpected ?? null
  const key = `${userdevice} ${what}`
  let rate = vmRun.rates.get(key)
  if (rate === undefined) {
    rate = createTransferRate()
    vmRun.rates.set(key, rate)
  }
  rate.note(bytesDone, now)
  const bytesPerSecond = rate.perSecond()
  const left = bytesExpected === null ? null : Math.max(0, bytesExpected - bytesDone)
  const secondsLeft = left === null || !bytesPerSecond ? null : Math.ceil(left / bytesPerSecond)
  const progress: DiskProgress = { userdevice, name, what, bytesDone, bytesExpected, bytesPerSecond, secondsLeft }
  const others = vmRun.record.disks.filter((disk) => disk.userdevice !== userdevice)
  return [...others, progress].sort((a, b) => Number(a.userdevice) - Number(b.userdevice))
}
