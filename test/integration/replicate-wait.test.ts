/** What ends by itself is waited for, as long as the run may: a VM under migration, a chain that its storage merges. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { Failure } from '../../src/core/failure.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { StartedPool } from '../support/lab.ts'
import { assertNoLeftovers, chainBetween, look, MIB, makeVm, restorePoints, withTwoPools, withXapi } from '../support/replicating.ts'
import { type ManyChanges, replicateAll } from '../support/several-targets.ts'

let source: StartedPool
let target: StartedPool
withTwoPools((one, other) => {
  source = one
  target = other
})

const setOperations = (vm: string, operations: Readonly<Record<string, string>>) => {
  const { db } = source.pool
  db.update('VM', db.byUuid('VM', vm) as string, { current_operations: operations })
}
const failureOf = (outcome: Awaited<ReturnType<typeof replicateAll>>[number] | undefined) =>
  outcome?.kind === 'failure' ? outcome.error : undefined
const waiting =
  (heard: string[], then: () => void): ManyChanges['onEvent'] =>
  (event) => {
    if (event.kind !== 'log' || !event.message.startsWith('waiting: ')) return
    heard.push(event.message)
    then()
  }

test('a VM under migration is waited for on events, and replicated as soon as it has arrived', async () => {
  const vm = await makeVm(source, [16 * MIB])
  const chain = chainBetween(source, target, vm)
  setOperations(vm.uuid, { 'OpaqueRef:task': 'pool_migrate' })
  const heard: string[] = []
  const onEvent = waiting(heard, () => setOperations(vm.uuid, {}))
  const [outcome] = await replicateAll([chain], { waitMs: 60_000, ...(onEvent && { onEvent }) })
  assert.equal(outcome?.kind, 'success', String(failureOf(outcome)))
  assert.equal(heard.length, 1)
  assertNoLeftovers(await look(source), await look(target), chain, vm)
})

test('a VM that stays busy is refused when its time is over; without a time at once', async () => {
  const vm = await makeVm(source, [16 * MIB])
  const chain = chainBetween(source, target, vm)
  setOperations(vm.uuid, { 'OpaqueRef:task': 'migrate_send' })
  for (const waitMs of [0, 300]) {
    const [outcome] = await replicateAll([chain], { waitMs })
    const error = failureOf(outcome)
    assert.ok(error instanceof Failure && error.code === 'SOURCE_BUSY', String(error))
  }
  assert.equal(restorePoints(await look(target), chain).length, 0)
})

test('waiting is cancelled at any moment, and leaves nothing behind', async () => {
  const vm = await makeVm(source, [16 * MIB])
  const chain = chainBetween(source, target, vm)
  setOperations(vm.uuid, { 'OpaqueRef:task': 'pool_migrate' })
  const stop = new AbortController()
  const onEvent = waiting([], () => stop.abort(new Error('stopped')))
  const [outcome] = await replicateAll([chain], { waitMs: 60_000, signal: stop.signal, ...(onEvent && { onEvent }) })
  assert.match(String(failureOf(outcome)), /stopped/)
  const config = await withXapi(target, async (xapi) => (await xapi.record('SR', await xapi.byUuid('SR', chain.sr))).other_config)
  assert.deepEqual(
    Object.keys(config).filter((key) => key.startsWith('understudy:')),
    [],
  )
})

test('a chain that is too long is waited for while its storage merges it', async () => {
  const vm = await makeVm(source, [16 * MIB])
  const chain = chainBetween(source, target, vm)
  await withXapi(source, async (xapi) => {
    const vdi = await xapi.byUuid('VDI', vm.disks[0]?.vdi as string)
    const { SR } = await xapi.record('VDI', vdi)
    await xapi.call('SR.add_to_other_config', [SR, 'gc', 'false'])
    const snapshots: Ref<'VDI'>[] = []
    for (;;) {
      await source.post('/guest/random', { vm: vm.uuid, count: 1, seed: randomUUID() })
      const made = await xapi.call<Ref<'VDI'>>('VDI.snapshot', [vdi, {}]).catch(() => undefined)
      if (made === undefined) break
      snapshots.push(made)
    }
    const heard: string[] = []
    let merged: Promise<unknown> = Promise.resolve()
    const onEvent = waiting(heard, () => {
      merged = (async () => {
        for (const snapshot of snapshots) await xapi.call('VDI.destroy', [snapshot])
        await xapi.call('SR.remove_from_other_config', [SR, 'gc'])
        await xapi.call('SR.scan', [SR])
      })()
    })
    const [outcome] = await replicateAll([chain], { waitMs: 90_000, ...(onEvent && { onEvent }) })
    await merged
    assert.equal(outcome?.kind, 'success', String(failureOf(outcome)))
    assert.match(heard[0] ?? '', /chain of \d+ images/)
  })
})
