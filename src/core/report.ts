/** What a VM run did, as data: stored, printed, compared. Sizes in bytes, times in seconds unless a name says otherwise. */
import type { Reason } from './base.ts'
import type { VmRunPlan } from './plan.ts'

export type VerifyMode = 'off' | 'sample' | 'changed' | 'full'
export const VERIFY_MODES: readonly VerifyMode[] = ['off', 'sample', 'changed', 'full']

export interface VerifyReport {
  readonly mode: VerifyMode
  /** Bytes compared. */
  readonly bytes: number
  /** `sha256`: of the whole disk, what sha256sum gives for a raw export; `content`: of the compared parts (see content-digest). */
  readonly hash: 'sha256' | 'content'
  readonly source: string
  readonly target: string
  readonly equal: boolean
  readonly seconds: number
  /** Of `full`: digest and bytes of all granules that are not zero, for the restore point's mark. */
  readonly content?: { readonly hash: string; readonly bytes: number }
}

export interface DiskReport {
  readonly userdevice: string
  readonly name: string
  /** uuid of the source's live disk */
  readonly source: string
  /** uuid of the replica's disk */
  readonly target: string | undefined
  readonly mode: 'delta' | 'full' | 'skipped'
  readonly reason: Reason
  /** Better ways that were tried and given up, each with its reason. */
  readonly fallbacks: readonly Reason[]
  /** How blocks were read and written: `cbt+nbd`, `vhd-delta`…; `chunked-raw`, `vhd-stream`; undefined when nothing was sent. */
  readonly read: string | undefined
  readonly written: string | undefined
  readonly size: number
  /** What differed from the base, by the source's own account; for a full copy what is allocated. */
  readonly changedBytes: number
  readonly bytesRead: number
  /** On the wire to the target, framing included. */
  readonly bytesSent: number
  readonly seconds: number
  readonly verify: VerifyReport | undefined
}

/** The memory of a restore point; see DiskReport. */
export interface MemoryReport {
  /** uuid of the disk that holds it */
  readonly target: string
  readonly size: number
  readonly read: string | undefined
  readonly written: string | undefined
  readonly bytesRead: number
  readonly bytesSent: number
  readonly seconds: number
  readonly verify: VerifyReport | undefined
  readonly fallbacks: readonly Reason[]
}

export interface RunReport {
  readonly run: string
  readonly job: string
  readonly schedule: string
  readonly vm: { readonly uuid: string; readonly name: string }
  readonly from: string
  readonly to: string
  readonly sr: { readonly uuid: string; readonly name: string }
  readonly status: 'success'
  readonly startedAt: string
  readonly endedAt: string
  readonly seconds: number
  readonly replica: { readonly uuid: string }
  readonly restorePoint: { readonly uuid: string; readonly name: string; readonly takenAt: string }
  readonly disks: readonly DiskReport[]
  /** Absent: the restore point is without. */
  readonly memory?: MemoryReport
  readonly totals: { readonly changedBytes: number; readonly bytesRead: number; readonly bytesSent: number }
  /** Of a run with several targets: how many, and what was read of the source to transfer, for all of them together. */
  readonly together?: { readonly targets: number; readonly bytesRead: number }
  readonly removed: readonly { readonly side: 'source' | 'target'; readonly uuid: string; readonly name: string; readonly reason: string }[]
  readonly warnings: readonly Reason[]
  /** Calls and transfers asked of each side. */
  readonly xapiCalls: { readonly source: number; readonly target: number }
  readonly plan: VmRunPlan
}

/** What a run is busy with, for progress bars. */
export type RunEvent =
  | { readonly kind: 'stage'; readonly stage: RunStage }
  | {
      readonly kind: 'disk'
      readonly userdevice: string
      readonly name: string
      readonly bytesDone: number
      readonly bytesExpected: number | undefined
      readonly what: 'transfer' | 'verify'
    }
  | { readonly kind: 'log'; readonly message: string }

export type RunStage = 'connect' | 'inspect' | 'plan' | 'clean' | 'snapshot' | 'transfer' | 'verify' | 'commit' | 'prune'
