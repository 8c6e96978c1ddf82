/** G3, G8 at the place where the source's toolstack makes the snapshot: it makes the disks first, then the VM that holds them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MARK } from '../../src/core/marks.ts'
import { XapiConnectionError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertWhole,
  type Chain,
  chainBetween,
  look,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  replicate,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

const dead = () => new XapiConnectionError('broken', 'pool:443', 'the toolstack was killed')

describe('a source whose toolstack dies over the snapshot', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  /** Snapshots of a VM's disks, each by itself, as storage makes them. uuids */
  const snapshotDisks = (vm: MadeVm): Promise<string[]> =>
    withXapi(source, async (xapi) => {
      const made: string[] = []
      for (const { vdi } of vm.disks) {
        const live = await xapi.call<Ref<'VDI'>>('VDI.get_by_uuid', [vdi])
        made.push(await xapi.call<string>('VDI.get_uuid', [await xapi.callAsync('VDI.snapshot', [live])]))
      }
      return made
    })

  /** A run whose pool dies between the disks of its snapshot and the VM. Disks that were made. */
  async function runThatDies(chain: Chain, vm: MadeVm): Promise<string[]> {
    let made: string[] = []
    let isDead = false
    const meddle: Meddle = async (method, _, go) => {
      if (isDead) throw dead()
      if (method !== 'VM.snapshot') return go()
      made = await snapshotDisks(vm)
      isDead = true
      throw dead()
    }
    await assert.rejects(replicate(chain, { meddle: { source: meddle } }))
    assert.equal(made.length, vm.disks.length)
    return made
  }

  const disksThere = async () => new Set([...(await look(source)).VDI.values()].map(({ uuid }) => uuid))
  const keysOf = async (vm: MadeVm) =>
    [...(await look(source)).VDI.values()]
      .filter(({ uuid }) => vm.disks.some(({ vdi }) => vdi === uuid))
      .flatMap(({ other_config: config }) => Object.keys(config).filter((key) => key.startsWith(MARK.snapshotting)))

  for (const [when, runsBefore] of [
    ['first run', 0],
    ['delta', 1],
  ] as const) {
    test(`G3: in a ${when}: the next run removes the disks that no VM holds, and takes its key off the live ones`, async () => {
      const vm = await makeVm(source, [8 * MIB, 8 * MIB])
      const chain = chainBetween(source, target, vm)
      for (let run = 0; run < runsBefore; run++) await replicate(chain)
      const made = await runThatDies(chain, vm)
      assert.equal((await keysOf(vm)).length, vm.disks.length)

      const { run, removed } = await replicate(chain)
      const there = await disksThere()
      assert.deepEqual(
        made.filter((uuid) => there.has(uuid)),
        [],
      )
      assert.ok(made.every((uuid) => removed.some((removal) => removal.uuid === uuid && /interrupted run/.test(removal.reason))))
      assert.deepEqual(await keysOf(vm), [])
      await assertWhole(chain, run, vm)
    })
  }

  test('G8: disks that somebody else snapshots stay, those too that inherit a key that was left long ago', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const [chain, other] = [chainBetween(source, target, vm), chainBetween(source, target, vm)]
    const theirs = await snapshotDisks(vm)
    const [disk] = vm.disks as [MadeVm['disks'][number]]
    await withXapi(source, async (xapi) => {
      const live = await xapi.call<Ref<'VDI'>>('VDI.get_by_uuid', [disk.vdi])
      const mark = (at: string) => JSON.stringify({ job: chain.job, vm: vm.uuid, srs: [chain.sr], at })
      await xapi.call('VDI.add_to_other_config', [live, `${MARK.snapshotting}old`, mark('20200101T00:00:00Z')])
    })
    theirs.push(...(await snapshotDisks(vm)))
    const ofOtherChain = await runThatDies(other, vm)

    const { removed } = await replicate(chain)
    const there = await disksThere()
    assert.ok([...theirs, ...ofOtherChain].every((uuid) => there.has(uuid)))
    assert.ok(removed.every(({ uuid }) => !theirs.includes(uuid) && !ofOtherChain.includes(uuid)))
    assert.deepEqual(await keysOf(vm), [])

    await replicate(other)
    const left = await disksThere()
    assert.ok(theirs.every((uuid) => left.has(uuid)))
    assert.ok(ofOtherChain.every((uuid) => !left.has(uuid)))
  })
})
