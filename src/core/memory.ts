/** Whether the memory of a VM can be carried over with its disks, and whether a host could go on with it. Pure. */
import type { Reason } from './base.ts'
import type { SourceFacts, TargetFacts } from './observation.ts'
import type { DiskPlan } from './plan.ts'
import { judgeSpace, judgeSuspendSpace, memoryNeeded, type SpaceVerdict } from './space.ts'

export type MemoryPlan =
  /** The source snapshot is a checkpoint. */
  | { readonly kind: 'carry' }
  /** It is a plain snapshot all the same. */
  | { readonly kind: 'not-possible'; readonly reason: Reason }

export const memoryNotPossible = (why: string, avoid?: string): Reason => ({
  code: 'memory-not-possible',
  text: `the restore point is without the VM's memory: ${why}`,
  ...(avoid === undefined ? {} : { avoid }),
})

/** What can be told before a checkpoint is asked for; the pool may refuse it for reasons of its own. */
export function planMemory(source: SourceFacts, disks: readonly DiskPlan[]): MemoryPlan {
  const no = (why: string, avoid?: string): MemoryPlan => ({ kind: 'not-possible', reason: memoryNotPossible(why, avoid) })
  if (source.powerState === 'Halted') return no('it is halted')
  // XAPI suspends running VMs only, and the copy of a paused one is halted (checkpoint in ocaml/xapi/xapi_vm_snapshot.ml, xapi_vm_clone.ml).
  if (source.powerState === 'Paused') return no('a checkpoint of a paused VM holds none', 'unpause it, or suspend it')
  // VM.checkpoint has no list of disks to leave out, and the guest would go on with a disk that is not there.
  const left = disks.find(({ mode }) => mode === 'skipped')
  if (left !== undefined)
    return no(`disk ${left.userdevice} is left out, and the guest uses it`, 'leave no disk out, or do without the memory')
  // A VTPM can be made for a halted VM only (check_operation_error in ocaml/xapi/xapi_vm_lifecycle.ml): no copy could have it and go on.
  if (source.vtpm) return no('it has a virtual TPM, which a suspended copy can not be given')
  return { kind: 'carry' }
}

/**
 * What can be told beforehand, with room for it on both sides: a run whose disks fit is not refused for the memory, it goes without.
 * @param resumed the snapshot is there already
 * @returns what is planned, how storage on the target is judged with it (undefined: as without), and what is to be told
 */
export function fitMemory(
  source: SourceFacts,
  target: TargetFacts,
  disks: readonly DiskPlan[],
  freed: boolean,
  resumed: boolean,
): { readonly memory: MemoryPlan; readonly space?: SpaceVerdict; readonly warnings: readonly Reason[] } {
  const memory = planMemory(source, disks)
  if (memory.kind === 'not-possible') return { memory, warnings: [memory.reason] }
  if (source.memory === undefined) return { memory, warnings: [] }
  const without = (why: string, avoid: string) => {
    const reason = memoryNotPossible(why, avoid)
    return { memory: { kind: 'not-possible', reason } as const, warnings: [reason] }
  }
  const checkpoint = resumed ? 'taken' : source.powerState === 'Running' ? 'running' : 'suspended'
  const there = judgeSuspendSpace(source.memory, checkpoint)
  const avoid = 'free space there, or name another storage repository for suspend images'
  if (there.kind === 'refused') return without(there.text, avoid)
  const space = judgeSpace(disks, source.disks, target, freed, memoryNeeded(source.memory, target, checkpoint))
  if (space.kind === 'refused') return without(space.refusal.text, 'free space there')
  return { memory, space, warnings: there.kind === 'warned' ? [{ code: 'space-short', text: there.text, avoid }] : [] }
}

/** Vendor and features of a CPU, as XAPI writes them: features in words of 32 bits in hex, joined by `-`. */
export interface CpuFlags {
  readonly vendor: string
  readonly features: string
}

/**
 * Why a guest that was booted on one CPU would be refused by a pool with another (assert_vm_is_compatible in
 * ocaml/xapi/cpuid_helpers.ml); undefined: nothing speaks against it that can be read here.
 */
export function cpuObstacle(booted: CpuFlags, pool: CpuFlags): string | undefined {
  if (booted.vendor !== '' && pool.vendor !== '' && booted.vendor !== pool.vendor)
    return `it runs on a CPU of ${booted.vendor}, and the target pool has ${pool.vendor}`
  const [wanted, there] = [wordsOf(booted.features), wordsOf(pool.features)]
  if (wanted === undefined || there === undefined || there.length === 0) return undefined
  const lacking = wanted.some((word, nth) => (word & ~(there[nth] ?? 0)) !== 0)
  return lacking ? 'it runs on a CPU with features that the target pool does not have' : undefined
}

/** Undefined: written in another way. */
function wordsOf(features: string): number[] | undefined {
  if (features === '') return []
  const words = features.split('-')
  return words.every((word) => /^[0-9a-f]{1,8}$/i.test(word)) ? words.map((word) => Number.parseInt(word, 16)) : undefined
}

export const memoryCpuDiffers = (obstacle: string): Reason => ({
  code: 'memory-cpu-differs',
  text: `a copy of the VM could not go on with this memory in the target pool: ${obstacle}`,
  avoid: 'start copies without the memory, or let both pools offer their guests the same CPU features',
})
