/** Two runs of one chain at the same time: the later one takes the earlier for broken. Whatever they do, restore points are right. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { executeRun, prepareRun } from '../../src/replication/run.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  chainBetween,
  hashesOf,
  hashOf,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicate,
  restorePoints,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

/** What a run asks just before it makes its restore point. */
const CHECK = 'VDI.get_all_records_where'

/** A client of which one call waits, the first time, until it is let through. */
function waitingAt(method: string) {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const wrap = (xapi: Xapi): Xapi => {
    const call: Xapi['call'] = async (name, params, options) => {
      if (name === method) {
        reached.resolve()
        await gate.promise
      }
      return xapi.call(name, params, options)
    }
    return new Proxy(xapi, {
      get(_, property) {
        if (property === 'call') return call
        const value: unknown = Reflect.get(xapi, property)
        return typeof value === 'function' ? value.bind(xapi) : value
      },
    })
  }
  return { wrap, reached: reached.promise, open: gate.resolve }
}

describe('two runs of one chain at the same time', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const write = (vm: MadeVm, seed: string) => source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count: 40, seed })

  /** A run that stops at a call to the target; `done` settles with its outcome. */
  async function hanging(chain: Chain, method: string) {
    const run = randomUUID()
    const { wrap, reached, open } = waitingAt(method)
    const done = withXapi(source, (from) =>
      withXapi(target, async (to) => {
        const options = {
          source: from,
          target: wrap(to),
          ids: { run, job: chain.job, schedule: chain.job, vm: chain.vm, sr: chain.sr },
          retention: 9,
          verify: 'off',
          networks: new Map(),
          signal: new AbortController().signal,
          budget: createByteBudget(8 * MIB),
        } as const
        return executeRun(options, await prepareRun(options), new Date())
      }),
    )
    const outcome = done.then(
      () => 'success',
      (error: { code?: string }) => error.code,
    )
    await Promise.race([reached, outcome])
    return { run, outcome, open }
  }

  /** Every restore point there is holds the state of its run. */
  async function assertAllHold(chain: Chain, states: Readonly<Record<string, Record<string, string>>>): Promise<void> {
    const points = restorePoints(await look(target), chain)
    assert.deepEqual(points.map(({ run }) => run).sort(), Object.keys(states).sort())
    for (const { run, disks } of points) assert.deepEqual({ 0: await hashOf(target, disks['0'] as string) }, states[run], run)
  }

  for (const first of [true, false]) {
    test(`G1: a run that hung before its ${first ? 'first' : 'next'} restore point, while another was made, makes none`, async () => {
      const vm = await makeVm(source, [16 * MIB])
      const chain = chainBetween(source, target, vm)
      const states: Record<string, Record<string, string>> = {}
      if (!first) states[(await replicate(chain)).run] = await hashesOf(source, vm)
      await write(vm, 'a')
      const slow = await hanging(chain, CHECK)
      await write(vm, 'b')
      const quick = await replicate(chain)
      states[quick.run] = await hashesOf(source, vm)
      slow.open()
      assert.equal(await slow.outcome, 'REPLICA_IN_USE')
      await assertAllHold(chain, states)

      await write(vm, 'c')
      const next = await replicate(chain, { retention: 9 })
      assert.equal(next.disks[0]?.mode, 'delta')
      states[next.run] = await hashesOf(source, vm)
      await assertAllHold(chain, states)
      const seen = await look(target)
      assertProtected(seen, chain)
      assertNoLeftovers(await look(source), seen, chain, vm)
    })
  }

  test('G1: a run that hung makes no restore point of what another is about to write', async () => {
    const vm = await makeVm(source, [16 * MIB])
    const chain = chainBetween(source, target, vm)
    const states: Record<string, Record<string, string>> = {}
    states[(await replicate(chain)).run] = await hashesOf(source, vm)
    await write(vm, 'a')
    const slow = await hanging(chain, CHECK)
    await write(vm, 'b')
    const other = await hanging(chain, CHECK)
    slow.open()
    assert.equal(await slow.outcome, 'REPLICA_IN_USE')
    await assertAllHold(chain, states)
    other.open()
    assert.equal(await other.outcome, 'success')
    states[other.run] = await hashesOf(source, vm)
    await assertAllHold(chain, states)
  })
})
