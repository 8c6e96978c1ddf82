import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type QueueEntry, RunQueue } from './run-queue.ts'

const WIDE = { server: 1000, pool: 1000, sr: 1000 }
let made = 0
const entry = (job: string, vm: string, more: Partial<QueueEntry> = {}): QueueEntry => ({
  id: `e${++made}`,
  job,
  run: `run of ${job}`,
  runLimit: 1000,
  vm,
  pools: ['a', 'b'],
  srs: ['b/sr'],
  ...more,
})
const names = (entries: readonly QueueEntry[]) => entries.map(({ job, vm }) => `${job}:${vm}`)

test('two runs of a VM never overlap, whatever job, run or target they are of', () => {
  const queue = new RunQueue(WIDE)
  queue.add(entry('one', 'vm'))
  queue.add(entry('two', 'vm', { pools: ['c'], srs: ['c/other'] }))
  queue.add(entry('one', 'another'))
  const [first, ...others] = queue.takeReady()
  assert.deepEqual(names([first as QueueEntry, ...others]), ['one:vm', 'one:another'])
  assert.deepEqual(queue.takeReady(), [])
  queue.finish((first as QueueEntry).id)
  assert.deepEqual(names(queue.takeReady()), ['two:vm'])
})

for (const [what, limits, more, expected] of [
  ['the whole server', { ...WIDE, server: 3 }, {}, { kind: 'server' }],
  ['a pool', { ...WIDE, pool: 3 }, {}, { kind: 'pool', id: 'a' }],
  ['a storage repository', { ...WIDE, sr: 3 }, {}, { kind: 'sr', id: 'b/sr' }],
  ['a run', WIDE, { runLimit: 3 }, { kind: 'run' }],
] as const) {
  test(`the limit of ${what} holds, and what waits for it says so`, () => {
    const queue = new RunQueue(limits)
    const entries = Array.from({ length: 10 }, (_, nth) => entry('job', `vm${nth}`, more))
    for (const each of entries) queue.add(each)
    const running = queue.takeReady()
    assert.equal(running.length, 3)
    assert.deepEqual(queue.obstacleOf(entries[3] as QueueEntry), expected)
    queue.finish(running[1]?.id as string)
    assert.equal(queue.takeReady().length, 1)
    assert.equal(queue.underWay, 3)
    assert.equal(queue.queued, 6)
  })
}

test('the source side of a pool counts as well as its target side, and a run within one pool once', () => {
  const queue = new RunQueue({ ...WIDE, pool: 2 })
  queue.add(entry('one', 'x', { pools: ['a', 'b'], srs: ['b/1'] }))
  queue.add(entry('two', 'y', { pools: ['b', 'a'], srs: ['a/1'] }))
  queue.add(entry('three', 'z', { pools: ['a', 'a'], srs: ['a/2'] }))
  queue.add(entry('four', 'w', { pools: ['c', 'c'], srs: ['c/1'] }))
  assert.deepEqual(names(queue.takeReady()), ['one:x', 'two:y', 'four:w'])
})

test('jobs take turns: a job with many VMs does not keep another from beginning', () => {
  const queue = new RunQueue({ ...WIDE, server: 1 })
  for (let nth = 0; nth < 50; nth++) queue.add(entry('large', `large${nth}`))
  const order: string[] = []
  const step = () => {
    const [next] = queue.takeReady()
    if (next === undefined) return
    order.push(next.job)
    queue.finish(next.id)
  }
  for (let nth = 0; nth < 10; nth++) step()
  for (let nth = 0; nth < 5; nth++) queue.add(entry('small', `small${nth}`))
  for (let nth = 0; nth < 12; nth++) step()
  assert.deepEqual(order.slice(0, 10), Array(10).fill('large'))
  assert.equal(
    order.slice(10).filter((job) => job === 'small').length,
    5,
    'all of the small one are through after about twice as many steps',
  )
})

test('a job that was idle does not get back turns that it did not need', () => {
  const queue = new RunQueue({ ...WIDE, server: 1 })
  queue.add(entry('idle', 'i0'))
  for (let nth = 0; nth < 100; nth++) queue.add(entry('busy', `b${nth}`))
  const step = () => {
    const [next] = queue.takeReady()
    queue.finish((next as QueueEntry).id)
    return (next as QueueEntry).job
  }
  for (let nth = 0; nth < 40; nth++) step()
  for (let nth = 0; nth < 20; nth++) queue.add(entry('idle', `i${nth + 1}`))
  const order = Array.from({ length: 10 }, step)
  assert.ok(order.includes('busy'), order.join())
})

test('what needs two pools at once gets its turn while both are always wanted by others', () => {
  const queue = new RunQueue({ ...WIDE, pool: 1 })
  const running: QueueEntry[] = []
  const feed = (pool: string, nth: number) => queue.add(entry(`only ${pool}`, `${pool}${nth}`, { pools: [pool], srs: [`${pool}/sr`] }))
  feed('a', 0)
  feed('b', 0)
  running.push(...queue.takeReady())
  queue.add(entry('both', 'both'))
  // The two pools come free one after the other, never at once, and somebody always waits for each.
  for (let nth = 1; nth < 500; nth++) {
    const pool = nth % 2 === 0 ? 'a' : 'b'
    feed(pool, nth)
    const done = running.findIndex(({ pools }) => pools[0] === pool)
    if (done >= 0) queue.finish(running.splice(done, 1)[0]?.id as string)
    running.push(...queue.takeReady())
    if (running.some(({ job }) => job === 'both')) {
      assert.ok(nth > 10, 'not without being overtaken: otherwise this proves nothing')
      return
    }
  }
  assert.fail('it never began')
})

test('pools that are held up keep only what uses them', () => {
  const queue = new RunQueue(WIDE)
  queue.setLimits(WIDE, new Set(['b']))
  const held = entry('one', 'x')
  queue.add(held)
  queue.add(entry('two', 'y', { pools: ['a'], srs: ['a/sr'] }))
  assert.deepEqual(names(queue.takeReady()), ['two:y'])
  assert.deepEqual(queue.obstacleOf(held), { kind: 'held-pool', id: 'b' })
  queue.setLimits(WIDE, new Set())
  assert.deepEqual(names(queue.takeReady()), ['one:x'])
})

test('what waits can be taken out, also when it waits behind its VM; what is under way can not', () => {
  const queue = new RunQueue({ ...WIDE, server: 1 })
  const [first, second, behind] = [entry('one', 'x'), entry('one', 'y'), entry('two', 'x')]
  queue.add(first)
  queue.takeReady()
  queue.add(second)
  queue.add(behind)
  assert.equal(queue.remove(first), false)
  assert.equal(queue.remove(behind), true)
  assert.equal(queue.remove(behind), false)
  assert.equal(queue.remove(second), true)
  assert.equal(queue.queued, 0)
  queue.finish(first.id)
  assert.deepEqual(queue.takeReady(), [])
})

test('random work: limits are never passed, nothing is lost, everything begins in the end', () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >> 8) % below
  }
  const limits = { server: 9, pool: 4, sr: 3 }
  const queue = new RunQueue(limits)
  const running = new Map<string, QueueEntry>()
  const begun = new Set<string>()
  const removed = new Set<string>()
  const all: QueueEntry[] = []
  for (let step = 0; step < 4000; step++) {
    if (step < 2000 && random(3) > 0) {
      const pools = [`p${random(4)}`, `p${random(4)}`]
      const job = `j${random(8)}`
      const each = entry(job, `vm${random(60)}`, { run: `${job}/${random(3)}`, runLimit: 2, pools, srs: [`${pools[1]}/s${random(2)}`] })
      all.push(each)
      queue.add(each)
    }
    if (random(20) === 0) {
      const one = all[random(Math.max(1, all.length))]
      if (one !== undefined && queue.remove(one)) removed.add(one.id)
    }
    const ids = [...running.keys()]
    if (ids.length > 0 && random(2) === 0) {
      const id = ids[random(ids.length)] as string
      running.delete(id)
      queue.finish(id)
    }
    for (const next of queue.takeReady()) {
      assert.ok(!begun.has(next.id) && !removed.has(next.id), `seed ${seed}: begun once`)
      begun.add(next.id)
      running.set(next.id, next)
    }
    const now = [...running.values()]
    const count = (of: (each: QueueEntry) => readonly string[]) => {
      const counts = new Map<string, number>()
      for (const each of now) for (const key of new Set(of(each))) counts.set(key, (counts.get(key) ?? 0) + 1)
      return Math.max(0, ...counts.values())
    }
    assert.ok(now.length <= limits.server, `seed ${seed}`)
    assert.ok(count(({ pools }) => pools) <= limits.pool, `seed ${seed}`)
    assert.ok(count(({ srs }) => srs) <= limits.sr, `seed ${seed}`)
    assert.ok(count(({ run }) => [run]) <= 2, `seed ${seed}`)
    assert.ok(count(({ vm }) => [vm]) <= 1, `seed ${seed}`)
  }
  while (running.size > 0) {
    for (const id of [...running.keys()]) {
      running.delete(id)
      queue.finish(id)
    }
    for (const next of queue.takeReady()) {
      begun.add(next.id)
      running.set(next.id, next)
    }
  }
  assert.equal(queue.queued, 0, `seed ${seed}`)
  assert.equal(begun.size + removed.size, all.length, `seed ${seed}`)
})
