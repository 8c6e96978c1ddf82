/** What every plan has to hold to, whatever was seen: random facts, also such as should not occur. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { EXPORTED, NO_MARKS, NOON, replicaDisk, restorePoint, type Seen, settled, sourceDisk } from '../../test/support/seen-pools.ts'
import type { SourceSnapshotDisk } from './observation.ts'
import { planVmRun, type VmRunPlan } from './plan.ts'
import { newestFirst } from './restore-point-order.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300) * 20

type Random = (below: number) => number

/** A source and a target on which runs of two schedules, and somebody else, did this and that. */
function randomSeen(random: Random): Seen {
  const seen = settled()
  const pick = <T>(...from: T[]) => from[random(from.length)] as T
  const disks = random(4)
  const runs = Array.from({ length: random(6) }, (_, nth) => nth + 1)
  // Clocks go back now and then.
  const time = (run: number) => NOON + (random(8) ? run : random(8)) * 3_600_000

  const left = new Map<number, SourceSnapshotDisk[]>()
  seen.source.snapshots = []
  seen.source.strayDisks = []
  for (const run of runs) {
    const snapshot = random(3) === 0 ? `snapshot-${run}` : undefined
    const exported = random(4) > 0
    const held: string[] = []
    for (let nth = 0; nth < disks; nth++) {
      if (random(4) === 0) continue
      const disk: SourceSnapshotDisk = {
        uuid: `source-${run}-${nth}`,
        snapshotVm: snapshot,
        kind: snapshot === undefined && random(8) ? 'cbt-metadata' : 'data',
        takenAt: time(run),
        size: 1 << 30,
        cbt: random(5) > 0,
        marks: exported ? EXPORTED : NO_MARKS,
      }
      left.set(nth, [disk, ...(left.get(nth) ?? [])])
      if (snapshot === undefined) seen.source.strayDisks.push(disk)
      else held.push(disk.uuid)
    }
    if (snapshot !== undefined) {
      seen.source.snapshots.push({
        uuid: snapshot,
        name: snapshot,
        marks: exported ? EXPORTED : NO_MARKS,
        unfinished: !exported || random(9) === 0,
        disks: held,
      })
    }
  }
  seen.source.disks = Array.from({ length: disks }, (_, nth) =>
    sourceDisk(nth, [], {
      userdevice: String(random(9) ? nth : nth + 4),
      name: random(9) ? `disk ${nth}` : '[nobak] disk',
      snapshots: left.get(nth) ?? [],
      foreignCbtSnapshots: random(4) ? [] : [{ uuid: `foreign-${nth}`, takenAt: time(random(6)) }],
    }),
  )

  seen.target.restorePoints = runs
    .filter(() => random(4) > 0)
    .map((run) => {
      const point = restorePoint(run, disks, {
        schedule: pick('daily', 'daily', 'weekly', undefined),
        generation: random(6) ? run : 0,
        takenAt: time(run),
        complete: random(5) > 0,
      })
      const change = (disk: (typeof point.disks)[number]) => ({
        ...disk,
        copyOf: random(9) ? disk.copyOf : pick(undefined, `source-${random(6)}-0`),
        snapshotOf: random(6) ? disk.snapshotOf : pick(undefined, 'replica-disk-9'),
        size: random(12) ? disk.size : disk.size * 2,
      })
      return { ...point, disks: point.disks.filter(() => random(8) > 0).map(change) }
    })
  seen.target.strayDisks = Array.from({ length: random(3) }, (_, nth) => ({ uuid: `stray-${nth}`, name: 'left' }))
  if (random(6) === 0) seen.target.replica = undefined
  else {
    const replicaDisks = Array.from({ length: random(5) }, (_, nth) => {
      const beingWritten = random(3) === 0
      const writing =
        beingWritten && random(4)
          ? { run: 'broken', from: pick(null, `source-${runs.length}-${nth}`, `source-${1 + random(5)}-${nth}`), to: 'lost' }
          : undefined
      return replicaDisk(nth, {
        beingWritten,
        writing,
        sinceRestorePoint: beingWritten ? 'unknown' : pick('unchanged', 'unchanged', 'written', 'unknown'),
        // One that is not, where a disk of the source's has to go, is refused.
        ours: seen.source.disks.some(({ userdevice }) => userdevice === String(nth)) || random(6) > 0,
      })
    })
    seen.target.replica = { uuid: 'replica', name: 'web', powerState: 'Halted', protected: true, disks: replicaDisks }
  }
  seen.policy.retention = 1 + random(4)
  return seen
}

/** Makes many plans and gives each to `check`, with the round in what it throws. */
function everyPlan(offset: number, check: (plan: VmRunPlan, seen: Seen) => void): void {
  const random = randomNumbers(seed + offset)
  for (let round = 0; round < rounds; round++) {
    const seen = randomSeen(random)
    const planned = planVmRun(seen.source, seen.target, seen.policy)
    assert.equal(planned.kind, 'plan')
    if (planned.kind !== 'plan') return
    try {
      check(planned.plan, seen)
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify({ seen, plan: planned.plan })}`, { cause: error })
    }
  }
}

const deltas = (plan: VmRunPlan) =>
  plan.disks.flatMap((disk) => (disk.mode !== 'skipped' && disk.choice.kind === 'delta' ? [disk.choice] : []))

test(`G5: the newest complete restore point is there until a newer one is, and stays where retention counts it (seed ${seed}, ${rounds} plans)`, () => {
  let seenRemovals = 0
  everyPlan(0, (plan, { target, policy }) => {
    const complete = newestFirst(target.restorePoints.filter((point) => point.complete))
    const removed = new Map(plan.removals.filter(({ side }) => side === 'target').map((removal) => [removal.uuid, removal]))
    for (const { uuid, schedule } of complete) {
      const removal = removed.get(uuid)
      if (removal === undefined) continue
      seenRemovals++
      assert.equal(removal.when, 'after', 'a restore point goes before the new one is made')
      assert.equal(schedule, policy.schedule, 'a restore point of another schedule goes')
    }
    // After the run: what is left of this schedule, with the new one, is as many as asked for and the newest of them.
    const own = complete.filter(({ schedule }) => schedule === policy.schedule)
    assert.deepEqual(
      own.filter(({ uuid }) => !removed.has(uuid)),
      own.slice(0, Number(policy.retention) - 1),
    )
  })
  assert.ok(seenRemovals > rounds / 100 || rounds < 6000, 'the facts were too tame')
})

test(`G5: the base of a planned delta is there, on both sides, until the new restore point is (seed ${seed})`, () => {
  let seenBases = 0
  everyPlan(1, (plan, { source, target }) => {
    const before = new Set(plan.removals.filter(({ when }) => when === 'before').map(({ uuid }) => uuid))
    const gone = new Set([...before, ...source.snapshots.filter(({ uuid }) => before.has(uuid)).flatMap(({ disks }) => disks)])
    const points = target.restorePoints.filter(({ uuid }) => !before.has(uuid))
    for (const { base, landing, restorePoint: point } of deltas(plan)) {
      seenBases++
      assert.ok(!gone.has(base.uuid), 'the source base goes first')
      assert.ok(
        points.some(({ uuid, complete }) => uuid === point && complete),
        'its restore point goes first, or is none',
      )
      if (landing.kind === 'clone') assert.ok(points.some(({ disks }) => disks.some(({ uuid }) => uuid === landing.of)))
      if (landing.kind === 'in-place' || landing.kind === 'continue') {
        assert.ok(!plan.dropDisks.some(({ uuid }) => uuid === landing.disk))
        assert.ok(!gone.has(landing.disk))
      }
    }
  })
  assert.ok(seenBases > rounds / 10 || rounds < 6000, 'the facts were too tame')
})

test(`G2: what is written in place is proven to hold the base, or was written from it by tracked runs only (seed ${seed})`, () => {
  const landings = { 'in-place': 0, continue: 0, clone: 0, create: 0 }
  everyPlan(2, (plan, { source, target }) => {
    for (const disk of plan.disks) {
      if (disk.mode === 'skipped') continue
      const { choice } = disk
      // Resuming has tests of its own: no facts here have a checkpoint.
      if (choice.landing.kind === 'resume' || choice.landing.kind === 'repair') assert.fail('nothing to resume, nobody asked to repair')
      else landings[choice.landing.kind]++
      if (choice.kind === 'full') {
        assert.equal(choice.landing.kind, 'create')
        continue
      }
      const from = source.disks.find(({ uuid }) => uuid === disk.source)
      assert.ok(from?.snapshots.includes(choice.base))
      const point = target.restorePoints.find(({ uuid }) => uuid === choice.restorePoint)
      const copy = point?.disks.find(({ copyOf }) => copyOf === choice.base.uuid)
      assert.ok(copy)
      const { landing } = choice
      if (landing.kind === 'clone') assert.equal(landing.of, copy.uuid)
      if (landing.kind !== 'in-place' && landing.kind !== 'continue') continue
      const live = target.replica?.disks.find(({ uuid }) => uuid === landing.disk)
      assert.equal(live?.uuid, copy.snapshotOf)
      assert.equal(live?.userdevice, disk.userdevice)
      assert.equal(newestFirst(target.restorePoints.filter(({ complete }) => complete))[0], point)
      if (landing.kind === 'in-place') assert.deepEqual([live?.beingWritten, live?.sinceRestorePoint], [false, 'unchanged'])
      else assert.deepEqual([live?.writing?.from, choice.base.cbt], [choice.base.uuid, true])
    }
  })
  for (const [kind, count] of Object.entries(landings)) assert.ok(count > rounds / 1000 || rounds < 6000, `${kind}: ${count}`)
})

test(`G8: only what carries our marks is removed, each thing once (seed ${seed})`, () => {
  everyPlan(3, (plan, { source, target }) => {
    const ours = new Set([
      ...source.snapshots.map(({ uuid }) => uuid),
      ...source.strayDisks.map(({ uuid }) => uuid),
      ...target.restorePoints.map(({ uuid }) => uuid),
      ...target.strayDisks.map(({ uuid }) => uuid),
    ])
    const uuids = plan.removals.map(({ uuid }) => uuid)
    assert.equal(new Set(uuids).size, uuids.length)
    for (const uuid of uuids) assert.ok(ours.has(uuid), uuid)
    for (const { uuid } of plan.dropDisks) assert.ok(target.replica?.disks.find((disk) => disk.uuid === uuid)?.ours)
  })
})

test(`G8: records of changes go oldest first, and never from between somebody else's (seed ${seed})`, () => {
  everyPlan(4, (plan, { source }) => {
    const records = plan.removals.flatMap(({ uuid }) => source.strayDisks.find((stray) => stray.uuid === uuid) ?? [])
    for (const when of ['before', 'after'] as const) {
      const times = records.filter(({ uuid }) => plan.removals.some((removal) => removal.uuid === uuid && removal.when === when))
      assert.deepEqual(
        times.map(({ takenAt }) => takenAt),
        times.map(({ takenAt }) => takenAt).sort((a, b) => a - b),
      )
    }
    for (const record of records.filter(({ kind }) => kind === 'cbt-metadata')) {
      const disk = source.disks.find(({ snapshots }) => snapshots.includes(record))
      assert.ok(disk?.foreignCbtSnapshots.every(({ takenAt }) => takenAt > record.takenAt))
    }
  })
})

test(`G6: each disk, each removal and each interface comes with its reason (seed ${seed})`, () => {
  everyPlan(5, (plan, { source, target }) => {
    assert.deepEqual(
      plan.disks.map((disk) => disk.source),
      source.disks.map(({ uuid }) => uuid),
    )
    for (const { reason } of [...plan.disks, ...plan.vifs]) assert.ok(/^[a-z-]+$/.test(reason.code) && reason.text.length > 5)
    for (const { reason } of [...plan.removals, ...plan.dropDisks, ...plan.retention]) assert.ok(reason.length > 5)
    assert.equal(plan.retention.length, target.restorePoints.length)
  })
})
