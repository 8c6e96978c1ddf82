/** 2,000 VMs in 100 jobs at ten-minute schedules, over simulated time: what the queue, the scheduler and the database do with them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineRequest } from '../../src/jobs/engine.ts'
import { HOUR, jobSpec, MINUTE, SOURCE, scheduleSpec, simulatedPlane, vmUuid } from '../support/simulated-plane.ts'

const JOBS = 100
const VMS = 2_000
const TAKES = 10_000

test('2,000 VMs in 100 jobs every ten minutes: none is left out, none overlaps, and none begins later than limits make it', async (t) => {
  const begun = new Map<string, number[]>()
  const late: number[] = []
  let ticks: ReadonlyMap<string, number> = new Map()
  const server = await simulatedPlane({
    vms: VMS,
    keepEvents: false,
    takes: () => TAKES,
    onBegin: ({ vm, job }: EngineRequest) => {
      const times = begun.get(vm) ?? []
      times.push(server.clock.now())
      begun.set(vm, times)
      const tick = ticks.get(job)
      if (tick !== undefined) late.push((server.clock.now() - tick) % (10 * MINUTE))
    },
  })
  try {
    const { plane, clock, engine } = server
    // 2,000 VM runs of 10 s each in 600 s are 34 at once: with room for all of them to begin at their tick, every delay is the scheduler's.
    await plane.settings.change({ vmRunsAtOnce: 500, vmRunsPerPool: 100, vmRunsPerSr: 100 })
    for (let nth = 0; nth < JOBS; nth++) {
      const include = Array.from(
        { length: VMS / JOBS },
        (_, each) => ({ kind: 'vm', pool: SOURCE, vm: vmUuid(nth * (VMS / JOBS) + each) }) as const,
      )
      const job = { ...jobSpec({ name: `job ${nth}`, selection: { include, exclude: [] }, settings: { vmsAtOnce: 20 } }) }
      await plane.jobs.create({ ...job, schedules: [scheduleSpec()] })
    }
    ticks = new Map((await plane.jobs.upcoming()).map(({ job, at }) => [job, Date.parse(at as string)]))
    const started = performance.now()
    await clock.moveBy(20 * MINUTE)
    const seconds = (performance.now() - started) / 1000
    assert.equal(begun.size, VMS)
    assert.ok(
      [...begun.values()].every((times) => times.length === 2),
      'each VM at each of two ticks',
    )
    assert.equal(engine.begun, 2 * VMS)
    late.sort((a, b) => a - b)
    const p99 = late[Math.floor(late.length * 0.99)] as number
    t.diagnostic(
      `${engine.begun} VM runs in ${seconds.toFixed(1)} s; at most ${engine.most} at once; begun after their tick: p50 ${late[late.length >> 1]} ms, p99 ${p99} ms`,
    )
    // The limit of 100 at once can be reached by jobs that happen to tick together: then VMs wait for those before them.
    assert.ok(p99 <= TAKES, `${p99}`)
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
