import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseBase } from './base.ts'
import type { ReplicaDisk, RestorePoint, SourceDisk, SourceSnapshotDisk } from './observation.ts'

const GiB = 2 ** 30
const MiB = 2 ** 20

/**
 * The notation. Source snapshots of the disk, oldest first: `s1:d` data, `s1:c` data with change tracking, `s1:m` the record of
 * changes only, `s1:x` a record that is no longer tracked.
 */
function snapshots(text: string): SourceSnapshotDisk[] {
  return words(text).map((word, nth) => {
    const [uuid, kind] = word.split(':') as [string, 'd' | 'c' | 'm' | 'x']
    return {
      uuid,
      snapshotVm: kind === 'm' || kind === 'x' ? undefined : `vm-${uuid}`,
      kind: kind === 'm' || kind === 'x' ? 'cbt-metadata' : 'data',
      takenAt: nth * 1000,
      size: 1 << 30,
      cbt: kind === 'c' || kind === 'm',
      marks: { job: 'job', schedule: 'd', vm: 'vm', datetime: undefined, exported: true, chainLength: 0, sr: undefined, copyOf: undefined },
    }
  })
}

/**
 * Restore points, oldest first: `p1=s1` holds s1 and was taken of the replica's disk `r`; `p1=s1/q` of a disk q; `p1=s1/` of a disk
 * that is gone; `-` in front: not complete; `p1=` holds another disk only.
 */
function points(text: string, size: number): RestorePoint[] {
  return words(text).map((word, nth) => {
    const [, broken, uuid, copyOf, , of] = /^(-?)(\w+)=(\w*)(\/(\w*))?$/.exec(word) as unknown as string[]
    const snapshotOf = of === undefined ? 'r' : of === '' ? undefined : of
    const disk = { userdevice: '0', uuid: `${uuid}-disk`, copyOf, snapshotOf, size }
    const other = { userdevice: '1', uuid: `${uuid}-other`, copyOf: 'elsewhere', snapshotOf: 'other', size }
    return {
      uuid: uuid as string,
      name: uuid as string,
      schedule: 'd',
      takenAt: nth * 1000,
      generation: nth + 1,
      copyOf: undefined,
      disks: copyOf === '' ? [other] : [other, disk],
      complete: broken === '',
    }
  })
}

/** The replica's disk r: `unchanged | written | unknown`, `writing:s1` (broken run from s1), `writing:null`, `writing:?` (damaged), `moved`, or `gone`. */
function replica(text: string, size: number): ReplicaDisk[] {
  const other: ReplicaDisk = {
    userdevice: '1',
    uuid: 'other',
    size,
    name: 'other',
    chainDepth: undefined,
    follows: 'other-live',
    beingWritten: false,
    writing: undefined,
    sinceRestorePoint: 'unchanged',
    ours: true,
    heldBy: [],
  }
  if (text === 'gone') return [other]
  const from = /^writing:(.*)$/.exec(text)?.[1]
  return [
    other,
    {
      ...other,
      userdevice: text === 'moved' ? '5' : '0',
      uuid: 'r',
      follows: 'live',
      beingWritten: from !== undefined,
      writing: from === undefined || from === '?' ? undefined : { run: 'broken', from: from === 'null' ? null : from, to: 'lost' },
      sinceRestorePoint: from !== undefined ? 'unknown' : text === 'moved' ? 'unchanged' : (text as 'unchanged'),
    },
  ]
}

const words = (text: string) => text.split(' ').filter((word) => word !== '')

function choose(source: string, target: string, live: string, sizes: { source?: number; copy?: number } = {}): string {
  const size = sizes.source ?? GiB
  const disk: SourceDisk = {
    userdevice: '0',
    uuid: 'live',
    name: 'system',
    size,
    cbt: true,
    sharable: false,
    resets: false,
    chainDepth: undefined,
    bootable: true,
    mode: 'RW',
    snapshots: snapshots(source).reverse(),
    foreignCbtSnapshots: [],
  }
  const choice = chooseBase(disk, replica(live, sizes.copy ?? size), points(target, sizes.copy ?? size))
  assert.ok(choice.reason.text.length > 10)
  if (choice.kind === 'full') return `full: ${choice.reason.code}`
  const { landing } = choice
  const how = {
    'in-place': () => (landing.kind === 'in-place' ? ` ${landing.disk}` : ''),
    continue: () => (landing.kind === 'continue' ? ` ${landing.disk} after ${landing.brokenRun}` : ''),
    clone: () => (landing.kind === 'clone' ? ` ${landing.of}: ${landing.why.code}` : ''),
    create: () => '',
    repair: () => '',
    resume: () => (landing.kind === 'resume' ? ` ${landing.disk} from ${landing.done}` : ''),
  }[landing.kind]()
  return `delta from ${choice.base.uuid} of ${choice.restorePoint}, ${landing.kind}${how}`
}

for (const [what, source, target, live, expected] of [
  // Deltas
  [
    'the newest common content, onto the disk that is proven to hold it',
    's1:m s2:m',
    'p1=s1 p2=s2',
    'unchanged',
    'delta from s2 of p2, in-place r',
  ],
  ['a data snapshot without tracking is a base, too', 's2:d', 'p1=s1 p2=s2', 'unchanged', 'delta from s2 of p2, in-place r'],
  ['written by somebody else', 's2:m', 'p1=s1 p2=s2', 'written', 'delta from s2 of p2, clone p2-disk: written-since'],
  ['nothing tells whether it was written', 's2:m', 'p1=s1 p2=s2', 'unknown', 'delta from s2 of p2, clone p2-disk: not-provable'],
  ['the disk of the restore point is gone', 's2:m', 'p2=s2/', 'gone', 'delta from s2 of p2, clone p2-disk: replica-disk-gone'],
  ['the replica has another disk by now', 's2:m', 'p2=s2/q', 'unchanged', 'delta from s2 of p2, clone p2-disk: replica-disk-gone'],
  ['the disk hangs elsewhere on the source', 's2:m', 'p2=s2', 'moved', 'delta from s2 of p2, clone p2-disk: moved'],
  // Interrupted runs
  [
    'broken from the same base, tracked: the delta covers it',
    's2:m',
    'p2=s2',
    'writing:s2',
    'delta from s2 of p2, continue r after broken',
  ],
  ['broken from the same base, with data and tracking', 's2:c', 'p2=s2', 'writing:s2', 'delta from s2 of p2, continue r after broken'],
  ['broken from the same base, not tracked', 's2:d', 'p2=s2', 'writing:s2', 'delta from s2 of p2, clone p2-disk: interrupted'],
  ['broken from another base', 's1:m s2:m', 'p1=s1 p2=s2', 'writing:s1', 'delta from s2 of p2, clone p2-disk: interrupted'],
  ['broken full copy into the same disk', 's2:m', 'p2=s2', 'writing:null', 'delta from s2 of p2, clone p2-disk: interrupted'],
  ['a writing mark that nobody can read', 's2:m', 'p2=s2', 'writing:?', 'delta from s2 of p2, clone p2-disk: interrupted'],
  // Older bases
  [
    'the newest has no base left: an older one is cloned',
    's1:m',
    'p1=s1 p2=s2',
    'unchanged',
    'delta from s1 of p1, clone p1-disk: older-restore-point',
  ],
  [
    'the newest base is not usable: an older one is',
    's1:m s2:x',
    'p1=s1 p2=s2',
    'unchanged',
    'delta from s1 of p1, clone p1-disk: older-restore-point',
  ],
  [
    'an older base, and a run that broke from it',
    's1:m',
    'p1=s1 p2=s2',
    'writing:s1',
    'delta from s1 of p1, clone p1-disk: older-restore-point',
  ],
  [
    'what is not complete is no base, and does not make others older',
    's1:m s2:m',
    'p1=s1 -p2=s2',
    'unchanged',
    'delta from s1 of p1, in-place r',
  ],
  // Full copies
  ['nothing there', '', '', 'gone', 'full: first-copy'],
  ['nothing but an incomplete restore point', 's1:m', '-p1=s1', 'gone', 'full: first-copy'],
  ['a first copy that broke', '', '', 'writing:null', 'full: first-copy-interrupted'],
  ['a disk that no restore point holds', '', 'p1=', 'gone', 'full: new-disk'],
  ['the source has nothing left', '', 'p1=s1', 'unchanged', 'full: base-gone-on-source'],
  ['the target has other restore points only', 's3:m', 'p1=s1 p2=s2', 'unchanged', 'full: base-gone-on-target'],
  ['a record of changes that is not tracked any more', 's1:x', 'p1=s1', 'unchanged', 'full: base-not-usable'],
] as const) {
  test(`G2: ${what} → ${expected}`, () => {
    assert.equal(choose(source, target, live), expected)
  })
}

test('G2: a disk that grew keeps its base; one that shrank does not', () => {
  assert.equal(choose('s1:m', 'p1=s1', 'unchanged', { source: 2 * GiB, copy: GiB }), 'delta from s1 of p1, in-place r')
  assert.equal(choose('s1:m', 'p1=s1', 'unchanged', { source: GiB, copy: 2 * GiB }), 'full: disk-shrunk')
  assert.equal(choose('s1:m', 'p1=s1', 'unchanged', { source: GiB, copy: GiB + 4 * MiB }), 'full: disk-shrunk')
})

test('G6: a copy that is larger only because its storage rounds sizes up is no reason for a full', () => {
  for (const source of [GiB - 512, GiB - 2 * MiB + 512, GiB + 4096]) {
    const copy = Math.ceil(source / (4 * MiB)) * 4 * MiB
    assert.equal(choose('s1:m', 'p1=s1', 'unchanged', { source, copy }), 'delta from s1 of p1, in-place r', `${source}`)
  }
})

test('G6: every full copy that could have been avoided says how', () => {
  for (const [source, target] of [
    ['', 'p1=s1'],
    ['s3:m', 'p1=s1'],
    ['s1:x', 'p1=s1'],
  ] as const) {
    const disk = { ...({} as SourceDisk), uuid: 'live', userdevice: '0', size: GiB, snapshots: snapshots(source) }
    const choice = chooseBase(disk, replica('unchanged', GiB), points(target, GiB))
    assert.ok((choice.reason.avoid ?? '').length > 10, choice.reason.code)
  }
})
