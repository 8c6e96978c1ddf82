/** A recovery plan of the server as the engine carries it out. Pure. */
import { parseCheck, type ReadinessCheck } from '../failover/readiness.ts'
import { Failure } from '../failure.ts'
import type { PlanGroup, PlannedVm, RecoveryMode, RecoveryPlan } from '../recovery-plan.ts'
import type { PlanRunMode, PlanVm, RecoveryPlanSpec } from './recovery-plan-record.ts'

export const ENGINE_MODES: Readonly<Record<PlanRunMode, RecoveryMode>> = { test: 'test', planned: 'planned', unplanned: 'now' }

/** Throws Failure RECOVERY_PLAN_INVALID for the first thing that can not be. */
export function planOfSpec(spec: RecoveryPlanSpec): RecoveryPlan {
  const seen = new Set<string>()
  return {
    name: spec.name,
    onFailure: spec.onFailure,
    networks: new Map(Object.entries(spec.networks)),
    groups: spec.groups.map(
      ({ name, delaySeconds, before, after, vms }): PlanGroup => ({
        name,
        delay: delaySeconds,
        before: before ?? undefined,
        after: after ?? undefined,
        vms: vms.map((vm) => {
          if (seen.has(vm.vm)) throw invalid(`VM ${vm.vm} is in the plan twice (group "${name}")`)
          seen.add(vm.vm)
          return plannedVm(spec, vm)
        }),
      }),
    ),
  }
}

function plannedVm(spec: RecoveryPlanSpec, { vm, target, job, ready, readyTimeoutSeconds }: PlanVm): PlannedVm {
  return {
    vm,
    sr: target.sr,
    job: job ?? undefined,
    checks: (ready ?? spec.ready).map(readCheck),
    timeoutMs: (readyTimeoutSeconds ?? spec.readyTimeoutSeconds) * 1000,
  }
}

function readCheck(text: string): ReadinessCheck {
  const check = parseCheck(text)
  if (check === undefined)
    throw invalid(`${JSON.stringify(text.slice(0, 100))} is no check: tools, address, tcp:PORT, tcp:HOST:PORT, script:/PATH, running`)
  return check
}

const invalid = (text: string) => new Failure('RECOVERY_PLAN_INVALID', text)

export const vmsOfPlan = ({ groups }: Pick<RecoveryPlanSpec, 'groups'>): PlanVm[] => groups.flatMap(({ vms }) => vms)
