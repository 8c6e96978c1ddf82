/** Carries a recovery plan out: group by group, the VMs of a group at once, as a test, planned or at once. */

import { formatCheck } from '../../core/failover/readiness.ts'
import { Failure } from '../../core/failure.ts'
import type { PlanGroup, PlannedVm, RecoveryMode, RecoveryPlan, RecoveryReport, TimelineEntry, VmResult } from '../../core/recovery-plan.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { explainError } from '../explain.ts'
import { findByUuid, viewPool } from '../pool-view.ts'
import type { WantedPoint } from '../proof/find-point.ts'
import { removeTests } from './cleanup.ts'
import { prepareCopy } from './clone.ts'
import { isolatedNetwork } from './isolated-network.ts'
import { type FailoverOptions, isoTime, log, step } from './options.ts'
import { plannedFailover } from './planned.ts'
import { type Readiness, runScript, watchUntilReady } from './readiness.ts'
import type { RunSettings } from './reprotect.ts'
import { lookAtSource, type SilentPool } from './source-look.ts'
import { startVm } from './start-vm.ts'
import { prepareTakeOver, type TakeOverWishes, takeOver } from './take-over.ts'
import { testFailover } from './test-failover.ts'
import { findFailedOver } from './undo.ts'

const SCRIPT_MS = 600_000
/** Attempts to remove what a test made. */
const REMOVALS = 4
/** More make a pool no quicker: cloning and starting are done one after the other by its storage and its hosts. */
const AT_ONCE = 10

export interface RecoveryWishes {
  readonly mode: RecoveryMode
  /** VMs of a group that are worked on at once; default 10. */
  readonly atOnce?: number
  /** Of a test: the VMs stay, running. */
  readonly keep: boolean
  /** Needed for a planned one; of one without asking, to see whether the sources still run. */
  readonly source?: Xapi | SilentPool
  readonly evenIfSourceRuns?: boolean
  readonly settings?: RunSettings
  readonly shutdown?: 'clean' | 'hard'
  readonly shutdownMs?: number
  /** Of one VM, where it is not as for the others. */
  readonly of?: (vm: PlannedVm) => OfOneVm
  /** Milliseconds that a program may take. */
  readonly scriptMs?: number
  /** Told how each VM goes, from its begin to its end. */
  readonly onVm?: (told: VmTold) => void
}

export interface VmTold {
  readonly group: string
  /** uuid of the source VM */
  readonly vm: string
  readonly state: 'working' | 'up' | 'failed' | 'skipped'
  /** What it is at, or what came of it. */
  readonly text: string
}

export interface OfOneVm {
  /** As it is called in what is told; default: its uuid. */
  readonly name?: string
  /** The pool where its replica is. */
  readonly target?: Xapi
  readonly source?: RecoveryWishes['source']
  readonly settings?: RunSettings
  /** In place of the plan's networks: those that its pool has. */
  readonly networks?: ReadonlyMap<string, string | null>
}

/** Never rejects because a VM fails: the report tells. Rejects when it is stopped; a test is then cleared away. */
export async function recover(options: FailoverOptions, plan: RecoveryPlan, wishes: RecoveryWishes): Promise<RecoveryReport> {
  return new Recovery(options, plan, wishes).run()
}

class Recovery {
  readonly #options: FailoverOptions
  readonly #plan: RecoveryPlan
  readonly #wishes: RecoveryWishes
  readonly #timeline: TimelineEntry[] = []
  readonly #results: VmResult[] = []

  constructor(options: FailoverOptions, plan: RecoveryPlan, wishes: RecoveryWishes) {
    this.#options = options
    this.#plan = plan
    this.#wishes = wishes
  }

  async run(): Promise<RecoveryReport> {
    const { clock, id, signal } = this.#options
    const begun = clock.now()
    const removes = this.#wishes.mode === 'test' && !this.#wishes.keep
    let removed = false
    try {
      let stopped = false
      for (const group of this.#plan.groups) {
        if (stopped) for (const vm of group.vms) this.#skip(group, vm)
        else if (!(await this.#runGroup(group)) && this.#plan.onFailure === 'stop') stopped = true
        signal.throwIfAborted()
      }
    } finally {
      if (removes) removed = await this.#removeTests()
    }
    return {
      kind: 'recovery',
      id,
      plan: this.#plan.name,
      mode: this.#wishes.mode,
      startedAt: isoTime(begun),
      endedAt: isoTime(clock.now()),
      seconds: (clock.now() - begun) / 1000,
      ok: this.#results.every(({ outcome }) => outcome === 'up') && this.#timeline.every(({ what }) => what !== 'failed'),
      vms: this.#results,
      timeline: this.#timeline,
      removed,
    }
  }

  #of(vm: PlannedVm): OfOneVm {
    return this.#wishes.of?.(vm) ?? {}
  }

  #optionsOf(vm: PlannedVm): FailoverOptions {
    return { ...this.#options, target: this.#of(vm).target ?? this.#options.target }
  }

  /** With several VMs under way each line says whose it is. */
  #tellingOptions(group: PlanGroup, vm: PlannedVm): FailoverOptions {
    const name = this.#nameOf(vm)
    return {
      ...this.#optionsOf(vm),
      onEvent: (event) => {
        if (event.kind === 'log') return log(this.#options, `${name}: ${event.message}`)
        // What it waits for is what the plan says of this VM.
        const text = event.step === 'ready' ? `${event.text}: ${vm.checks.map(formatCheck).join(', ')}` : event.text
        step(this.#options, event.step, `${name}: ${text}`)
        this.#tell(group, vm, 'working', text)
      },
    }
  }

  #nameOf(vm: PlannedVm): string {
    return this.#of(vm).name ?? vm.vm
  }

  #tell(group: PlanGroup, { vm }: PlannedVm, state: VmTold['state'], text: string): void {
    this.#wishes.onVm?.({ group: group.name, vm, state, text })
  }

  /** Each pool once. */
  #targets(): Set<Xapi> {
    return new Set(this.#plan.groups.flatMap(({ vms }) => vms.map((vm) => this.#optionsOf(vm).target)))
  }

  #note(group: PlanGroup, what: TimelineEntry['what'], text: string, vm?: PlannedVm): void {
    this.#timeline.push({
      at: isoTime(this.#options.clock.now()),
      group: group.name,
      ...(vm === undefined ? {} : { vm: vm.vm }),
      what,
      text,
    })
    step(this.#options, what, `${group.name}: ${vm === undefined ? '' : `${this.#nameOf(vm)}: `}${text}`)
  }

  /** Told, not thrown: the report of what was tested is worth more. */
  async #removeTests(): Promise<boolean> {
    const { id, clock } = this.#options
    const late = AbortSignal.timeout(600_000)
    for (let attempt = 1; ; attempt++) {
      try {
        for (const target of this.#targets()) await removeTests({ target, signal: late }, (mark) => mark.id === id)
        log(this.#options, 'everything that the test made is removed')
        return true
      } catch (error) {
        const { message } = explainError(error) as Error
        if (attempt === REMOVALS || late.aborted) {
          const text = `not everything was removed (${message}): understudy failover cleanup --test ${id}`
          this.#timeline.push({ at: isoTime(clock.now()), group: '', what: 'failed', text })
          log(this.#options, text)
          return false
        }
        await clock.sleep(1000 * attempt, late)
      }
    }
  }

  #skip(group: PlanGroup, vm: PlannedVm): void {
    const text = 'a group before it failed'
    this.#note(group, 'skipped', text, vm)
    this.#tell(group, vm, 'skipped', text)
    this.#results.push({ ...NOTHING, group: group.name, vm: vm.vm, outcome: 'skipped', text })
  }

  /** False when something of it failed. */
  async #runGroup(group: PlanGroup): Promise<boolean> {
    const { clock, signal } = this.#options
    if (group.delay > 0) {
      this.#note(group, 'wait', `waits ${group.delay} s before it begins`)
      await clock.sleep(group.delay * 1000, signal)
    }
    if (!(await this.#script(group, group.before))) {
      for (const vm of group.vms) this.#skip(group, vm)
      return false
    }
    await this.#makeNetworks(group)
    const results = await this.#runVms(group)
    this.#results.push(...results)
    const up = results.every(({ outcome }) => outcome === 'up')
    return up && (await this.#script(group, group.after))
  }

  async #script(group: PlanGroup, path: string | undefined): Promise<boolean> {
    if (path === undefined) return true
    const { target, signal } = this.#options
    const env = {
      UNDERSTUDY_PLAN: this.#plan.name,
      UNDERSTUDY_GROUP: group.name,
      UNDERSTUDY_MODE: this.#wishes.mode,
      UNDERSTUDY_POOL: target.url,
    }
    const { code, output } = await runScript(path, env, this.#wishes.scriptMs ?? SCRIPT_MS, signal)
    this.#note(group, code === 0 ? 'script' : 'failed', `${path} ended with ${code ?? 'a signal'}${output === '' ? '' : `: ${output}`}`)
    return code === 0
  }

  /** Once for all VMs of a test, so that they meet on them. */
  async #makeNetworks(group: PlanGroup): Promise<void> {
    if (this.#wishes.mode !== 'test') return
    for (const vm of group.vms) {
      try {
        const { plan, view } = await prepareCopy(this.#optionsOf(vm), this.#copyWishes(vm), 'test failover')
        const mark = { kind: 'network', id: this.#options.id, job: '', vm: '', point: '', at: isoTime(this.#options.clock.now()) } as const
        for (const { to, from } of plan.vifs) {
          const like = findByUuid(view.network, from)?.[1]
          if (to.kind === 'new-isolated') await isolatedNetwork(this.#optionsOf(vm), like, from, mark)
        }
      } catch (error) {
        this.#options.signal.throwIfAborted()
        // Whatever it is, it is told of the VM.
        if (!(error instanceof Failure)) throw error
      }
    }
  }

  #wanted({ vm, sr, job }: PlannedVm): WantedPoint {
    return { kind: 'newest', vm, sr, job }
  }

  #copyWishes(vm: PlannedVm) {
    return { wanted: this.#wanted(vm), networks: { kind: 'isolated' }, mapping: this.#mappingOf(vm), macs: 'safe' } as const
  }

  #mappingOf(vm: PlannedVm): ReadonlyMap<string, string | null> {
    return this.#of(vm).networks ?? this.#plan.networks
  }

  /** In the order of the plan. */
  async #runVms(group: PlanGroup): Promise<VmResult[]> {
    const results: VmResult[] = []
    const left = [...group.vms.entries()]
    const worker = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) results[next[0]] = await this.#runVm(group, next[1])
    }
    await Promise.all(Array.from({ length: this.#wishes.atOnce ?? AT_ONCE }, worker))
    return results
  }

  async #runVm(group: PlanGroup, vm: PlannedVm): Promise<VmResult> {
    this.#note(group, 'start', 'begun', vm)
    this.#tell(group, vm, 'working', 'begun')
    const common = { group: group.name, vm: vm.vm }
    try {
      const result = await (this.#wishes.mode === 'test' ? this.#test(group, vm) : this.#failOver(group, vm))
      const text = result.outcome === 'up' ? 'up' : (result.evidence.find(({ ok }) => !ok)?.text ?? 'it did not come up')
      this.#note(group, result.outcome === 'up' ? 'up' : 'failed', text, vm)
      const proof = result.evidence.map(({ text: said }) => said).join('; ')
      this.#tell(group, vm, result.outcome === 'up' ? 'up' : 'failed', result.outcome === 'up' ? proof : text)
      return { ...common, ...result, text }
    } catch (error) {
      this.#options.signal.throwIfAborted()
      const { message } = explainError(error) as Error
      this.#note(group, 'failed', message, vm)
      this.#tell(group, vm, 'failed', message)
      return { ...NOTHING, ...common, outcome: 'failed', text: message }
    }
  }

  async #test(group: PlanGroup, vm: PlannedVm): Promise<Omit<VmResult, 'group' | 'vm' | 'text'>> {
    const options = this.#tellingOptions(group, vm)
    const prepared = await prepareCopy(options, this.#copyWishes(vm), 'test failover')
    const readiness = { checks: vm.checks, timeoutMs: vm.timeoutMs }
    // Kept until the whole plan is through: groups need each other.
    const report = await testFailover(options, prepared, { readiness, keep: true })
    return {
      outcome: report.outcome === 'ready' ? 'up' : 'failed',
      name: report.vm?.name,
      runs: report.vm?.uuid,
      point: report.plan.point,
      lossSeconds: report.lossSeconds,
      seconds: report.seconds.total,
      evidence: report.evidence,
    }
  }

  async #failOver(group: PlanGroup, vm: PlannedVm): Promise<Omit<VmResult, 'group' | 'vm' | 'text'>> {
    const readiness = { checks: vm.checks, timeoutMs: vm.timeoutMs }
    const wishes = { networks: { kind: 'replica' }, mapping: this.#mappingOf(vm), macs: 'keep', readiness } as const
    const options = this.#tellingOptions(group, vm)
    const report = await (this.#wishes.mode === 'planned' ? this.#planned(options, vm, wishes) : this.#now(options, vm, wishes)).catch(
      async (error: unknown) => {
        // By a run of the plan before this one: it only has to be up.
        const isAlready = error instanceof Failure && error.code === 'ALREADY_FAILED_OVER'
        const already = isAlready ? await this.#already(options, vm, readiness) : undefined
        if (already === undefined) throw error
        return already
      },
    )
    if ('again' in report) return report.again
    return {
      outcome: report.ready === true ? 'up' : 'failed',
      name: report.vm.name,
      runs: report.vm.uuid,
      point: report.plan.point,
      lossSeconds: this.#wishes.mode === 'planned' ? 0 : report.plan.lossSeconds,
      seconds: report.seconds.total,
      evidence: report.evidence,
    }
  }

  /** The VM that took over, started again if it is down; undefined: it is none, or protected in the other direction by now. */
  async #already(
    options: FailoverOptions,
    vm: PlannedVm,
    readiness: Readiness,
  ): Promise<{ readonly again: Omit<VmResult, 'group' | 'vm' | 'text'> } | undefined> {
    const begun = options.clock.now()
    const found = await findFailedOver(options, { vm: vm.vm, job: vm.job })
    const active = found.find(({ mark }) => mark.state === 'active' && mark.sr === vm.sr)
    if (active === undefined) return undefined
    if (active.powerState === 'Halted') {
      const { source, evenIfSourceRuns } = this.#beside(vm)
      const look = await lookAtSource(options, await viewPool(options.target, options.signal), vm.vm, source)
      if (look.kind === 'there' && look.powerState !== 'Halted' && evenIfSourceRuns !== true)
        throw new Failure('SOURCE_RUNS', `"${active.name}" took over and is down, and the source "${look.name}" runs`)
      await startVm(options, active.ref)
    }
    const { ready, evidence } = await watchUntilReady(options, active, readiness)
    const { name, uuid, mark } = active
    const again = {
      outcome: ready ? 'up' : 'failed',
      name,
      runs: uuid,
      point: { uuid: mark.point, takenAt: mark.takenAt },
      lossSeconds: mark.kind === 'planned' ? 0 : Math.max(0, (Date.parse(mark.at) - Date.parse(mark.takenAt)) / 1000),
      seconds: (options.clock.now() - begun) / 1000,
      evidence,
    } as const
    return { again }
  }

  async #now(options: FailoverOptions, vm: PlannedVm, wishes: Shared) {
    const all = { ...wishes, wanted: this.#wanted(vm), kind: 'unplanned', clone: false, ...this.#beside(vm) } as const
    return takeOver(options, all, (await prepareTakeOver(options, all)).plan)
  }

  #beside(vm: PlannedVm): Pick<TakeOverWishes, 'source' | 'evenIfSourceRuns'> {
    const { evenIfSourceRuns = false } = this.#wishes
    const { source = this.#wishes.source } = this.#of(vm)
    return { evenIfSourceRuns, ...(source === undefined ? {} : { source }) }
  }

  async #planned(options: FailoverOptions, vm: PlannedVm, wishes: Shared) {
    const { shutdown = 'clean', shutdownMs = 600_000 } = this.#wishes
    const { source = this.#wishes.source, settings = this.#wishes.settings } = this.#of(vm)
    if (source === undefined || 'silent' in source || settings === undefined)
      throw new Failure('RECOVERY_PLAN_INVALID', 'a planned failover needs the source pool')
    const { plan } = await prepareTakeOver(options, { ...wishes, wanted: this.#wanted(vm), kind: 'planned', clone: false })
    return (await plannedFailover(options, source, { ...wishes, chain: plan.chain, shutdown, shutdownMs }, settings)).failover
  }
}

type Shared = Pick<Parameters<typeof prepareTakeOver>[1], 'networks' | 'mapping' | 'macs' | 'readiness'>

const NOTHING = { name: undefined, runs: undefined, point: undefined, lossSeconds: undefined, seconds: undefined, evidence: [] } as const
