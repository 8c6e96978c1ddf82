/** The runs that have not ended, and those whose end is being stored: by id, and by the chains of restore points that they work on. */
import type { Run, VmRun } from '../../core/control/run-record.ts'
import type { Clock } from '../clock.ts'
import { type ActiveRun, type ActiveVmRun, chainKey, type Unit } from './active-run.ts'

export interface FoundVmRun {
  readonly vmRun: ActiveVmRun
  readonly unit: Unit
}

type Target = VmRun['target']

export class ActiveRuns {
  readonly #runs = new Map<string, ActiveRun>()
  readonly #vmRuns = new Map<string, FoundVmRun>()
  /** By schedule and chain: what is queued or under way. */
  readonly #chains = new Set<string>()
  /** By job and chain: how many, of several schedules. */
  readonly #jobChains = new Map<string, number>()
  /** Runs whose end is not stored yet. */
  readonly #storing = new Map<string, Run>()
  #onIdle: (() => void) | undefined

  all(): readonly ActiveRun[] {
    return [...this.#runs.values()]
  }

  find(run: string): ActiveRun | undefined {
    return this.#runs.get(run)
  }

  findVmRun(id: string): FoundVmRun | undefined {
    return this.#vmRuns.get(id)
  }

  /** As it is at this moment; undefined: what is stored is all there is. */
  recordOf(run: string): Run | undefined {
    return this.#runs.get(run)?.record ?? this.#storing.get(run)
  }

  isChainOfJob(job: string, pool: string, vm: string, target: Target): boolean {
    return this.#jobChains.has(`${job} ${chainKey(pool, vm, target)}`)
  }

  isChainOfSchedule(schedule: string, pool: string, vm: string, target: Target): boolean {
    return this.#chains.has(`${schedule} ${chainKey(pool, vm, target)}`)
  }

  add(active: ActiveRun): void {
    this.#runs.set(active.record.id, active)
    for (const unit of active.units) {
      for (const vmRun of unit.vmRuns) {
        this.#vmRuns.set(vmRun.record.id, { vmRun, unit })
        this.#chains.add(chainOf(active, vmRun.record))
        this.#countChain(vmRun.record, 1)
      }
    }
  }

  /** It has ended: its chains are free. Its VM runs are found until `forgetVmRun`. */
  remove(active: ActiveRun): void {
    this.#runs.delete(active.record.id)
    for (const unit of active.units) for (const { record } of unit.vmRuns) this.freeChain(active, record)
    if (this.#runs.size === 0) this.#onIdle?.()
  }

  forgetVmRun(id: string): void {
    this.#vmRuns.delete(id)
  }

  /** The chain of a VM run is free for the next run. */
  freeChain(active: ActiveRun, vmRun: VmRun): void {
    if (this.#chains.delete(chainOf(active, vmRun))) this.#countChain(vmRun, -1)
  }

  /** Found as `recordOf` until it is stored. */
  beginStoring(record: Run): void {
    this.#storing.set(record.id, record)
  }

  endStoring(record: Run): void {
    if (this.#storing.get(record.id) === record) this.#storing.delete(record.id)
  }

  /** Resolves when no run is left, after so many milliseconds at the latest. */
  idleWithin(ms: number, clock: Clock): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const callOff = clock.wakeAfter(ms, () => this.#onIdle?.())
      this.#onIdle = () => {
        callOff()
        this.#onIdle = undefined
        resolve()
      }
    })
  }

  #countChain({ job, sourcePool, vm, target }: VmRun, change: number): void {
    const key = `${job} ${chainKey(sourcePool, vm.uuid, target)}`
    const now = (this.#jobChains.get(key) ?? 0) + change
    if (now === 0) this.#jobChains.delete(key)
    else this.#jobChains.set(key, now)
  }
}

const chainOf = ({ scheduleId }: ActiveRun, { sourcePool, vm, target }: VmRun): string =>
  `${scheduleId} ${chainKey(sourcePool, vm.uuid, target)}`
