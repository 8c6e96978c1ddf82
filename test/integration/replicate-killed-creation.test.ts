/** G3 at the place where least is known of what was made: while the replica VM is being created. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { executeRun, prepareRun, type RunOptions } from '../../src/replication/run.ts'
import { XapiConnectionError } from '../../src/xapi/errors.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  chainBetween,
  hashesOf,
  hashOf,
  look,
  MIB,
  makeVm,
  replicaOf,
  replicate,
  restorePoints,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

/** The client as it is for a mover that dies: so many calls after VM.create, the last of them may have worked, nothing works any more. */
function dying(xapi: Xapi, calls: number): Xapi {
  let left: number | undefined
  const call: Xapi['call'] = async (method, params, options) => {
    if (left !== undefined && left-- <= 0) throw new XapiConnectionError('broken', 'pool:443', 'the mover was killed')
    const result = await xapi.call(method, params, options)
    if (method === 'VM.create') left = calls
    return result as never
  }
  return new Proxy(xapi, {
    get(_, property) {
      if (property === 'call') return call
      const value: unknown = Reflect.get(xapi, property)
      return typeof value === 'function' ? value.bind(xapi) : value
    },
  })
}

describe('a mover that dies while it makes a replica', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  for (const calls of [0, 1, 2, 3, 4, 5]) {
    test(`G3, G4: ${calls} calls after its creation: the next run makes a whole replica, and nothing is left of another`, async () => {
      const vm = await makeVm(source, [8 * MIB], { start: false })
      const chain = chainBetween(source, target, vm)
      const before = new Set((await look(target)).VM.keys())
      await withXapi(source, (from) =>
        withXapi(target, async (to) => {
          const options: RunOptions = {
            source: from,
            target: dying(to, calls),
            ids: { run: randomUUID(), job: chain.job, schedule: chain.job, vm: chain.vm, sr: chain.sr },
            retention: 3,
            verify: 'off',
            networks: new Map(),
            signal: new AbortController().signal,
            budget: createByteBudget(8 * MIB),
          }
          await assert.rejects(prepareRun(options).then((prepared) => executeRun(options, prepared, new Date())))
        }),
      )
      const broken = [...(await look(target)).VM].filter(([ref]) => !before.has(ref))
      assert.equal(broken.length, 1, 'it was being made')
      // Nobody can start it as it is.
      assert.ok(broken.every(([, { is_a_template: template, blocked_operations: blocked }]) => template || 'start' in blocked))

      const report = await replicate(chain)
      const seen = await look(target)
      assertProtected(seen, chain)
      assertNoLeftovers(await look(source), seen, chain, vm)
      const [point] = restorePoints(seen, chain)
      assert.equal(point?.run, report.run)
      assert.deepEqual({ 0: await hashOf(target, point?.disks['0'] as string) }, await hashesOf(source, vm))
      // The replica and its restore point, and nothing else.
      assert.equal([...seen.VM.keys()].filter((ref) => !before.has(ref)).length, 2)
      const replica = replicaOf(seen, chain)
      const original = [...(await look(source)).VM.values()].find(({ uuid }) => uuid === vm.uuid)
      assert.equal(replica?.VIFs.length, original?.VIFs.length)
      assert.equal(replica?.VBDs.length, original?.VBDs.length)
    })
  }
})
