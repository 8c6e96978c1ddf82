import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  changeRecord,
  GIB,
  NO_MARKS,
  replicaDisk,
  restorePoint,
  type Seen,
  settled,
  snapshotVm,
  sourceDisk,
  untouched,
} from '../../test/support/seen-pools.ts'
import { planVmRun, type VmRunPlan } from '../core/plan.ts'
import type { DiskReport, RunReport } from '../core/report.ts'
import { formatPlan, formatReport } from './replicate-report.ts'

function planOf({ source, target, policy }: Seen): VmRunPlan {
  const planned = planVmRun(source, target, policy)
  if (planned.kind !== 'plan') assert.fail(planned.refusal.text)
  return planned.plan
}

const text = (...lines: string[]) => `${lines.join('\n')}\n`

test('the plan of a first copy', () => {
  assert.equal(
    formatPlan(planOf(untouched())),
    text(
      'Plan for "web" (vm) to "second site"',
      '  replica: a new VM is made',
      '  disk 0 "system": full onto a new disk, 10.0 GiB (there is no restore point of this VM on the target yet)',
      '  disk 1 "data": full onto a new disk, 20.0 GiB (there is no restore point of this VM on the target yet)',
      '  interface 0: target-lan ("lan" has the same name and VLAN)',
    ),
  )
})

test('G6: a plan in which much goes wrong tells of everything, and how to avoid it', () => {
  const seen = settled()
  const writing = { run: 'broken', from: 'source-2-0', to: 'lost' }
  const disks = [
    replicaDisk(0, { beingWritten: true, writing, sinceRestorePoint: 'unknown' }),
    replicaDisk(1, { sinceRestorePoint: 'written' }),
    replicaDisk(2),
  ]
  seen.target.replica = { uuid: 'replica', name: 'web', powerState: 'Halted', protected: true, disks }
  seen.target.restorePoints = [1, 2].map((run) => restorePoint(run, 3))
  seen.target.strayDisks = [{ uuid: 'stray', name: 'left' }]
  seen.source.disks = [sourceDisk(0, [2]), sourceDisk(1, [2]), sourceDisk(2, []), sourceDisk(3, [], { name: '[NOBAK] swap' })]
  seen.source.snapshots = [snapshotVm(3, 0, { name: 'understudy job broken (being made)', marks: NO_MARKS, unfinished: true })]
  seen.source.strayDisks = [changeRecord(2, 0), changeRecord(2, 1)]
  seen.source.vifs = [{ device: '0', mac: '02:00:00:00:00:01', mtu: 1500, network: 'source-dmz' }]
  seen.source.networks = [{ uuid: 'source-dmz', name: 'dmz', vlan: 7 }]
  seen.policy.retention = 2
  const without = 'no network "dmz" on the same VLAN'
  assert.equal(
    formatPlan(planOf(seen)),
    text(
      'Plan for "web" (vm) to "second site"',
      '  replica: replica',
      `  disk 0 "system": delta onto the replica's disk, over what a broken run wrote, 10.0 GiB (restore point "web 2026-06-01T14" holds source snapshot source-2-0)`,
      `  disk 1 "data": delta onto a clone of the restore point's disk, 20.0 GiB (restore point "web 2026-06-01T14" holds source snapshot source-2-1; the disk was written after its restore point was taken, by somebody else)`,
      '  disk 2 "logs": full onto a new disk, 30.0 GiB (the source has no snapshot or record of changes left that a restore point was made of) — to avoid it: do not delete the snapshots and change-tracking records that carry this job’s marks',
      '  disk 3 "[NOBAK] swap": skipped (its name carries [NOBAK] or [NOSNAP])',
      `  interface 0: left disconnected (the target has ${without})`,
      "  replica's disk 1 (replica-disk-1) goes: replaced by this run",
      "  replica's disk 2 (replica-disk-2) goes: replaced by this run",
      '  removed first on the source: understudy job broken (being made) (left behind by an interrupted run)',
      '  removed afterwards on the source: record of changes of disk 0, 2026-06-01T14:00:00.000Z (base of this run, replaced by its snapshot)',
      '  removed afterwards on the source: record of changes of disk 1, 2026-06-01T14:00:00.000Z (base of this run, replaced by its snapshot)',
      '  removed afterwards on the target: web 2026-06-01T13 (beyond the newest 2)',
      '  removed first on the target: left (left behind by an interrupted run)',
      `  warning: interface 0 of the replica stays disconnected: the target has ${without}; map it: --network source-dmz=TARGET_NETWORK_UUID, or =none to leave it disconnected`,
    ),
  )
})

const disk = (more: Partial<DiskReport>): DiskReport => ({
  userdevice: '0',
  name: 'system',
  source: 'disk-0',
  target: 'replica-disk-0',
  mode: 'delta',
  reason: { code: 'proven-base', text: 'restore point "web" holds source snapshot s' },
  fallbacks: [],
  read: 'nbd',
  written: 'chunked-raw',
  size: 10 * GIB,
  changedBytes: 4 * 2 ** 20,
  bytesRead: 5 * 2 ** 20,
  bytesSent: 4 * 2 ** 20 + 768,
  seconds: 1.25,
  verify: undefined,
  ...more,
})

const report = (disks: readonly DiskReport[], more: Partial<RunReport> = {}): RunReport => ({
  run: 'run',
  job: 'job',
  schedule: 'job',
  vm: { uuid: 'vm', name: 'web' },
  from: 'https://one',
  to: 'https://other',
  sr: { uuid: 'sr', name: 'second site' },
  status: 'success',
  startedAt: '2026-06-01T12:00:00.000Z',
  endedAt: '2026-06-01T12:01:05.000Z',
  seconds: 65,
  replica: { uuid: 'replica' },
  restorePoint: { uuid: 'point', name: 'web 20260601T120000Z', takenAt: '2026-06-01T12:00:00.000Z' },
  disks,
  totals: { changedBytes: 4 * 2 ** 20, bytesRead: 5 * 2 ** 20, bytesSent: 4 * 2 ** 20 + 768 },
  removed: [],
  warnings: [],
  xapiCalls: { source: 20, target: 30 },
  plan: planOf(untouched()),
  ...more,
})

test('the report of a delta', () => {
  const hash = { hash: 'content', source: 'aa', target: 'aa', equal: true, seconds: 0.1 } as const
  assert.equal(
    formatReport(report([disk({ verify: { mode: 'sample', bytes: 2 ** 20, ...hash } })])),
    text(
      'Replicated "web" to "second site" in 1 min 5 s: 4.0 MiB changed, 5.0 MiB read, 4.0 MiB sent',
      '  disk 0 "system": delta, 4.0 MiB sent in 1.3 s by nbd → chunked-raw, verified (sample: 1.0 MiB) (restore point "web" holds source snapshot s)',
      '  restore point: "web 20260601T120000Z" (point)',
    ),
  )
})

test('the report of a run with nothing changed, a disk of zeroes, a disk left out, fallbacks and warnings', () => {
  const sha256 = '0123456789abcdef'.repeat(4)
  const skipped = { mode: 'skipped', reason: { code: 'excluded-by-name', text: 'its name carries [NOBAK] or [NOSNAP]' } } as const
  const full = { mode: 'full', bytes: 10 * GIB, hash: 'sha256', source: sha256, target: sha256, equal: true, seconds: 9 } as const
  assert.equal(
    formatReport(
      report(
        [
          disk({ read: undefined, written: undefined, verify: full }),
          disk({
            userdevice: '1',
            name: 'data',
            mode: 'full',
            written: undefined,
            bytesSent: 0,
            read: 'vhd-export',
            reason: { code: 'new-disk', text: 'no restore point holds this disk' },
            fallbacks: [
              { code: 'nbd-not-usable', text: 'NBD: NBD_NO_SERVER', avoid: 'give a network the purpose "nbd"' },
              { code: 'x', text: 'and more' },
            ],
          }),
          disk({ userdevice: '2', name: '[NOBAK] swap', ...skipped }),
        ],
        {
          warnings: [
            { code: 'not-removed', text: '"old" could not be removed', avoid: 'the next run tries again' },
            { code: 'y', text: 'plain' },
          ],
        },
      ),
    ),
    text(
      'Replicated "web" to "second site" in 1 min 5 s: 4.0 MiB changed, 5.0 MiB read, 4.0 MiB sent',
      '  disk 0 "system": delta, nothing had changed, verified (full: 10.0 GiB, sha256 0123456789abcdef…) (restore point "web" holds source snapshot s)',
      '  disk 1 "data": full, 0 B sent in 1.3 s by vhd-export → nothing to write (no restore point holds this disk)',
      '      not the best way: NBD: NBD_NO_SERVER; give a network the purpose "nbd"',
      '      not the best way: and more',
      '  disk 2 "[NOBAK] swap": skipped (its name carries [NOBAK] or [NOSNAP])',
      '  restore point: "web 20260601T120000Z" (point)',
      '  warning: "old" could not be removed; the next run tries again',
      '  warning: plain',
    ),
  )
})
