import type { DigestMark } from '../core/marks.ts'
import type { DiskPlan, SentDiskPlan } from '../core/plan.ts'
import type { DiskReport, VerifyReport } from '../core/report.ts'
import type { createSentRecord } from './sent-record.ts'
import type { SnapshotDisk } from './source-snapshot.ts'
import type { TransferResult } from './transfer.ts'

/** A disk that was carried over. */
export interface SentDisk {
  readonly plan: SentDiskPlan
  readonly snapshot: SnapshotDisk
  readonly result: TransferResult
  verify: VerifyReport | undefined
  readonly record: ReturnType<typeof createSentRecord> | undefined
  /** Of all that was sent, where it was asked for and anything was. */
  readonly all?: ReturnType<typeof createSentRecord>
}

/** For the restore point's mark: what a full comparison proved, so that it can be compared again when the source's data is gone. */
export function digestOf(size: number, verify: VerifyReport | undefined): DigestMark | undefined {
  if (verify?.content === undefined) return undefined
  return { size, content: verify.content.hash, bytes: verify.content.bytes, sha256: verify.source }
}

/**
 * For the mark of a restore point's memory: it was sent whole to a blank disk, so that the digest of what was sent is that of its content.
 * Undefined: it was sent in pieces that can't be compared with what is read back.
 */
export function memoryDigestOf({ snapshot, verify, all }: SentDisk): DigestMark | undefined {
  const proven = digestOf(snapshot.size, verify)
  if (proven !== undefined) return proven
  return all?.wholeGranules ? { size: snapshot.size, content: all.digest.hex(), bytes: all.digest.bytes } : undefined
}

export function diskReport(plan: DiskPlan, sent: SentDisk | undefined): DiskReport {
  const common = { userdevice: plan.userdevice, name: plan.name, source: plan.source }
  if (plan.mode === 'skipped' || sent === undefined) {
    return {
      ...common,
      target: undefined,
      mode: 'skipped',
      reason: plan.reason,
      fallbacks: [],
      read: undefined,
      written: undefined,
      size: 0,
      changedBytes: 0,
      bytesRead: 0,
      bytesSent: 0,
      seconds: 0,
      verify: undefined,
    }
  }
  const { result } = sent
  return {
    ...common,
    target: result.disk.uuid,
    mode: result.mode,
    reason: result.reason,
    fallbacks: result.fallbacks,
    read: result.read,
    written: result.written,
    size: plan.size,
    changedBytes: result.changedBytes,
    bytesRead: result.bytesRead,
    bytesSent: result.bytesSent,
    seconds: result.seconds,
    verify: sent.verify,
  }
}
