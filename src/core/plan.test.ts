/**
 * Golden plans: what is planned in some situation, as JSON in golden/, to be read like code. After an intended change
 * `UNDERSTUDY_UPDATE_GOLDEN=1 npm test -- src/core/plan.test.ts` writes them anew; then the difference is what has to be reviewed.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  changeRecord,
  EXPORTED,
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
import { planVmRun } from './plan.ts'

const folder = join(import.meta.dirname, 'golden')
const update = process.env.UNDERSTUDY_UPDATE_GOLDEN === '1'

/** A situation, by the name of its golden file: how it differs from a settled chain of two runs. */
const situations: Readonly<Record<string, () => Seen>> = {
  'first-copy': untouched,

  'nothing-went-wrong': settled,

  'first-copy-interrupted'() {
    const seen = untouched()
    // Killed in the middle: a snapshot without tags, a replica whose disks are being written, a disk that was not attached yet.
    seen.source.snapshots = [snapshotVm(1, 2, { name: 'understudy job run (being made)', marks: NO_MARKS, unfinished: true })]
    seen.source.disks = [0, 1].map((nth) =>
      sourceDisk(nth, [], { snapshots: [changeRecord(1, nth, { snapshotVm: 'snapshot-1', kind: 'data', marks: NO_MARKS })] }),
    )
    const writing = { run: 'broken', from: null, to: 'source-1-0' }
    const disk = replicaDisk(0, { beingWritten: true, writing, sinceRestorePoint: 'unknown' })
    seen.target.replica = { uuid: 'replica', name: 'web', powerState: 'Halted', protected: true, disks: [disk] }
    seen.target.strayDisks = [{ uuid: 'stray', name: 'understudy job broken (being made)' }]
    seen.source.migrationBlockedByUs = true
    return seen
  },

  'delta-interrupted-same-base'() {
    const seen = settled()
    const writing = { run: 'broken', from: 'source-2-0', to: 'source-3-0' }
    seen.target.replica = {
      uuid: 'replica',
      name: 'web',
      powerState: 'Halted',
      protected: true,
      disks: [replicaDisk(0, { beingWritten: true, writing, sinceRestorePoint: 'unknown' }), replicaDisk(1)],
    }
    seen.source.snapshots = [snapshotVm(3, 2, { name: 'understudy job broken (being made)', marks: NO_MARKS, unfinished: true })]
    seen.source.disks = [0, 1].map((nth) => {
      const left = changeRecord(3, nth, { snapshotVm: 'snapshot-3', kind: 'data', marks: NO_MARKS })
      return sourceDisk(nth, [], { snapshots: [left, changeRecord(2, nth)] })
    })
    return seen
  },

  'delta-interrupted-another-base'() {
    const seen = settled()
    const writing = { run: 'broken', from: 'source-1-0', to: 'source-3-0' }
    seen.target.replica = {
      uuid: 'replica',
      name: 'web',
      powerState: 'Halted',
      protected: true,
      disks: [replicaDisk(0, { beingWritten: true, writing, sinceRestorePoint: 'unknown' }), replicaDisk(1)],
    }
    return seen
  },

  'replica-written-by-somebody-else'() {
    const seen = settled()
    seen.target.replica = {
      uuid: 'replica',
      name: 'web',
      powerState: 'Halted',
      protected: true,
      disks: [replicaDisk(0, { sinceRestorePoint: 'written' }), replicaDisk(1, { sinceRestorePoint: 'unknown' })],
    }
    return seen
  },

  'base-gone-on-source'() {
    const seen = settled()
    seen.source.disks = [sourceDisk(0, []), sourceDisk(1, [2])]
    seen.source.strayDisks = [changeRecord(2, 1)]
    return seen
  },

  'base-gone-on-target'() {
    const seen = settled()
    seen.target.restorePoints = [restorePoint(1, 2)]
    return seen
  },

  'killed-after-the-restore-point-was-made'() {
    // Neither tags on the source nor pruning: the snapshot is known by its name, and the restore point says what it holds.
    const seen = settled()
    seen.target.restorePoints = [1, 2, 3].map((run) => restorePoint(run, 2))
    seen.source.snapshots = [snapshotVm(3, 2, { name: 'understudy job run (being made)', marks: NO_MARKS, unfinished: true })]
    seen.source.disks = [0, 1].map((nth) => {
      const left = changeRecord(3, nth, { snapshotVm: 'snapshot-3', kind: 'data', marks: NO_MARKS })
      return sourceDisk(nth, [], { snapshots: [left, changeRecord(2, nth)] })
    })
    return seen
  },

  'disk-added'() {
    const seen = settled()
    seen.source.disks = [...seen.source.disks, sourceDisk(2, [])]
    return seen
  },

  'disk-removed'() {
    const seen = settled()
    seen.source.disks = [sourceDisk(0, [2])]
    return seen
  },

  'disk-grown'() {
    const seen = settled()
    seen.source.disks = [sourceDisk(0, [2]), sourceDisk(1, [2], { size: 40 * GIB })]
    return seen
  },

  'disks-changed-places'() {
    const seen = settled()
    seen.source.disks = [sourceDisk(1, [2], { userdevice: '0', bootable: true }), sourceDisk(0, [2], { userdevice: '1', bootable: false })]
    return seen
  },

  'disk-excluded-by-name'() {
    const seen = settled()
    seen.source.disks = [sourceDisk(0, [2]), sourceDisk(1, [2], { name: '[NOBAK] scratch', sharable: true })]
    return seen
  },

  'disks-excluded-by-the-job'() {
    const seen = settled()
    // One that could not be carried over anyway, and one that the replica has already.
    const excludedByJob = true
    seen.source.disks = [sourceDisk(0, [2], { resets: true, excludedByJob }), sourceDisk(1, [2], { excludedByJob }), sourceDisk(2, [])]
    return seen
  },

  'shared-disk-refused'() {
    const seen = settled()
    seen.source.disks = [sourceDisk(0, [2]), sourceDisk(1, [2], { sharable: true })]
    return seen
  },

  'replica-running-refused'() {
    const seen = settled()
    seen.target.replica = { uuid: 'replica', name: 'web', powerState: 'Running', protected: true, disks: [replicaDisk(0), replicaDisk(1)] }
    return seen
  },

  'source-is-a-replica-refused'() {
    const seen = settled()
    seen.source.isReplica = true
    return seen
  },

  'source-migrating-refused'() {
    const seen = settled()
    seen.source.busyWith = 'pool_migrate'
    return seen
  },

  'left-overs-on-both-sides'() {
    const seen = settled()
    const left = [0, 1].map((nth) => changeRecord(3, nth, { snapshotVm: 'snapshot-3', kind: 'data', marks: NO_MARKS }))
    const lost = changeRecord(4, 0, { kind: 'data', marks: NO_MARKS })
    seen.source.disks = [0, 1].map((nth) => {
      const all = [...(nth === 0 ? [lost] : []), ...left.slice(nth, nth + 1), changeRecord(2, nth), changeRecord(1, nth)]
      return sourceDisk(nth, [], { snapshots: all })
    })
    seen.source.snapshots = [snapshotVm(3, 2, { name: 'understudy job broken (being made)', marks: NO_MARKS, unfinished: true })]
    seen.source.strayDisks = [lost, changeRecord(2, 0), changeRecord(1, 0), changeRecord(2, 1), changeRecord(1, 1)]
    seen.target.restorePoints = [restorePoint(2, 2), restorePoint(3, 1, { complete: false }), restorePoint(1, 2)]
    seen.target.strayDisks = [{ uuid: 'stray', name: 'understudy job broken (being made)' }]
    return seen
  },

  'retention-of-two-schedules'() {
    const seen = settled()
    seen.target.restorePoints = [1, 2, 3, 4, 5].map((run) => restorePoint(run, 2, { schedule: run % 2 === 0 ? 'weekly' : 'daily' }))
    seen.source.disks = [0, 1].map((nth) => sourceDisk(nth, [5]))
    seen.source.strayDisks = [changeRecord(5, 0), changeRecord(5, 1)]
    seen.policy.retention = 2
    return seen
  },

  'records-of-another-job-in-between'() {
    // Older records of changes of somebody else hang on ours: those stay, until they are the oldest link.
    const seen = settled()
    const foreign = { uuid: 'foreign', takenAt: changeRecord(1, 0).takenAt + 1 }
    seen.source.disks = [
      sourceDisk(0, [1, 2], { foreignCbtSnapshots: [foreign] }),
      sourceDisk(1, [1, 2], { foreignCbtSnapshots: [{ uuid: 'younger', takenAt: changeRecord(3, 1).takenAt }] }),
    ]
    seen.source.strayDisks = [2, 1].flatMap((run) => [changeRecord(run, 0), changeRecord(run, 1)])
    return seen
  },

  'untracked-storage'() {
    // No change tracking on either side: whole snapshots are kept as bases, and nothing proves that the replica is unchanged.
    const seen = settled()
    seen.source.strayDisks = []
    seen.source.snapshots = [snapshotVm(2, 2)]
    seen.source.disks = [0, 1].map((nth) =>
      sourceDisk(nth, [], {
        cbt: false,
        snapshots: [changeRecord(2, nth, { kind: 'data', cbt: false, snapshotVm: 'snapshot-2', marks: EXPORTED })],
      }),
    )
    const disks = [0, 1].map((nth) => replicaDisk(nth, { sinceRestorePoint: 'unknown' }))
    seen.target.replica = { uuid: 'replica', name: 'web', powerState: 'Halted', protected: true, disks }
    return seen
  },

  'network-without-counterpart'() {
    const seen = settled()
    seen.source.networks = [...seen.source.networks, { uuid: 'source-dmz', name: 'dmz', vlan: 7 }]
    seen.source.vifs = [...seen.source.vifs, { device: '1', mac: '02:00:00:00:00:02', mtu: 9000, network: 'source-dmz' }]
    seen.source.vtpm = true
    return seen
  },

  'foreign-disk-on-the-replica'() {
    const seen = settled()
    const foreign = replicaDisk(7, { uuid: 'foreign', follows: undefined, ours: false, sinceRestorePoint: 'unknown' })
    seen.target.replica = {
      uuid: 'replica',
      name: 'web',
      powerState: 'Halted',
      protected: true,
      disks: [replicaDisk(0), replicaDisk(1), foreign],
    }
    return seen
  },

  'no-disk-left'() {
    const seen = settled()
    seen.source.disks = []
    return seen
  },
}

for (const [name, situation] of Object.entries(situations)) {
  test(`golden plan: ${name}`, () => {
    const { source, target, policy } = situation()
    const planned = JSON.parse(JSON.stringify(planVmRun(source, target, policy)))
    const file = join(folder, `${name}.json`)
    if (update) writeFileSync(file, `${JSON.stringify(planned, null, 2)}\n`)
    assert.deepEqual(planned, JSON.parse(readFileSync(file, 'utf8')))
  })
}

test('every golden plan belongs to a situation, and none was only just written', () => {
  assert.deepEqual(
    readdirSync(folder).sort(),
    Object.keys(situations)
      .map((name) => `${name}.json`)
      .sort(),
  )
  assert.equal(update, false, 'the golden plans were written anew: read the difference, then run without UNDERSTUDY_UPDATE_GOLDEN')
})

test('the input of a plan stays as it was, and the same input gives the same plan', () => {
  for (const situation of Object.values(situations)) {
    const { source, target, policy } = situation()
    const first = planVmRun(source, target, policy)
    assert.deepEqual({ source, target, policy }, situation())
    assert.deepEqual(planVmRun(source, target, policy), first)
  }
})

test('G6: a full copy says how much will be read at most, a delta promises nothing', () => {
  const { source, target, policy } = settled()
  const GIB_HELD = { least: 0, most: GIB }
  source.disks = [sourceDisk(0, [2], { allocated: GIB_HELD }), sourceDisk(7, [], { allocated: GIB_HELD })]
  const planned = planVmRun(source, target, policy)
  assert.ok(planned.kind === 'plan')
  assert.deepEqual(
    planned.plan.disks.map((disk) => disk.mode !== 'skipped' && [disk.mode, disk.expectedBytes]),
    [
      ['delta', undefined],
      ['full', GIB],
    ],
  )
})

test('a disk that was to be left out and that the VM has not is told of, by uuid and by position', () => {
  const { source, target, policy } = settled()
  const [first] = source.disks
  assert.ok(first)
  const planned = planVmRun(source, target, { ...policy, leftOut: new Set([first.uuid, '1', '9', 'gone']) })
  assert.ok(planned.kind === 'plan')
  assert.deepEqual(
    planned.plan.warnings.filter(({ code }) => code === 'exclusion-unused').map(({ text }) => text),
    ['the VM has no disk 9, which was to be left out', 'the VM has no disk gone, which was to be left out'],
  )
})
