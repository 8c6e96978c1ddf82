/** A control plane on simulated pools, engine and clock, and a database in memory: what tests of scheduling drive. */
import { randomUUID } from 'node:crypto'
import type { JobSpec, ScheduleSpec } from '../../src/core/control/job.ts'
import type { ControlPlane, ServerEvent } from '../../src/jobs/control-plane.ts'
import { type ControlPlaneTiming, createControlPlane } from '../../src/jobs/create-control-plane.ts'
import { openStore, type Store } from '../../src/store/open-store.ts'
import { openSecrets } from '../../src/store/secrets/secrets.ts'
import { type ClockedEngine, type ClockedRuns, clockedEngine } from './clocked-engine.ts'
import { type SettablePools, settablePools, settableSr, settableVm } from './settable-pools.ts'
import { type SimulatedClock, simulatedClock } from './simulated-clock.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const NOON = Date.parse('2026-05-01T12:00:00Z')

export interface SimulatedPlane {
  readonly plane: ControlPlane
  readonly clock: SimulatedClock
  readonly pools: SettablePools
  readonly engine: ClockedEngine
  readonly store: Store
  readonly events: ServerEvent[]
  /** What nobody planned for. */
  readonly errors: unknown[]
  /** Closes the control plane and makes another one on the same store, as a server that is started again; `kill`: without closing. */
  restart(how?: { readonly kill?: boolean; readonly after?: number }): Promise<void>
  close(): Promise<void>
}

export interface PlaneSettings extends Partial<ClockedRuns> {
  readonly vms?: number
  readonly keepEvents?: boolean
  readonly timing?: Partial<ControlPlaneTiming>
  readonly now?: number
  /** In this folder instead of in memory. */
  readonly folder?: string
}

export const SOURCE = 'source'
export const TARGET = 'target'
export const SR = '00000000-0000-4000-8000-00000000005a'
/** uuid of the nth VM of the source pool. */
export const vmUuid = (nth: number): string => `00000000-0000-4000-8000-${`${nth}`.padStart(12, '0')}`

export async function simulatedPlane(settings: PlaneSettings = {}): Promise<SimulatedPlane> {
  const { vms = 3, keepEvents = true, timing = {}, takes = () => 20_000, ...runs } = settings
  const clock = simulatedClock(settings.now ?? NOON)
  const pools = settablePools()
  pools.set(SOURCE, {
    vms: Array.from({ length: vms }, (_, nth) => settableVm(vmUuid(nth), { name: `vm-${nth}`, tags: [`t${nth % 10}`] })),
    srs: [],
  })
  pools.set(TARGET, { vms: [], srs: [settableSr(SR)] })
  const store = await openStore(settings.folder === undefined ? { memory: true } : { folder: settings.folder })
  const secrets = await openSecrets(store, {})
  const events: ServerEvent[] = []
  const errors: unknown[] = []
  const make = () => {
    const engine = clockedEngine(clock, { takes, ...runs })
    const plane = createControlPlane({
      store,
      secrets,
      pools,
      engine,
      clock,
      timing,
      onError: (error) => {
        // Nothing can be learnt of pools that are none.
        if (!String(error).includes('simulated pools have no such thing')) errors.push(error)
      },
    })
    if (keepEvents) plane.onEvent((event) => events.push(event))
    return { engine, plane }
  }
  let current = make()
  await current.plane.start()
  return {
    get plane() {
      return current.plane
    },
    get engine() {
      return current.engine
    },
    clock,
    pools,
    store,
    events,
    errors,
    async restart({ kill = false, after = 0 } = {}) {
      if (kill) clock.forget()
      else await closing(current.plane, clock)
      clock.jump(clock.now() + after)
      current = make()
      await current.plane.start()
      await clock.moveBy(0)
    },
    async close() {
      await closing(current.plane, clock)
      await store.close()
    },
  }
}

/** What closing waits for is given time to pass. */
async function closing(plane: ControlPlane, clock: SimulatedClock): Promise<void> {
  let closed = false
  const done = plane.close(1000).finally(() => {
    closed = true
  })
  await clock.moveBy(0)
  while (!closed) await clock.moveBy(1000)
  await done
}

export const jobSpec = (more: Partial<JobSpec> = {}): JobSpec => ({
  name: 'job',
  enabled: true,
  selection: { include: [{ kind: 'pool', pool: SOURCE }], exclude: [] },
  targets: [{ pool: TARGET, sr: SR }],
  settings: {},
  ...more,
})

export const scheduleSpec = (more: Partial<ScheduleSpec> = {}): ScheduleSpec => ({
  name: 'every ten minutes',
  enabled: true,
  timing: { kind: 'interval', minutes: 10 },
  retention: { last: 3 },
  settings: {},
  ...more,
})

export const SYSTEM = { kind: 'user', id: randomUUID(), name: 'tester' } as const
