/**
 * Every fault of the lab at every stage of every failover: it succeeds with the right bytes, or ends with one clear error. Then the source
 * runs again (planned), or the next call finds where it stood and goes on, or takes it back. Never two running VMs of one identity, never a
 * byte lost, and nothing left that the survey behind `failover status` does not name.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Failure } from '../../src/core/failure.ts'
import type { RecoveryMode } from '../../src/core/recovery-plan.ts'
import type { NewFault } from '../../src/lab/faults/fault.ts'
import { explainError } from '../../src/replication/explain.ts'
import { recover } from '../../src/replication/failover/recovery.ts'
import { surveyFailovers } from '../../src/replication/failover/survey.ts'
import {
  type Changes,
  clone,
  failOver,
  goBack,
  handOver,
  hashesNow,
  optionsFor,
  rehearse,
  settings,
  turnRound,
  undoBoth,
  vmOf,
  withBoth,
} from './failing-over.ts'
import { assertAccounted, type Baseline, baselineOf, removeAllBut, runningOfOne, savedBy } from './failover-pools.ts'
import { FAULTS } from './fault-matrix.ts'
import { type StartedPool, startLab } from './lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  chainBetween,
  hashesOf,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicate,
  withXapi,
} from './replicating.ts'

/** By operation: the steps at whose beginning a fault is set, and on which pools. `begin`: before the first call. */
const PLACES = {
  clone: { steps: ['begin', 'clone'], sides: ['target'] },
  test: { steps: ['clone', 'start', 'ready', 'remove'], sides: ['target'] },
  now: { steps: ['mark', 'base', 'unblock', 'start', 'ready'], sides: ['target'] },
  'now, older point': { steps: ['disks'], sides: ['target'] },
  'now, clone': { steps: ['clone', 'base', 'start'], sides: ['target'] },
  planned: { steps: ['first-run', 'shutdown', 'last-run', 'mark', 'start', 'ready'], sides: ['source', 'target'] },
  undo: { steps: ['begin', 'stop'], sides: ['source', 'target'] },
  reprotect: { steps: ['begin', 'adopt'], sides: ['source', 'target'] },
  'reprotect, beside': { steps: ['begin', 'origin'], sides: ['source', 'target'] },
  failback: { steps: ['adopt', 'first-run', 'shutdown', 'last-run', 'start', 'adopt again'], sides: ['source', 'target'] },
  'plan, test': { steps: ['start', 'up'], sides: ['target'] },
  'plan, now': { steps: ['start', 'up'], sides: ['target'] },
  'plan, planned': { steps: ['start'], sides: ['source', 'target'] },
} as const satisfies Readonly<Record<string, { readonly steps: readonly string[]; readonly sides: readonly ('source' | 'target')[] }>>

export type Operation = keyof typeof PLACES

const BOTH_WAYS: ReadonlySet<Operation> = new Set(['now', 'now, older point', 'now, clone', 'planned', 'plan, now', 'plan, planned'])

export interface FailoverCell {
  readonly fault: string
  readonly operation: Operation
  readonly step: string
  readonly side: 'source' | 'target'
  /** What comes after: an operation that failed is done again or taken back; one that went well is taken back or turned round. */
  readonly after: 'on' | 'back'
}

export interface FailoverCellResult extends FailoverCell {
  /** `ok`, or the code of the one clear error. */
  readonly outcome: string
  readonly struck: boolean
}

export function allFailoverCells(): FailoverCell[] {
  const cells: FailoverCell[] = []
  for (const fault of Object.keys(FAULTS))
    for (const operation of Object.keys(PLACES) as Operation[])
      for (const step of PLACES[operation].steps)
        for (const side of PLACES[operation].sides)
          cells.push({ fault, operation, step, side, after: BOTH_WAYS.has(operation) && cells.length % 2 === 1 ? 'back' : 'on' })
  return cells
}

/** Runs the cells one after the other on one lab. Throws at the first that breaks a promise, naming it, unless `broken` takes it. */
export async function runFailoverMatrix(
  cells: readonly FailoverCell[],
  log: (result: FailoverCellResult) => void = () => undefined,
  broken?: (cell: FailoverCell, error: Error) => void,
): Promise<FailoverCellResult[]> {
  const open = () => startLab({ pools: ['paris', 'oslo'], empty: true })
  let lab = await open()
  const results: FailoverCellResult[] = []
  try {
    for (const cell of cells) {
      try {
        const [source, target] = lab.pools as [StartedPool, StartedPool]
        const result = await new FailoverTrial(cell, source, target).run()
        log(result)
        results.push(result)
      } catch (error) {
        const name = `${cell.fault}, ${cell.operation}, ${cell.step}, ${cell.side}, ${cell.after}`
        const failure = new Error(`${name}: ${(error as Error).message}`, { cause: error })
        if (broken === undefined) throw failure
        broken(cell, failure)
        await lab.close()
        lab = await open()
      }
    }
    return results
  } finally {
    await lab.close()
  }
}

/** A lock that nobody beats is given up soon. */
const LOCKS = { beatMs: 200, patienceMs: 1000 }

/** In place of the operation with its fault: gets the chain and where the VMs stand, gives the outcome. */
export type Attempt = (chain: Chain, operation: Operation) => Promise<string>

/** One VM, protected and got ready for an operation, the operation, what is promised afterwards. Leaves the pools as they were. */
export class FailoverTrial {
  readonly #cell: FailoverCell
  readonly #attempt: Attempt | undefined
  readonly #source: StartedPool
  readonly #target: StartedPool
  #vm: MadeVm = { uuid: '', disks: [] }
  #chain: Chain
  #baseline: readonly Baseline[] = []
  /** Hashes of what the newest restore point holds, of the one before, and of the source as it is. */
  #point: Record<string, string> = {}
  #older: Record<string, string> = {}
  #now: Record<string, string> = {}
  #olderPoint = ''
  readonly #clones: string[] = []
  #twice: string | undefined

  constructor(cell: FailoverCell, source: StartedPool, target: StartedPool, attempt?: Attempt) {
    this.#attempt = attempt
    this.#cell = cell
    this.#source = source
    this.#target = target
    this.#chain = chainBetween(source, target, this.#vm)
  }

  async run(): Promise<FailoverCellResult> {
    const { operation } = this.#cell
    this.#baseline = [baselineOf(this.#source), baselineOf(this.#target)]
    for (const pool of [this.#source, this.#target]) await pool.post('/guest/tools', {})
    await this.#prepare()
    const { outcome, struck } = this.#attempt === undefined ? await this.#struckBy() : await this.#attempted(this.#attempt)
    if (outcome !== 'ok') await this.#assertSafe(outcome)
    await this.#finish(operation, outcome)
    assert.equal(this.#twice, undefined)
    await removeAllBut(this.#source, this.#baseline[0] as Baseline)
    await removeAllBut(this.#target, this.#baseline[1] as Baseline)
    return { ...this.#cell, outcome, struck }
  }

  async #prepare(): Promise<void> {
    const { operation } = this.#cell
    this.#vm = await makeVm(this.#source, [8 * MIB], { tools: true })
    this.#chain = chainBetween(this.#source, this.#target, this.#vm)
    if (operation === 'now, older point') {
      this.#older = await hashesOf(this.#source, this.#vm)
      this.#olderPoint = (await this.#replicate()).restorePoint.uuid
      await this.#write(this.#source, this.#vm.uuid)
    }
    this.#point = await hashesOf(this.#source, this.#vm)
    await this.#replicate()
    await this.#write(this.#source, this.#vm.uuid)
    switch (operation) {
      case 'now':
      case 'now, older point':
      case 'now, clone':
      case 'plan, now':
        await this.#stopSource()
        break
      case 'undo':
      case 'reprotect':
      case 'failback':
        await this.#write(this.#target, (await handOver(this.#chain, this.#quiet())).failover.vm.uuid)
        break
      case 'reprotect, beside':
        await this.#stopSource()
        await this.#write(this.#target, (await failOver(this.#chain, this.#quiet())).vm.uuid)
        break
      default:
    }
    this.#now = await hashesOf(this.#source, this.#vm)
  }

  #write = (pool: StartedPool, vm: string) => pool.post('/guest/random', { vm, count: 5, seed: randomUUID() })
  #replicate = (chain = this.#chain) => replicate(chain, { lockTiming: LOCKS })
  #quiet = (): Changes => ({ lockTiming: LOCKS })
  #stopSource = () => withXapi(this.#source, async (xapi) => xapi.call('VM.hard_shutdown', [await xapi.byUuid('VM', this.#vm.uuid)]))

  async #attempted(attempt: Attempt) {
    const look = () => this.#watch('something')
    const timer = setInterval(look, 5)
    try {
      const outcome = await attempt(this.#chain, this.#cell.operation)
      return { outcome, struck: outcome === 'killed' }
    } finally {
      clearInterval(timer)
    }
  }

  /** The operation, with the fault from its step on. */
  async #struckBy(): Promise<{ readonly outcome: string; readonly struck: boolean }> {
    const { fault, step, side } = this.#cell
    const { faults } = (side === 'source' ? this.#source : this.#target).pool
    const setting: Promise<unknown>[] = []
    const strike = () => {
      if (setting.length === 0) setting.push(faults.add(FAULTS[fault] as NewFault))
    }
    const wanted = step === 'adopt again' ? { step: 'adopt', nth: 2 } : { step, nth: 1 }
    let seen = 0
    const changes: Changes = {
      ...this.#watched(),
      onEvent: (event) => {
        if (event.kind === 'step' && event.step === wanted.step && ++seen === wanted.nth) strike()
      },
    }
    if (step === 'begin') strike()
    let outcome = 'ok'
    try {
      await this.#do(changes)
    } catch (error) {
      outcome = codeOf(error)
    }
    await Promise.all(setting)
    const struck = faults.fired().length > 0 || (setting.length > 0 && ['no-chunked-import', 'network'].includes(FAULTS[fault]?.kind ?? ''))
    await faults.clearAll()
    return { outcome, struck }
  }

  /** After whatever is called, on either side: at most one of them runs. */
  #watched(): Changes {
    const meddle = async (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
      try {
        return await go()
      } finally {
        this.#watch(method)
      }
    }
    return { ...this.#quiet(), meddle, sourceMeddle: meddle }
  }

  #watch(method: string): void {
    const running = runningOfOne([this.#source, this.#target], this.#vm.uuid, this.#chain.job)
    if (running.length > 1) this.#twice ??= `after ${method} two run: ${running.join(', ')}`
  }

  async #do(changes: Changes): Promise<void> {
    const { operation } = this.#cell
    const tools = [{ kind: 'tools' as const }]
    switch (operation) {
      case 'clone':
        this.#clones.push((await clone(this.#chain, changes)).vm.uuid)
        return
      case 'test':
        assert.equal((await rehearse(this.#chain, { ...changes, timeoutMs: 5000 })).outcome, 'ready')
        return
      case 'now':
        return void (await failOver(this.#chain, { ...changes, timeoutMs: 5000 }))
      case 'now, older point':
        return void (await failOver(this.#chain, { ...changes, wanted: { kind: 'uuid', uuid: this.#olderPoint, sr: undefined } }))
      case 'now, clone':
        return void (await failOver(this.#chain, { ...changes, clone: true, timeoutMs: 5000 }))
      case 'planned':
        return void (await handOver(this.#chain, { ...changes, checks: tools, timeoutMs: 5000 }))
      case 'undo':
        return undoBoth(this.#chain, changes)
      case 'reprotect':
      case 'reprotect, beside':
        return void (await turnRound(this.#chain, changes))
      case 'failback': {
        const { unprotected } = await goBack(this.#chain, changes)
        if (unprotected !== undefined) throw new Failure('REPLICA_NOT_UP', `not protected: ${unprotected}`)
        return
      }
      case 'plan, test':
      case 'plan, now':
      case 'plan, planned':
        return this.#plan(operation.slice('plan, '.length) as RecoveryMode, changes)
    }
  }

  #plan(mode: RecoveryMode, changes: Changes): Promise<void> {
    const { vm, sr } = this.#chain
    return withBoth(this.#target, this.#source, async (here, there) => {
      const plan = {
        name: 'matrix',
        onFailure: 'stop',
        networks: new Map(),
        groups: [
          {
            name: 'all',
            delay: 0,
            before: undefined,
            after: undefined,
            vms: [{ vm, sr, job: undefined, checks: [{ kind: 'tools' }], timeoutMs: 5000 }],
          },
        ],
      } as const
      const planned = mode === 'planned' ? { source: there, settings: settings(changes), shutdownMs: 60_000 } : {}
      const report = await recover(optionsFor(here, changes), plan, { mode, keep: false, ...planned })
      const failed = report.vms.find(({ outcome }) => outcome !== 'up')
      if (failed !== undefined) throw new Failure('REPLICA_NOT_UP', failed.text)
    })
  }

  /** After an error, before anybody does anything: nothing is where nobody would find it; a planned failover is taken back. */
  async #assertSafe(outcome: string): Promise<void> {
    const { operation } = this.#cell
    await this.#assertNamed()
    if (
      (operation === 'planned' || operation === 'plan, planned') &&
      !['ROLL_BACK_FAILED', 'killed'].includes(outcome) &&
      !(await this.#isAway())
    ) {
      const record = vmOf(await look(this.#source), this.#vm.uuid)[1]
      if (outcome !== 'REPLICA_NOT_UP' || operation === 'planned')
        assert.equal(record.power_state, 'Running', `the source runs again after ${outcome}`)
      assert.deepEqual(record.blocked_operations, {})
    }
  }

  async #isAway(): Promise<boolean> {
    const { failedOver } = await this.#survey(this.#target)
    return failedOver.some(({ powerState }) => powerState === 'Running')
  }

  #survey = (pool: StartedPool) => withXapi(pool, (xapi) => surveyFailovers({ target: xapi, signal: AbortSignal.timeout(30_000) }))

  async #assertNamed(): Promise<void> {
    for (const [nth, pool] of [this.#source, this.#target].entries()) {
      const baseline = this.#baseline[nth] as Baseline
      assertAccounted(pool, baseline, this.#chain.job, [this.#vm.uuid, ...this.#clones, ...savedBy(await this.#survey(pool))])
    }
  }

  async #finish(operation: Operation, outcome: string): Promise<void> {
    const again = outcome !== 'ok'
    switch (operation) {
      case 'clone': {
        const made = await clone(this.#chain, this.#quiet())
        this.#clones.push(made.vm.uuid)
        await this.#assertNamed()
        assert.deepEqual(await hashesNow(this.#target, await look(this.#target), made.vm.uuid), this.#point)
        return this.#goesOn()
      }
      case 'test':
      case 'plan, test': {
        if (again) await this.#do(this.#watched())
        const { tests, leftOvers } = await this.#survey(this.#target)
        assert.deepEqual({ tests, leftOvers }, { tests: [], leftOvers: [] })
        return this.#goesOn()
      }
      case 'undo':
        if (again) await this.#repeat()
        return this.#isBack()
      case 'reprotect':
      case 'reprotect, beside':
        if (again) await this.#repeat()
        return this.#isTurned()
      case 'failback':
        if (again) await this.#repeat()
        return this.#isHome()
      default:
        return this.#failedOver(operation, again)
    }
  }

  /** The same again: what is done already is as good. */
  async #repeat(): Promise<void> {
    try {
      await this.#do(this.#watched())
    } catch (error) {
      const code = codeOf(error)
      if (!['ALREADY_FAILED_OVER', 'NOT_FAILED_OVER'].includes(code)) throw error
    }
  }

  async #failedOver(operation: Operation, again: boolean): Promise<void> {
    if (again && this.#cell.after === 'on') await this.#repeat()
    if (!again || this.#cell.after === 'on') {
      await this.#assertNamed()
      const { failedOver, leftOvers } = await this.#survey(this.#target)
      assert.deepEqual(leftOvers, [])
      const [only, ...more] = failedOver
      assert.ok(only !== undefined && more.length === 0, 'one has failed over')
      assert.equal(only.powerState, 'Running')
      assert.equal(only.mark.state, 'active')
      const planned = operation === 'planned' || operation === 'plan, planned'
      const expected = operation === 'now, older point' ? this.#older : planned ? this.#now : this.#point
      assert.deepEqual(await hashesNow(this.#target, await look(this.#target), only.uuid), expected)
      if (planned)
        assert.ok('start' in vmOf(await look(this.#source), this.#vm.uuid)[1].blocked_operations, 'the source is kept from starting')
    }
    if (this.#cell.after === 'on') {
      // What follows is what reprotect's own cells look at; here that it works after all this.
      const report = await turnRound(this.#chain, this.#watched())
      // Without a snapshot of its own, or from an older point, both sides are compared.
      const base = (await this.#survey(this.#target)).failedOver[0]?.mark.base
      if (operation !== 'now, older point' && base !== undefined) assert.ok(report.run.disks.every(({ mode }) => mode === 'delta'))
      return this.#isTurned()
    }
    try {
      await undoBoth(this.#chain, this.#watched())
    } catch (error) {
      // Nothing of it was there any more.
      if (codeOf(error) !== 'NOT_FAILED_OVER') throw error
    }
    const record = vmOf(await look(this.#source), this.#vm.uuid)[1]
    if (record.power_state === 'Halted') {
      assert.deepEqual(record.blocked_operations, {})
      await withXapi(this.#source, async (xapi) => xapi.callAsync('VM.start', [await xapi.byUuid('VM', this.#vm.uuid), false, false]))
    }
    return this.#isBack()
  }

  /** The source runs, the replica is one, and a run goes on with a delta and leaves nothing. */
  async #isBack(): Promise<void> {
    assert.equal(vmOf(await look(this.#source), this.#vm.uuid)[1].power_state, 'Running')
    const { failedOver, handedOver, leftOvers } = await this.#survey(this.#source)
    assert.deepEqual({ failedOver, handedOver, leftOvers }, { failedOver: [], handedOver: [], leftOvers: [] })
    return this.#goesOn()
  }

  async #goesOn(): Promise<void> {
    const next = await this.#replicate()
    assert.ok(
      next.disks.every(({ mode }) => mode === 'delta'),
      'the next run is a delta',
    )
    const [left, right] = [await look(this.#source), await look(this.#target)]
    assert.deepEqual(await hashesNow(this.#target, right, next.restorePoint.uuid), await hashesOf(this.#source, this.#vm))
    assertProtected(right, this.#chain)
    assertNoLeftovers(left, right, this.#chain, this.#vm)
  }

  /** The VM that failed over is the source, and its newest writes are on the other side. */
  async #isTurned(): Promise<void> {
    const [away] = (await this.#survey(this.#target)).failedOver
    assert.ok(away?.mark.state === 'turned' && away.powerState === 'Running')
    const back: Chain = {
      source: this.#target,
      target: this.#source,
      vm: away.uuid,
      sr: this.#source.srs[0]?.uuid as string,
      job: this.#chain.job,
    }
    await this.#write(this.#target, away.uuid)
    const next = await this.#replicate(back)
    assert.ok(
      next.disks.every(({ mode }) => mode === 'delta'),
      'the next run is a delta',
    )
    const [left, right] = [await look(this.#source), await look(this.#target)]
    assert.deepEqual(await hashesNow(this.#source, left, next.restorePoint.uuid), await hashesNow(this.#target, right, away.uuid))
    assertProtected(left, back)
    assert.deepEqual((await this.#survey(this.#source)).leftOvers, [])
    await this.#assertNamed()
  }

  /** The original runs with what ran away, which is its replica again. */
  async #isHome(): Promise<void> {
    const record = vmOf(await look(this.#source), this.#vm.uuid)[1]
    assert.equal(record.power_state, 'Running')
    assert.deepEqual(record.blocked_operations, {})
    await this.#write(this.#source, this.#vm.uuid)
    return this.#goesOn()
  }
}

/** Of an error as it is told: one line, known, without secrets. */
function codeOf(error: unknown): string {
  const explained = explainError(error)
  assert.ok(explained instanceof Failure, `an error that nobody explains: ${(error as Error).stack}`)
  assert.doesNotMatch(explained.message, /\n|session_id/, 'one line, without secrets')
  return explained.code
}
