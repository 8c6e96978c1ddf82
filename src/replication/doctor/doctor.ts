/** The doctor: tries on each pool everything that replication relies on, one thing after the other, and cleans up whatever happens. */
import { createByteBudget } from '../../block/budget.ts'
import type { Bench, PoolToCheck, SideName } from './bench.ts'
import { changedBlocks, dataDestroy, diskClone, enableTracking, snapshots, vhdDelta } from './change-checks.ts'
import { type Check, type CheckReport, ok, reserve, runChecks } from './check.ts'
import { certificate, headLength, login, reach } from './connection-checks.ts'
import { nbdConnections, nbdOffered, nbdReachable, nbdRead } from './nbd-checks.ts'
import { clock, hosts, latency, MOST_SKEW_S, rights, version } from './pool-checks.ts'
import { findScratch, removeScratch, type ScratchOwner } from './scratch.ts'
import { disk, events, grow, space, storage, tasks } from './storage-checks.ts'
import { readSpeed, writeSpeed } from './throughput-checks.ts'
import { chunkedImport, rawExport, vhdExport, vhdImport, write } from './transfer-checks.ts'
import { blockedStart, leftOvers, makeVm, vmClone, vmSnapshot } from './vm-checks.ts'

/** What an earlier doctor left is removed before anything is made. */
const earlier: Check = {
  id: 'earlier',
  title: 'Left of an earlier doctor',
  needs: ['login'],
  costs: 'space on the storage',
  mend: 'remove the objects named "understudy doctor …" by hand',
  dispensable: true,
  async run(bench, signal) {
    const found = await findScratch(bench.connected as NonNullable<Bench['connected']>, bench.owner, signal)
    const count = found.vms.size + found.vdis.size
    const left = await removeScratch(bench.connected as NonNullable<Bench['connected']>, found, signal)
    if (left.length > 0) return reserve(left.join('; '), earlier.costs, earlier.mend)
    const removed = count === 0 ? 'nothing' : `${count} objects, removed now`
    const alive = found.others.length === 0 ? '' : `; ${found.others.length} of a doctor that may be at work now, left alone`
    return ok(`${removed}${alive}`, { removed: count, leftAlone: found.others.length })
  },
}

/** In the order of what needs what; what attaches a snapshot comes after what must not find it attached. */
export const CHECKS: readonly Check[] = [
  ...[reach, certificate, login, headLength, version, hosts, clock, latency, rights, earlier, leftOvers],
  ...[storage, tasks, space, disk, events, grow],
  ...[chunkedImport, vhdImport, write, rawExport, vhdExport],
  ...[enableTracking, snapshots, changedBlocks, vhdDelta, dataDestroy, diskClone],
  ...[nbdOffered, nbdReachable, nbdRead, nbdConnections],
  ...[makeVm, blockedStart, vmSnapshot, vmClone],
  ...[writeSpeed, readSpeed],
]

export interface SideReport {
  readonly side: SideName
  /** URL without credentials. */
  readonly url: string
  readonly storage: { readonly uuid: string; readonly name: string; readonly type: string } | undefined
  readonly checks: readonly CheckReport[]
}

export interface DoctorReport {
  /** No check failed; there may be warnings. */
  readonly ok: boolean
  readonly summary: string
  readonly sides: readonly SideReport[]
  /** Checks of both pools together. */
  readonly together: readonly CheckReport[]
  readonly seconds: number
}

export interface DoctorOptions {
  readonly pools: readonly PoolToCheck[]
  readonly owner: ScratchOwner
  readonly signal: AbortSignal
  /** Told before each check: what it is, and how far along this is. */
  readonly onProgress?: (side: SideName, title: string, done: number, of: number) => void
  readonly checks?: readonly Check[]
}

const CLEANUP_MS = 180_000
const MEMORY = 32 * 1024 * 1024

/**
 * Checks the pools one after the other, so that neither disturbs what is measured on the other. Scratch objects are removed after each
 * pool, also when `signal` aborts: its reason is thrown then.
 */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const started = performance.now()
  const { pools, owner, signal, checks = CHECKS } = options
  const sides: SideReport[] = []
  const benches: Bench[] = []
  const together: CheckReport[] = []
  const of = pools.length * (checks.length + 1)
  try {
    for (const pool of pools) {
      const bench: Bench = { pool, owner, budget: createByteBudget(MEMORY) }
      benches.push(bench)
      const done = sides.length * (checks.length + 1)
      let reports: CheckReport[] = []
      try {
        reports = await runChecks(checks, bench, signal, ({ title }, nth) => options.onProgress?.(pool.side, title, done + nth, of))
      } finally {
        options.onProgress?.(pool.side, 'Cleaning up', done + checks.length, of)
        reports = [...reports, ...(await cleanUp(bench))]
      }
      signal.throwIfAborted()
      const { record } = bench.storage ?? {}
      sides.push({
        side: pool.side,
        url: pool.login.url,
        storage: record && { uuid: record.uuid, name: record.name_label, type: record.type },
        checks: reports,
      })
    }
    together.push(...clocks(benches))
  } finally {
    await Promise.all(benches.map(({ connected }) => connected?.close()))
  }
  const all = [...sides.flatMap((side) => side.checks), ...together]
  return {
    ok: all.every(({ outcome }) => outcome !== 'failed'),
    summary: summarise(sides, all),
    sides,
    together,
    seconds: (performance.now() - started) / 1000,
  }
}

/** Removes what this run made, and looks whether anything is left. Has its own time: the run's signal may be what ended it. */
async function cleanUp(bench: Bench): Promise<CheckReport[]> {
  const { connected: xapi, owner } = bench
  if (xapi === undefined) return []
  const started = performance.now()
  const signal = AbortSignal.timeout(CLEANUP_MS)
  const report = (outcome: CheckReport['outcome'], detail: string): CheckReport => ({
    id: 'nothing-left',
    title: 'Nothing left behind',
    outcome,
    detail,
    ...(outcome === 'ok' ? {} : { costs: earlier.costs, mend: `${earlier.mend}, or run the doctor again` }),
    seconds: (performance.now() - started) / 1000,
  })
  const mine = async () => {
    const { vms, vdis } = await findScratch(xapi, owner, signal)
    return { vms, vdis, others: [] }
  }
  try {
    let removed = 0
    let problems: string[] = []
    // A second round for what an operation that was cut short has made in the meantime.
    for (let round = 0; round < 3; round++) {
      const found = await mine()
      if (found.vms.size + found.vdis.size === 0) return [report('ok', `${removed} scratch objects made and removed`)]
      removed += found.vms.size + found.vdis.size
      problems = await removeScratch(xapi, found, signal)
    }
    const { vms, vdis } = await mine()
    if (vms.size + vdis.size === 0) return [report('ok', `${removed} scratch objects made and removed`)]
    return [report('failed', problems.join('; ') || `${vms.size + vdis.size} objects came back`)]
  } catch (error) {
    return [report('failed', `could not clean up: ${(error as Error).message}`)]
  }
}

function clocks(benches: readonly Bench[]): CheckReport[] {
  const [one, other] = benches.map(({ skewMs }) => skewMs)
  if (one === undefined || other === undefined) return []
  const seconds = Math.round((other - one) / 1000)
  const common = { id: 'clocks', title: 'Clocks of both pools', seconds: 0 }
  const figures = { targetAheadSeconds: seconds }
  if (Math.abs(seconds) <= MOST_SKEW_S) return [{ ...common, ...ok('agree', figures) }]
  const how = `the target is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the source`
  return [{ ...common, ...reserve(how, clock.costs, clock.mend, figures) }]
}

function summarise(sides: readonly SideReport[], all: readonly CheckReport[]): string {
  const failed = all.filter(({ outcome }) => outcome === 'failed').length
  const warned = all.filter(({ outcome }) => outcome === 'warning').length
  const skipped = all.filter(({ outcome }) => outcome === 'not-run').length
  if (failed > 0) {
    const rest = [warned > 0 ? counted(warned, 'warning') : '', skipped > 0 ? `${skipped} not run` : ''].filter((part) => part !== '')
    const more = rest.length > 0 ? ` (${rest.join(', ')})` : ''
    return `Do not rely on replication here yet: ${counted(failed, 'check')} failed${more}.`
  }
  const speed = (names: readonly SideName[], id: string) => {
    const found = sides.find(({ side }) => names.includes(side))?.checks.find((check) => check.id === id)?.figures?.mibPerSecond
    return found === undefined ? undefined : Math.round(found)
  }
  const reading = speed(['source', 'both'], 'read-speed')
  const writing = speed(['target', 'both'], 'write-speed')
  const speeds =
    reading === undefined || writing === undefined ? '' : `; the source reads at ${reading} MiB/s, the target writes at ${writing} MiB/s`
  if (warned === 0) return `Everything Understudy relies on works${speeds}.`
  return `Replication works here, with ${counted(warned, 'reservation')}: each says above what it costs${speeds}.`
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
