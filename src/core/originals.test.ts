import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeRecord, restorePoint, settled, snapshotVm, sourceDisk } from '../../test/support/seen-pools.ts'
import { planVmRun, type VmRunPlan } from './plan.ts'

const byOriginal = true

/** The original made run 1 and 2; its restore points are VMs by themselves when `copyVm` is given. */
function begunByOriginal() {
  const seen = settled()
  const snapshots = (nth: number) =>
    [2, 1].map((run) => changeRecord(run, nth, { kind: 'data', snapshotVm: `snapshot-${run}`, byOriginal }))
  seen.source.disks = [0, 1].map((nth) => sourceDisk(nth, [], { snapshots: snapshots(nth) }))
  seen.source.snapshots = [2, 1].map((run) => snapshotVm(run, 2, { byOriginal }))
  seen.source.strayDisks = []
  seen.target.restorePoints = [2, 1].map((run) => restorePoint(run, 2, { generation: 0, byOriginal }))
  return seen
}

function plan(seen: ReturnType<typeof settled>): VmRunPlan {
  const planned = planVmRun(seen.source, seen.target, seen.policy)
  assert.equal(planned.kind, 'plan')
  return (planned as Extract<typeof planned, { kind: 'plan' }>).plan
}
const removed = ({ removals }: VmRunPlan, side: string) => removals.filter((removal) => removal.side === side).map(({ uuid }) => uuid)
const codes = ({ warnings }: VmRunPlan) => warnings.map(({ code }) => code)

test('the first run that continues a chain removes no snapshot of the original’s, and leaves its own with its data beside tracked ones', () => {
  const first = plan(begunByOriginal())
  assert.deepEqual(removed(first, 'source'), [])
  assert.equal(first.keepSourceData, true)
  assert.ok(codes(first).includes('original-snapshots-stay'))
})

test('a base alone does not keep the data of our snapshot: it goes before the record of changes does', () => {
  const seen = begunByOriginal()
  seen.source.disks = seen.source.disks.map((disk) => ({ ...disk, snapshots: disk.snapshots.slice(0, 1) }))
  seen.source.snapshots = seen.source.snapshots.slice(0, 1)
  const first = plan(seen)
  assert.equal(first.keepSourceData, undefined)
  assert.ok(!codes(first).includes('original-snapshots-stay'))
})

test('only what a restore point of ours was made from is removed of the original’s snapshots', () => {
  const seen = begunByOriginal()
  const ours = (nth: number) => changeRecord(3, nth)
  seen.source.disks = seen.source.disks.map((disk, nth) => ({ ...disk, snapshots: [ours(nth), ...disk.snapshots] }))
  seen.source.strayDisks = [ours(0), ours(1)]
  seen.target.restorePoints = [restorePoint(3, 2, { generation: 1, madeFrom: ['source-2-0', 'source-2-1'] }), ...seen.target.restorePoints]
  const second = plan(seen)
  assert.ok(removed(second, 'source').includes('snapshot-2'))
  assert.ok(!removed(second, 'source').includes('snapshot-1'))
  // Our own record lies behind a tracked snapshot that stays: a file SR would lose the links between the logs.
  assert.ok(!removed(second, 'source').includes('source-3-0'))
})

test('a copy that is a VM by itself is a base by a clone, told of, and removed in its turn unless it is to be spared', () => {
  for (const spare of [undefined, 'another VM has a disk of it']) {
    const seen = begunByOriginal()
    seen.target.replica = undefined
    seen.target.restorePoints = [2, 1].map((run) => {
      const point = restorePoint(run, 2, { generation: 0, copyVm: { spare: run === 1 ? spare : undefined } })
      return { ...point, disks: point.disks.map((disk) => ({ ...disk, snapshotOf: undefined })) }
    })
    seen.policy.retention = 1
    const first = plan(seen)
    assert.deepEqual(
      first.disks.map((disk) => disk.mode !== 'skipped' && [disk.mode, disk.choice.landing.kind]),
      [
        ['delta', 'clone'],
        ['delta', 'clone'],
      ],
    )
    assert.ok(codes(first).includes('base-on-trust'))
    assert.deepEqual(removed(first, 'target'), spare === undefined ? ['point-2', 'point-1'] : ['point-2'])
    assert.ok(first.removals.every(({ side, kind, when }) => side !== 'target' || (kind === 'copy-vm' && when === 'after')))
  }
})

test('what may be somebody’s own is told of and planned for nothing', () => {
  const seen = settled()
  seen.target.doubtful = [{ uuid: 'x', name: 'web test', why: 'it was started since it was made' }]
  const text = plan(seen).warnings.find(({ code }) => code === 'not-touched')?.text
  assert.equal(text, '"web test" (x) on the target carries this job\'s marks, but it was started since it was made: it is left alone')
})
