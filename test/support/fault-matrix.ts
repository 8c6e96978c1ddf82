/**
 * Every fault of the lab at every stage of a run: the run succeeds with the right bytes, or ends with one clear error; the next one, without
 * the fault, succeeds and leaves nothing but the chain behind.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Failure } from '../../src/core/failure.ts'
import type { RunStage } from '../../src/core/report.ts'
import type { NewFault } from '../../src/lab/faults/fault.ts'
import { explainError } from '../../src/replication/explain.ts'
import { chainBetween, hashesOfPoint } from '../support/replicating.ts'
import { type StartedPool, startLab } from './lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  hashesOf,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicate,
  restorePoints,
} from './replicating.ts'

export const STAGES = ['inspect', 'clean', 'snapshot', 'transfer', 'verify', 'commit', 'prune'] as const satisfies readonly RunStage[]

/** What strikes from the beginning of a stage on. Everything that can be asked of either side. */
export const FAULTS: Readonly<Record<string, NewFault>> = {
  'an error from the next changing call': {
    kind: 'error',
    match: { method: 'V*.*', form: 'plain' },
    code: 'SR_BACKEND_FAILURE_46',
    params: ['', 'unavailable', ''],
  },
  'an error from the next task': {
    kind: 'error',
    match: { form: 'async' },
    code: 'SR_BACKEND_FAILURE_82',
    params: ['', 'no snapshot', ''],
    on: 'task',
  },
  'a connection cut before the next call': { kind: 'cut', match: { method: '*' }, when: 'before' },
  'the answer of the next call lost': { kind: 'cut', match: { method: '*' }, when: 'after' },
  'the answer of the next task lost': { kind: 'cut', match: { form: 'async' }, when: 'after' },
  'NBD cut in the middle': { kind: 'cut', match: { connection: 'nbd', at: 100_000 } },
  'the import cut in the middle': { kind: 'cut', match: { connection: 'import', at: 100_000 } },
  'a byte corrupted on its way in': { kind: 'corrupt', match: { connection: 'import', at: 70_000 }, where: 'disk' },
  'an export that looks ended': { kind: 'truncate', match: { connection: 'export', at: 3000 } },
  'a slow task': { kind: 'slow-task', match: { method: '*' }, seconds: 1 },
  'a toolstack restart': { kind: 'restart', match: { method: '*' } },
  'sessions expired': { kind: 'expire-sessions', match: { method: '*' } },
  'events lost': { kind: 'lose-events', match: {}, count: 1 },
  'chunked imports refused': { kind: 'no-chunked-import' },
  'a disk that is in use for a while': { kind: 'vdi-in-use', match: {}, seconds: 1 },
  'a storage that is full': { kind: 'sr-full', bytes: 1 * MIB },
  'another certificate': { kind: 'certificate', match: { method: '*' } },
  'a slow network': { kind: 'network', roundTripMs: 20 },
}

export interface Cell {
  readonly fault: string
  readonly stage: (typeof STAGES)[number]
  readonly side: 'source' | 'target'
  readonly copy: 'first' | 'delta'
}

export interface CellResult extends Cell {
  /** `ok`, or the code of the one clear error. */
  readonly outcome: string
  readonly struck: boolean
}

export function allCells(): Cell[] {
  const cells: Cell[] = []
  for (const fault of Object.keys(FAULTS))
    for (const stage of STAGES)
      for (const side of ['source', 'target'] as const)
        for (const copy of ['first', 'delta'] as const) cells.push({ fault, stage, side, copy })
  return cells
}

/** Runs the cells one after the other on one lab. Throws at the first that breaks a guarantee, naming it. */
export async function runMatrix(
  cells: readonly Cell[],
  log: (result: CellResult) => void = () => undefined,
  settings: (nth: number) => How = inTurn,
): Promise<CellResult[]> {
  const lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
  try {
    const [source, target] = lab.pools as [StartedPool, StartedPool]
    const results: CellResult[] = []
    for (const [nth, cell] of cells.entries()) {
      const how = settings(nth)
      try {
        const result = await runCell(cell, how, source, target)
        log(result)
        results.push(result)
      } catch (error) {
        throw new Error(`${cell.fault}, ${cell.stage}, ${cell.side}, ${cell.copy}, ${JSON.stringify(how)}: ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
    return results
  } finally {
    await lab.close()
  }
}

/** Small segments make several uploads that overlap; a third of the cells has them, and a third carries the memory. */
export const SETTINGS: readonly How[] = [{ leastSegment: 1 * MIB }, { memory: true }, {}]
const inTurn = (nth: number): How => SETTINGS[nth % SETTINGS.length] as How

type How = Pick<NonNullable<Parameters<typeof replicate>[1]>, 'leastSegment' | 'memory'>

async function runCell(cell: Cell, settings: How, source: StartedPool, target: StartedPool): Promise<CellResult> {
  const vm = await makeVm(source, [32 * MIB, 16 * MIB], { tools: true, memory: 64 * MIB })
  const chain = chainBetween(source, target, vm)
  const lockTiming = { beatMs: 200, patienceMs: 1000 }
  const states = new Map<string, Record<string, string>>()
  const run = async (how: Parameters<typeof replicate>[1] = {}) => {
    const id = randomUUID()
    const before = [...states.values()].at(-1)
    states.set(id, await hashesOf(source, vm))
    const report = await replicate(chain, { run: id, lockTiming, verify: 'changed', ...settings, ...how })
    // A run that went on with the snapshot of an interrupted one makes a restore point of that snapshot.
    if (report.plan.resume !== undefined) states.set(id, before as Record<string, string>)
    return report
  }
  if (cell.copy === 'delta') await run()
  await write(source, vm)
  const pool = cell.side === 'source' ? source : target
  const { faults } = pool.pool
  const setting: Promise<unknown>[] = []
  let outcome = 'ok'
  try {
    await run({
      onEvent: (event) => {
        if (event.kind === 'stage' && event.stage === cell.stage && setting.length === 0)
          setting.push(faults.add(FAULTS[cell.fault] as NewFault))
      },
    })
  } catch (error) {
    const explained = explainError(error)
    assert.ok(explained instanceof Failure, `an error that nobody explains: ${(error as Error).stack}`)
    assert.doesNotMatch(explained.message, /\n|OpaqueRef:[0-9a-f-]{36}\?|session_id/, 'one line, without secrets')
    outcome = explained.code
  }
  await Promise.all(setting)
  const struck = faults.fired().length > 0 || ['no-chunked-import', 'network'].includes((FAULTS[cell.fault] as NewFault).kind)
  await faults.clearAll()
  await assertPointsHold(chain, states, vm)
  await write(source, vm)
  const next = await run()
  await assertPointsHold(chain, states, vm)
  const [left, right] = [await look(source), await look(target)]
  assert.ok(restorePoints(right, chain).some((point) => point.run === next.run))
  assertProtected(right, chain)
  assertNoLeftovers(left, right, chain, vm)
  assert.equal([...left.VM.values()].find(({ uuid }) => uuid === vm.uuid)?.power_state, 'Running', 'the source VM runs on')
  await removeEverything(chain, vm)
  return { ...cell, outcome, struck }
}

const write = (source: StartedPool, vm: MadeVm) => source.post('/guest/random', { vm: vm.uuid, count: 20, seed: randomUUID() })

/** G1: whatever can be seen of restore points holds what its run's source snapshot held. */
async function assertPointsHold(chain: Chain, states: ReadonlyMap<string, Record<string, string>>, vm: MadeVm): Promise<void> {
  for (const point of restorePoints(await look(chain.target), chain)) {
    if (Object.keys(point.disks).length < vm.disks.length) continue
    assert.deepEqual(
      await hashesOfPoint(chain, point),
      states.get(point.run),
      `restore point "${point.name}" differs from its source snapshot`,
    )
  }
}

/** Keeps the pools small from cell to cell. */
async function removeEverything({ source, target, job }: Chain, vm: MadeVm): Promise<void> {
  for (const pool of [source, target] as StartedPool[]) {
    const { db } = pool.pool
    const mine = (row: { [key: string]: unknown }) => JSON.stringify(row.other_config ?? {}).includes(job) || row.uuid === vm.uuid
    for (const ref of db.refs('VM')) {
      const row = db.find('VM', ref) as { [key: string]: unknown } | undefined
      if (row === undefined || !mine(row)) continue
      await pool.pool.invoke('VM.set_blocked_operations', ref, {})
      if (row.power_state !== 'Halted') await pool.pool.invoke('VM.hard_shutdown', ref)
      await pool.pool.invoke('VM.destroy', ref)
    }
    db.commit()
  }
}
