import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { changeRecord, settled, snapshotVm, sourceDisk } from '../../test/support/seen-pools.ts'
import { mergeRemovals, trackedStay } from './claims.ts'
import type { Removal } from './removals.ts'

const removal = (uuid: string, more: Partial<Removal> = {}): Removal => {
  return { side: 'source', kind: 'disk', uuid, name: uuid, reason: `${uuid} goes`, when: 'after', ...more }
}
const shape = (chains: Readonly<Record<string, readonly Removal[]>>) =>
  mergeRemovals(Object.entries(chains).map(([sr, removals]) => ({ sr, removals }))).map(
    ({ uuid, when, by, keptFor }) => `${uuid} ${when} by ${by.join('+')}${keptFor === undefined ? '' : `, kept for ${keptFor.join('+')}`}`,
  )

describe('source snapshots with several claims', () => {
  test('G5: one that another chain still needs is let go, not removed; with the last claim it is removed', () => {
    const shared = (others: string[]) => removal('s0', { keptFor: others })
    assert.deepEqual(shape({ a: [shared(['b'])] }), ['s0 after by a, kept for b'])
    assert.deepEqual(shape({ a: [shared(['b', 'c'])], b: [shared(['a', 'c'])] }), ['s0 after by a+b, kept for c'])
    assert.deepEqual(shape({ a: [shared(['b'])], b: [shared(['a'])] }), ['s0 after by a+b'])
  })

  test('G2: a left-over to one chain that is the base of another goes only after, whichever comes first', () => {
    const left = removal('s0', { when: 'before', keptFor: ['b'] })
    const base = removal('s0', { keptFor: ['a'] })
    assert.deepEqual(shape({ a: [left], b: [base] }), ['s0 after by a+b'])
    assert.deepEqual(shape({ b: [base], a: [left] }), ['s0 after by b+a'])
  })

  test('the order of each chain is kept: records of changes go oldest first', () => {
    const [s0, s1, s2] = ['s0', 's1', 's2'].map((uuid) => removal(uuid)) as [Removal, Removal, Removal]
    assert.deepEqual(
      shape({ a: [s0, s1], b: [s0, s2] }).map((line) => line.slice(0, 2)),
      ['s0', 's2', 's1'],
    )
  })

  test('G7: the new snapshot is reduced unless an older tracked one stays', () => {
    const { source } = settled()
    source.disks = [sourceDisk(0, [], { snapshots: [changeRecord(2, 0)] })]
    const removed = mergeRemovals([{ sr: 'a', removals: [removal('source-2-0')] }])
    const kept = mergeRemovals([{ sr: 'a', removals: [removal('source-2-0', { keptFor: ['b'] })] }])
    assert.equal(trackedStay([source], removed), false)
    assert.equal(trackedStay([source], kept), true)
    // Of a snapshot VM its disks count; and what is foreign to one chain may be removed by another.
    source.snapshots = [snapshotVm(2, 1)]
    const [held] = source.snapshots[0]?.disks ?? []
    source.disks = [sourceDisk(0, [], { foreignCbtSnapshots: [{ uuid: held as string, takenAt: 1 }] })]
    assert.equal(trackedStay([source], []), true)
    assert.equal(trackedStay([source], mergeRemovals([{ sr: 'b', removals: [removal('snapshot-2', { kind: 'vm-with-disks' })] }])), false)
  })
})
