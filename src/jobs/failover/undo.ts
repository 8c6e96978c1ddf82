/** Takes a failover back: the VM is a replica again, and a source that was shut down for it runs again. */
import type { Reason } from '../../core/base.ts'
import { HANDED_OVER, readHandoverMark } from '../../core/failover/marks.ts'
import { Failure } from '../../core/failure.ts'
import type { FailoverOptions } from '../../replication/failover/options.ts'
import { undoHandedOver } from '../../replication/failover/planned.ts'
import { type FailedOver, findFailedOver, theOnly, undoFailover } from '../../replication/failover/undo.ts'
import { findByUuid } from '../../replication/pool-view.ts'
import type { Ref } from '../../xapi/ref.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { type KnownChain, knownChain, subjectOf } from './find-chain.ts'
import { actingOptions, type FailoverParts, lookingOptions, type Prepare, previewOf, vmClaim } from './parts.ts'
import { reservesOf } from './take-over.ts'

interface Source {
  readonly ref: Ref<'VM'>
  readonly was: string | undefined
  /** It was shut down, or blocked, for a failover. */
  readonly handed: boolean
}

export const prepareUndo: Prepare<'undo-failover'> = async (parts, request, signal) => {
  const { target, vm, job, failedOver } = request
  const chain = knownChain(parts, request)
  const found = await parts.pools.withPool(target.pool, signal, async (xapi) =>
    (await findFailedOver(lookingOptions(xapi, signal), { vm, job })).filter(
      ({ uuid, mark }) => mark.sr === target.sr && (failedOver === undefined || uuid === failedOver),
    ),
  )
  const source = await lookAtSource(parts, chain, signal)
  // One that was stopped before its replica was touched has changed the source only.
  const failed = found.length === 0 && source?.handed === true ? undefined : theOnly(found, chain.vm.name)
  if (failed?.mark.state === 'turned')
    throw new Failure('TURNED_ROUND', `"${failed.name}" is the source of its job now: its protection was turned round`)
  return {
    preview: previewOf({
      kind: 'undo-failover',
      title: `The failover of "${chain.vm.name}" is undone`,
      confirm: chain.vm.name,
      happens: happens(failed, source, chain),
      lost:
        failed === undefined || failed.mark.state === 'preparing'
          ? []
          : [{ code: 'writes-given-up', text: `everything that "${failed.name}" wrote since ${failed.mark.at}` }],
      warnings:
        source === undefined && failed?.mark.kind === 'planned'
          ? [{ code: 'source-away', text: 'the source pool does not answer: its VM stays blocked until this is done again' }]
          : [],
    }),
    subject: subjectOf(chain),
    claims: [vmClaim(vm)],
    reserves: reservesOf(chain),
    impatient: false,
    work: (context) =>
      parts.pools.withPool(target.pool, context.signal, async (xapi) => {
        const options = actingOptions(parts, xapi, context)
        // The replica first: two of them must never run.
        if (failed !== undefined) await undoFailover(options, failed)
        const sourceFreed = source !== undefined && (await freeSource(parts, chain, options, context))
        const undone = failed === undefined ? chain.vm : { uuid: failed.uuid, name: failed.name }
        const result = { kind: 'undo-failover' as const, vm: undone, removed: failed?.mark.clone ?? false, sourceFreed }
        return { result, report: { ...result } }
      }),
  }
}

async function freeSource(
  parts: FailoverParts,
  { sourcePool, vm }: KnownChain,
  options: FailoverOptions,
  context: Parameters<Awaited<ReturnType<typeof prepareUndo>>['work']>[0],
): Promise<boolean> {
  return parts.pools.withPool(sourcePool as string, context.signal, async (xapi) => {
    const source = await readSource(xapi, vm.uuid, context.signal)
    if (source === undefined || !source.handed) return false
    context.step('source', `allowing the start of "${vm.name}"${source.was === 'Running' ? ', and starting it' : ''}`)
    return undoHandedOver(options, xapi, vm.uuid)
  })
}

/** Undefined: its pool does not answer, or has it no more. */
async function lookAtSource(parts: FailoverParts, { sourcePool, vm }: KnownChain, signal: AbortSignal): Promise<Source | undefined> {
  const connected = parts.pools.statuses().some(({ id, state }) => id === sourcePool && state === 'connected')
  if (!connected || sourcePool === undefined) return undefined
  try {
    return await parts.pools.withPool(sourcePool, signal, (xapi) => readSource(xapi, vm.uuid, signal))
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

async function readSource(xapi: Xapi, vm: string, signal: AbortSignal): Promise<Source | undefined> {
  const found = findByUuid(await xapi.records('VM', { signal }), vm)
  if (found === undefined) return undefined
  const [ref, { other_config: config, uuid, blocked_operations: blocked }] = found
  const mark = readHandoverMark(config, uuid)
  const handed = mark !== undefined || Object.values(blocked).some((why) => why.startsWith(HANDED_OVER))
  return { ref, was: mark?.was, handed }
}

function happens(failed: FailedOver | undefined, source: Source | undefined, { vm }: KnownChain): Reason[] {
  const out: Reason[] = []
  if (failed?.mark.clone)
    out.push({ code: 'clone-removed', text: `the clone "${failed.name}" is stopped by force and destroyed with its disks` })
  else if (failed !== undefined)
    out.push({
      code: 'replica-again',
      text: `"${failed.name}" is stopped by force and is a replica again; the next run replaces what it wrote`,
    })
  if (source?.handed === true)
    out.push({
      code: 'source-freed',
      text: `the start of "${vm.name}" is allowed again${source.was === 'Running' ? ', and it is started' : ''}`,
    })
  return out
}
