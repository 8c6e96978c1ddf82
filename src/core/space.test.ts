import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GIB, settled, untouched } from '../../test/support/seen-pools.ts'
import { planVmRun } from './plan.ts'

const TIB = 1024 * GIB

/** A first copy of two disks of 10 and 20 GiB onto storage of 1 TiB. */
function firstCopy(sr: object, allocated?: readonly [least: number, most: number]) {
  const seen = untouched()
  seen.target.sr = { ...seen.target.sr, size: TIB, ...sr }
  if (allocated !== undefined) {
    seen.source.disks = seen.source.disks.map((disk) => ({ ...disk, allocated: { least: allocated[0], most: allocated[1] } }))
  }
  return planVmRun(seen.source, seen.target, seen.policy)
}

function verdict(planned: ReturnType<typeof planVmRun>): string {
  if (planned.kind === 'refused') return planned.refusal.code
  return planned.plan.warnings.map(({ code }) => code).join(' ')
}

const cases: readonly [what: string, sr: object, allocated: readonly [number, number] | undefined, expected: string][] = [
  ['thin, room for all of it', { free: 200 * GIB, thin: true }, undefined, ''],
  ['thin, room for what is allocated', { free: 100 * GIB, thin: true }, [GIB, 2 * GIB], ''],
  ['thin, may be too little', { free: 25 * GIB, thin: true }, undefined, 'space-short'],
  [
    'thin, a little less than what is allocated: it may be zeroes, or compress',
    { free: 15 * GIB, thin: true },
    [10 * GIB, 10 * GIB],
    'space-short',
  ],
  ['thin, far less than what is allocated', { free: 5 * GIB, thin: true }, [10 * GIB, 10 * GIB], 'no-space'],
  ['thin, little left afterwards', { free: 60 * GIB, thin: true }, undefined, 'sr-nearly-full'],
  ['thick, less than the disks', { free: 29 * GIB, thin: false }, [0, 0], 'no-space'],
  ['thick, no room for the restore point', { free: 35 * GIB, thin: false }, [4 * GIB, 4 * GIB], 'no-space'],
  ['thick, perhaps no room for the restore point', { free: 35 * GIB, thin: false }, undefined, 'space-short'],
  ['thick, room for both', { free: 200 * GIB, thin: false }, undefined, ''],
  ['of a kind that is not known', { free: GIB, thin: undefined }, undefined, ''],
  ['without an end', { free: undefined, thin: true }, undefined, ''],
]

for (const [what, sr, allocated, expected] of cases) {
  test(`a first copy onto storage: ${what}`, () => assert.equal(verdict(firstCopy(sr, allocated)), expected))
}

test('a delta in place is not refused for its size, and storage that is nearly full is told of', () => {
  const seen = settled()
  seen.target.sr = { ...seen.target.sr, size: TIB, free: 2 * GIB, thin: false }
  assert.equal(verdict(planVmRun(seen.source, seen.target, seen.policy)), 'sr-nearly-full')
})

test('what a run clears away first is not counted as missing', () => {
  const seen = untouched()
  seen.target.sr = { ...seen.target.sr, size: TIB, free: GIB, thin: false }
  seen.target.strayDisks = [{ uuid: 'left', name: 'left over' }]
  assert.equal(verdict(planVmRun(seen.source, seen.target, seen.policy)), 'space-short')
})

test('a disk that the storage can not hold is refused, and storage without snapshots for any disk', () => {
  assert.equal(verdict(firstCopy({ free: TIB, thin: true, largestDisk: 20 * GIB })), '')
  assert.equal(verdict(firstCopy({ free: TIB, thin: true, largestDisk: 20 * GIB - 1 })), 'disk-too-large')
  assert.equal(verdict(firstCopy({ free: TIB, thin: true, canSnapshot: false })), 'no-snapshots')
  const seen = untouched()
  seen.target.sr = { ...seen.target.sr, largestDisk: 15 * GIB }
  seen.source.disks = seen.source.disks.map((disk, nth) => (nth === 1 ? { ...disk, name: 'data [NOBAK]' } : disk))
  assert.equal(verdict(planVmRun(seen.source, seen.target, seen.policy)), '')
})

/** A delta in place of a VM with a suspend image of 5 GiB, which a checkpoint makes on storage of its pool. */
function withMemory(target: object, source: { free?: number; thin?: boolean; uuid?: string }, more: object = {}) {
  const seen = settled()
  seen.target.sr = { ...seen.target.sr, size: TIB, ...target }
  const storage = { uuid: 'suspend-sr', name: 'local', free: 900 * GIB, thin: true, ...source }
  const memory = { size: 5 * GIB, least: 0, storage }
  return planVmRun({ ...seen.source, memory, ...more }, seen.target, { ...seen.policy, memory: true })
}

const roomy = { free: 500 * GIB, thin: true }
for (const [what, target, source, expected, carried] of [
  ['room on both sides', roomy, {}, '', true],
  [
    'no room on thin storage for suspend images, of which the pool asks for all of it',
    roomy,
    { free: 4 * GIB },
    'memory-not-possible',
    false,
  ],
  ['thick storage for suspend images, no room for the snapshot of one', roomy, { free: 8 * GIB, thin: false }, 'space-short', true],
  ['thick storage for suspend images, room for both', roomy, { free: 10 * GIB, thin: false }, '', true],
  ['no room on thick target storage', { free: 4 * GIB, thin: false }, {}, 'memory-not-possible sr-nearly-full', false],
  ['perhaps no room on thin target storage', { free: 4 * GIB, thin: true }, {}, 'space-short', true],
  ['a target that becomes nearly full by it', { free: 56 * GIB, thin: true }, {}, 'sr-nearly-full', true],
  ['images made on the target storage itself', { free: 9 * GIB, thin: true }, { uuid: 'sr' }, 'space-short', true],
  ['images of which nothing is known', roomy, { free: undefined as never }, '', true],
] as const) {
  test(`memory: ${what}`, () => {
    const planned = withMemory(target, source)
    assert.equal(verdict(planned), expected)
    assert.equal(planned.kind === 'plan' && planned.plan.memory?.kind === 'carry', carried)
  })
}

test('a suspended VM has its image already: on thin storage a checkpoint of it takes no room', () => {
  assert.equal(verdict(withMemory(roomy, { free: GIB }, { powerState: 'Suspended' })), '')
  assert.equal(verdict(withMemory(roomy, { free: GIB, thin: false }, { powerState: 'Suspended' })), 'space-short')
})
