/** Whether the source of a VM that takes over still runs, and keeping it from starting. */
import { HANDED_OVER } from '../../core/failover/marks.ts'
import type { SourceLook } from '../../core/failover/take-over.ts'
import { replicaBlocked, START_BLOCKED } from '../../core/marks.ts'
import type { PowerState } from '../../core/observation.ts'
import { XapiConnectionError } from '../../xapi/errors.ts'
import type { RecordOf } from '../../xapi/records.generated.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { findByUuid, type PoolView } from '../pool-view.ts'
import type { FailoverOptions } from './options.ts'
import { type FailedOver, findFailedOver } from './undo.ts'

/** A pool that was named, and does not answer. */
export interface SilentPool {
  readonly silent: string
}

/** A disaster is no time to wait long for an answer. */
const LOOK_MS = 15_000

export async function lookAtSource(
  { signal }: FailoverOptions,
  target: PoolView,
  vm: string,
  source: Xapi | SilentPool | undefined,
): Promise<SourceLook> {
  const here = findByUuid(target.VM, vm)
  if (here !== undefined) return seen(here[1])
  if (source === undefined) return { kind: 'not-asked' }
  if ('silent' in source) return { kind: 'silent', why: source.silent }
  try {
    const all = await source.records('VM', { signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]) })
    const found = findByUuid(all, vm)
    return found === undefined ? { kind: 'gone' } : seen(found[1])
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof XapiConnectionError) return { kind: 'silent', why: error.message }
    if ((error as Error).name === 'TimeoutError') return { kind: 'silent', why: `no answer in ${LOOK_MS / 1000} seconds` }
    throw error
  }
}

const seen = ({ name_label: name, power_state: state, blocked_operations: blocked }: RecordOf['VM']): SourceLook => ({
  kind: 'there',
  name,
  powerState: state as PowerState,
  startBlocked: 'start' in blocked,
})

/** Only of a VM that is halted. What somebody else blocked stays as it is. @returns false: it runs, or is not there */
export async function blockStart(
  pool: Xapi,
  vm: string,
  by: { readonly name: string; readonly uuid: string },
  signal: AbortSignal,
): Promise<boolean> {
  const found = findByUuid(await pool.records('VM', { signal }), vm)
  if (found === undefined || found[1].power_state !== 'Halted') return false
  const [ref, { blocked_operations: blocked }] = found
  const why = `${HANDED_OVER} to "${by.name}" (${by.uuid}): two of them must not run`
  await pool.call('VM.set_blocked_operations', [ref, { ...replicaBlocked(why), ...blocked }], { signal })
  // Somebody may have started it in between.
  return (await pool.call<string>('VM.get_power_state', [ref], { signal })) === 'Halted'
}

export interface Fenced {
  readonly vm: string
  readonly name: string | undefined
  readonly failedOver: { readonly uuid: string; readonly name: string; readonly powerState: string }
  /**
   * `blocked`: by this call; `was-blocked`: it could not be started before; `replica`: it is one by now; `runs`: two of them may run;
   * `can-start`: nothing keeps it from being started (of a look only); `gone`: it is not there.
   */
  readonly state: 'blocked' | 'was-blocked' | 'replica' | 'runs' | 'can-start' | 'gone'
}

/** Originals of the VMs that failed over, as their pool has them now. @param change block the start of those that are halted */
export async function fenceOriginals(
  options: FailoverOptions,
  original: Xapi,
  { vm, change }: { readonly vm?: string | undefined; readonly change: boolean },
): Promise<Fenced[]> {
  const { signal } = options
  const failed = (await findFailedOver(options, { vm })).filter(({ mark }) => mark.state !== 'preparing')
  const there = await original.records('VM', { signal })
  const out: Fenced[] = []
  for (const each of failed) {
    const found = findByUuid(there, each.mark.vm)
    const state = await fence(original, found, each, change, signal)
    const { uuid, name, powerState } = each
    out.push({ vm: each.mark.vm, name: found?.[1].name_label, failedOver: { uuid, name, powerState }, state })
  }
  return out
}

async function fence(
  original: Xapi,
  found: readonly [Ref<'VM'>, RecordOf['VM']] | undefined,
  failed: FailedOver,
  change: boolean,
  signal: AbortSignal,
): Promise<Fenced['state']> {
  if (found === undefined) return 'gone'
  const { power_state: state, blocked_operations: blocked } = found[1]
  if (state !== 'Halted') return 'runs'
  if (blocked.start === START_BLOCKED) return 'replica'
  if ('start' in blocked && 'start_on' in blocked) return 'was-blocked'
  if (!change) return 'can-start'
  return (await blockStart(original, failed.mark.vm, failed, signal)) ? 'blocked' : 'runs'
}
