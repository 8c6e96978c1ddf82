/**
 * Scratch objects of the doctor: named and marked from the instant they are made, so that whatever is left of a doctor that was
 * killed is recognised and removed by the next one. Snapshots and clones inherit name and mark (behaviour.md 5.2, 8.2).
 */
import { hostname } from 'node:os'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { destroyDisk, destroyVm, isGone } from '../destroy.ts'

export const SCRATCH_PREFIX = 'understudy doctor '
/** `other_config` of every scratch object: JSON of ScratchOwner. */
export const SCRATCH_MARK = 'understudy:doctor'

export interface ScratchOwner {
  readonly run: string
  /** Name of the machine, and the process there. */
  readonly host: string
  readonly pid: number
  /** Milliseconds, by that machine's clock. */
  readonly at: number
}

/** A doctor takes minutes at most: what is older than this is left over, whoever made it. */
const ABANDONED_MS = 60 * 60_000

export const scratchOwner = (run: string): ScratchOwner => ({ run, host: hostname(), pid: process.pid, at: Date.now() })

export const scratchName = ({ run }: ScratchOwner, what: string): string => `${SCRATCH_PREFIX}${run.slice(0, 8)} ${what}`

export const scratchConfig = (owner: ScratchOwner): Record<string, string> => ({ [SCRATCH_MARK]: JSON.stringify(owner) })

/** The owner of an object that has both name and mark; undefined for anything else, which is none of our business. */
export function readOwner(record: {
  readonly name_label: string
  readonly other_config: Readonly<Record<string, string>>
}): ScratchOwner | undefined {
  const text = record.other_config[SCRATCH_MARK]
  if (text === undefined || !record.name_label.startsWith(SCRATCH_PREFIX)) return undefined
  try {
    const { run, host, pid, at } = JSON.parse(text) as Record<string, unknown>
    const right = typeof run === 'string' && typeof host === 'string' && Number.isSafeInteger(pid) && typeof at === 'number'
    return right ? ({ run, host, pid, at } as ScratchOwner) : undefined
  } catch {
    return undefined
  }
}

/** Whether a doctor other than ours may still be working with it: another machine's counts as alive until it is surely over. */
export function mayBeAlive(owner: ScratchOwner, now: number, isRunning: (pid: number) => boolean = processRuns): boolean {
  if (Math.abs(now - owner.at) > ABANDONED_MS) return false
  return owner.host !== hostname() || isRunning(owner.pid)
}

function processRuns(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export interface ScratchObjects {
  readonly vms: ReadonlyMap<Ref<'VM'>, RecordOf['VM']>
  readonly vdis: ReadonlyMap<Ref<'VDI'>, RecordOf['VDI']>
  /** Of doctors that may be at work: left alone. Names. */
  readonly others: readonly string[]
}

/** Everything on the pool that a doctor made: this run's, and what is left of others. */
export async function findScratch(xapi: Xapi, own: ScratchOwner, signal: AbortSignal): Promise<ScratchObjects> {
  const [vms, vdis] = await Promise.all([xapi.records('VM', { signal }), xapi.records('VDI', { signal })])
  const others: string[] = []
  const now = Date.now()
  const ours = (record: RecordOf['VM'] | RecordOf['VDI']) => {
    const owner = readOwner(record)
    if (owner === undefined) return false
    if (owner.run === own.run || !mayBeAlive(owner, now)) return true
    others.push(record.name_label)
    return false
  }
  return {
    vms: new Map([...vms].filter(([, record]) => ours(record))),
    // Base copies of the storage's chains go with their leaves.
    vdis: new Map([...vdis].filter(([, record]) => record.managed && ours(record))),
    others,
  }
}

/** Removes them; gives what could not be removed, each with its reason. Never throws for one of them: the others go all the same. */
export async function removeScratch(xapi: Xapi, { vms, vdis }: ScratchObjects, signal: AbortSignal): Promise<string[]> {
  const left: string[] = []
  const attempt = async (what: string, action: () => Promise<unknown>) => {
    try {
      await action()
    } catch (error) {
      if (!isGone(error)) left.push(`${what}: ${(error as Error).message}`)
    }
  }
  for (const [ref, { name_label: name, power_state: state }] of vms) {
    if (state !== 'Halted') await attempt(`VM "${name}"`, () => xapi.call('VM.hard_shutdown', [ref], { signal }))
  }
  const held = vdis.size === 0 ? new Set<Ref<'VDI'>>() : await heldByOthers(xapi, vms, vdis, signal)
  for (const [ref, { name_label: name, uuid }] of [...vdis].sort(([, a], [, b]) => removalOrder(a) - removalOrder(b))) {
    if (held.has(ref)) left.push(`disk "${name}" (${uuid}): a VM that is not the doctor's holds it`)
    else await attempt(`disk "${name}" (${uuid})`, () => destroyDisk(xapi, ref, signal))
  }
  for (const [ref, { name_label: name, uuid }] of vms) await attempt(`VM "${name}" (${uuid})`, () => destroyVm(xapi, ref, signal))
  return left
}

/** Records of changes first: behind another link of the chain they can't be removed without breaking it on a file SR. */
const removalOrder = ({ type, is_a_snapshot: snapshot }: RecordOf['VDI']) => (type === 'cbt_metadata' ? 0 : snapshot ? 1 : 2)

async function heldByOthers(
  xapi: Xapi,
  vms: ScratchObjects['vms'],
  vdis: ScratchObjects['vdis'],
  signal: AbortSignal,
): Promise<Set<Ref<'VDI'>>> {
  const [vbds, all] = await Promise.all([xapi.records('VBD', { signal }), xapi.records('VM', { signal })])
  const held = new Set<Ref<'VDI'>>()
  for (const { VDI, VM } of vbds.values()) {
    // The control domain's attachments come and go with transfers.
    if (vdis.has(VDI) && !vms.has(VM) && all.get(VM)?.is_control_domain === false) held.add(VDI)
  }
  return held
}
