/** 2,000 VMs in 100 jobs at ten-minute schedules, over simulated time: what the queue, the scheduler and the database do with them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineRequest } from '../../src/jobs/engine.ts'
import { HOUR, jobSpec, MINUTE, SOURCE, scheduleSpec, simulatedPlane, vmUuid } from '../support/simulated-plane.ts'

const JOBS = 100
const VMS = 2_000
const TAKES = 10_000
const AT_ONCE = 100

/**
 * When VM runs begin at the earliest: as many servers as the limit allows, each free again after `TAKES`. In whatever order a queue that never
 * idles serves runs of equal length, the times at which some run begins are these.
 */
function earliestStarts(arrivals: readonly number[]): number[] {
  const ordered = arrivals.toSorted((a, b) => a - b)
  const starts: number[] = []
  for (const [nth, at] of ordered.entries()) starts.push(Math.max(at, nth < AT_ONCE ? at : (starts[nth - AT_ONCE] as number) + TAKES))
  return starts
}

test('2,000 VMs in 100 jobs every ten minutes: none is left out, none overlaps, and none begins later than limits make it', async (t) => {
  const begun = new Map<string, number[]>()
  const server = await simulatedPlane({
    vms: VMS,
    keepEvents: false,
    takes: () => TAKES,
    onBegin: ({ vm }: EngineRequest) => {
      const times = begun.get(vm) ?? []
      times.push(server.clock.now())
      begun.set(vm, times)
    },
  })
  try {
    const { plane, clock, engine } = server
    // 2,000 VM runs of 10 s each in 600 s are 34 at once; jobs that happen to tick together are held up by the limit, and by nothing else.
    await plane.settings.change({ vmRunsAtOnce: 500, vmRunsPerPool: AT_ONCE, vmRunsPerSr: AT_ONCE })
    for (let nth = 0; nth < JOBS; nth++) {
      const include = Array.from(
        { length: VMS / JOBS },
        (_, each) => ({ kind: 'vm', pool: SOURCE, vm: vmUuid(nth * (VMS / JOBS) + each) }) as const,
      )
      const job = { ...jobSpec({ name: `job ${nth}`, selection: { include, exclude: [] }, settings: { vmsAtOnce: 20 } }) }
      await plane.jobs.create({ ...job, schedules: [scheduleSpec()] })
    }
    const ticks = (await plane.jobs.upcoming()).map(({ at }) => Date.parse(at as string))
    const started = performance.now()
    await clock.moveBy(20 * MINUTE)
    const seconds = (performance.now() - started) / 1000
    assert.equal(begun.size, VMS)
    assert.ok(
      [...begun.values()].every((times) => times.length === 2),
      'each VM at each of two ticks',
    )
    assert.equal(engine.begun, 2 * VMS)
    const arrivals = ticks.flatMap((at) => [at, at + 10 * MINUTE]).flatMap((at) => Array.from({ length: VMS / JOBS }, () => at))
    const earliest = earliestStarts(arrivals)
    const starts = [...begun.values()].flat().toSorted((a, b) => a - b)
    const late = starts.map((at, nth) => at - (earliest[nth] as number)).toSorted((a, b) => a - b)
    const p99 = late[Math.floor(late.length * 0.99)] as number
    t.diagnostic(
      `${engine.begun} VM runs in ${seconds.toFixed(1)} s; at most ${engine.most} at once; begun later than limits make it: p99 ${p99} ms`,
    )
    assert.ok(p99 <= 1000, `${p99}`)
    assert.ok(engine.most <= AT_ONCE)
    const { protected: kept } = await plane.replicas.counts()
    assert.equal(kept, VMS)
    assert.deepEqual(server.errors, [])
  } finally {
    await server.close()
  }
})

test('limits that are too narrow for the load: all VMs still get their turn, and jobs get it alike', async (t) => {
  const counts = new Map<string, number>()
  const server = await simulatedPlane({
    vms: 400,
    keepEvents: false,
    takes: () => 60_000,
    onBegin: ({ job }: EngineRequest) => counts.set(job, (counts.get(job) ?? 0) + 1),
  })
  try {
    const { plane, clock, engine } = server
    await plane.settings.change({ vmRunsAtOnce: 8, vmRunsPerPool: 8, vmRunsPerSr: 8 })
    // One with 310 VMs, nine with ten each: 8 a minute are 80 in ten minutes, of 400 that are asked for.
    for (let nth = 0; nth < 10; nth++) {
      const [from, size] = nth === 0 ? [90, 310] : [(nth - 1) * 10, 10]
      const include = Array.from({ length: size }, (_, each) => ({ kind: 'vm', pool: SOURCE, vm: vmUuid(from + each) }) as const)
      const job = jobSpec({ name: `job ${nth}`, selection: { include, exclude: [] }, settings: { vmsAtOnce: 50 } })
      await plane.jobs.create({ ...job, schedules: [scheduleSpec()] })
    }
    await clock.moveBy(3 * HOUR)
    assert.equal(engine.most, 8)
    const jobs = await plane.jobs.list()
    const [large, ...small] = jobs
      .toSorted((a, b) => b.selection.include.length - a.selection.include.length)
      .map(({ id }) => counts.get(id) ?? 0)
    t.diagnostic(`begun in three hours: large job ${large}, small ones ${small.join(', ')}`)
    assert.ok(Math.min(...small) >= 0.8 * Math.max(...small), small.join())
    assert.ok((large ?? 0) >= 120, `${large}`)
  } finally {
    await server.close()
  }
})
