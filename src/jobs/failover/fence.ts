/**
 * Keeps originals from being started whose replica has taken over, once their pool is back. Asked for by somebody, and never done by itself:
 * what is changed about a source VM, besides what runs need, is for whoever owns it to say (the alert tells that it is time to).
 */
import { type Fenced, fenceOriginals } from '../../replication/failover/source-look.ts'
import type { Xapi } from '../../xapi/xapi.ts'
import { type FailoverParts, lookingOptions, type Prepare, previewOf, vmClaim } from './parts.ts'

interface Found extends Fenced {
  /** Pool of what took over. */
  readonly on: string
}

export const prepareFence: Prepare<'fence'> = async (parts, { pool, vm }, signal) => {
  const found = await eachFound(parts, pool, signal, (original, target) => fenceOriginals(target, original, { vm, change: false }))
  const name = parts.pools.statuses().find(({ id }) => id === pool)?.name ?? pool
  const open = found.filter(({ state }) => state === 'can-start')
  return {
    preview: previewOf({
      kind: 'fence',
      title: `Originals on pool "${name}" are kept from being started: ${open.length}`,
      confirm: null,
      happens: open.map((each) => ({
        code: 'start-blocked',
        text: `the start of "${nameOf(each)}" is blocked, since "${each.failedOver.name}" took over from it; undoing the failover and going back allow it again`,
      })),
      warnings: found.filter(isDoubled).map((each) => ({
        code: 'original-runs',
        text: `"${nameOf(each)}" runs, and "${each.failedOver.name}" took over from it: nothing is done to either`,
        avoid: 'see which of them is worked with, and shut the other down',
      })),
    }),
    subject: {
      ...{ job: null, jobName: null, sourcePool: pool, target: { pool, sr: '' }, plan: null, seed: null },
      vm: vm === undefined ? null : { uuid: vm, name: found.find((each) => each.vm === vm)?.name ?? vm },
    },
    // Undoing one of them, or going back, at the same time would allow the start before it is blocked.
    claims: open.map((each) => vmClaim(each.vm)),
    reserves: [],
    impatient: false,
    async work(context) {
      context.step('block', 'blocking the start of originals')
      const done: Fenced[] = found.filter(({ state }) => state !== 'can-start')
      for (const one of open) {
        const now = await parts.pools.withPool(pool, context.signal, (original) =>
          parts.pools.withPool(one.on, context.signal, (target) =>
            fenceOriginals(lookingOptions(target, context.signal), original, { vm: one.vm, change: true }),
          ),
        )
        for (const each of now) {
          context.log(each.state === 'runs' ? 'warning' : 'info', `"${nameOf(each)}": ${each.state}`)
          done.push(each)
        }
      }
      const of = (...states: Fenced['state'][]) => [...new Set(done.filter(({ state }) => states.includes(state)).map(nameOf))]
      const result = {
        kind: 'fence' as const,
        blocked: of('blocked'),
        wereBlocked: of('was-blocked', 'replica').filter((each) => !of('blocked').includes(each)),
        running: [...new Set(done.filter(isDoubled).map(nameOf))],
      }
      return { result, report: { originals: done } }
    },
  }
}

const nameOf = ({ name, vm }: Fenced) => name ?? vm
const isDoubled = ({ state }: Fenced) => state === 'runs'

/** On every pool that answers: where the VMs are that took over. */
async function eachFound(
  { pools }: FailoverParts,
  pool: string,
  signal: AbortSignal,
  look: (original: Xapi, target: ReturnType<typeof lookingOptions>) => Promise<Fenced[]>,
): Promise<Found[]> {
  const others = pools.statuses().filter(({ state }) => state === 'connected')
  return pools.withPool(pool, signal, async (original) => {
    const all = await Promise.all(
      others.map(({ id }) =>
        pools.withPool(id, signal, async (target) =>
          (await look(original, lookingOptions(target, signal))).map((each): Found => ({ ...each, on: id })),
        ),
      ),
    )
    // What took over from VMs of other pools.
    return all.flat().filter(({ state }) => state !== 'gone')
  })
}
