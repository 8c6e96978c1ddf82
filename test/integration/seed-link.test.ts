/** A first copy made by hand is checked, linked, and continued by a delta: our cr-seed, in place of the original's. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { Failure } from '../../src/core/failure.ts'
import { type LinkSeedOptions, linkSeed, type SeedReport } from '../../src/replication/seeding/link-seed.ts'
import { type Adopted, goOn, landings, modes, uuidsOf } from '../support/adopting.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { attachedDisks, setKeys } from '../support/original-chain.ts'
import {
  assertNoLeftovers,
  assertProtected,
  connectTo,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicaOf,
  restorePoints,
  withXapi,
} from '../support/replicating.ts'
import { type Seed, seedByHand, tagSeed } from '../support/seeding.ts'

describe('linking a seed', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
  })
  after(() => lab.close())

  interface Begun {
    readonly vm: MadeVm
    readonly chain: Adopted
    readonly seed: Seed
  }

  async function begin(sizes: readonly number[] = [24 * MIB, 32 * MIB]): Promise<Begun> {
    const vm = await makeVm(source, sizes)
    const sr = target.srs[0]?.uuid as string
    const chain: Adopted = { source, target, vm: vm.uuid, sr, job: randomUUID(), schedule: randomUUID() }
    return { vm, chain, seed: await seedByHand(chain, vm) }
  }

  async function link({ chain, seed }: Begun, changes: Partial<LinkSeedOptions> = {}): Promise<SeedReport> {
    const [from, to] = await Promise.all([connectTo(source), connectTo(target)])
    try {
      return await linkSeed({
        source: from,
        target: to,
        snapshot: seed.snapshot,
        vm: seed.vm,
        job: chain.job,
        schedule: chain.schedule as string,
        check: 'sample',
        networks: new Map(),
        signal: AbortSignal.timeout(60_000),
        budget: createByteBudget(32 * MIB),
        ...changes,
      })
    } finally {
      await Promise.all([from.close(), to.close()])
    }
  }

  const write = async (vm: MadeVm, seed: string): Promise<number> => {
    const { bytes } = await source.post('/guest/random', { vm: vm.uuid, userdevice: '1', count: 30, seed })
    return bytes
  }
  const refused = (code: string) => (error: unknown) => {
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.code, code, error.message)
    return true
  }
  /** Of all but the images below disks, which the storage merges when it has time. */
  const configs = async () => {
    const seen = await Promise.all([look(source), look(target)])
    return seen.map(({ VM, VDI }) =>
      [...VM, ...[...VDI].filter(([, { managed }]) => managed)].map(([ref, { other_config, name_label }]) => [
        ref,
        other_config,
        name_label,
      ]),
    )
  }

  test('G1, G2, G4: the VM is the replica, its snapshot the restore point, and the next run a delta in place', async () => {
    const begun = await begin()
    const { vm, chain, seed } = begun
    const report = await link(begun)
    assert.equal(report.status, 'linked')
    assert.ok(report.disks.every(({ bytesCompared }) => bytesCompared > 0))
    const seen = await look(target)
    assertProtected(seen, chain)
    assert.equal(replicaOf(seen, chain)?.uuid, seed.vm)
    assert.deepEqual(
      restorePoints(seen, chain).map(({ uuid }) => uuid),
      [report.restorePoint],
    )
    const bytes = await write(vm, 'a')
    const first = await goOn(chain, vm, 2)
    assert.deepEqual(modes(first), ['delta', 'delta'])
    assert.deepEqual(landings(first), ['in-place', 'in-place'])
    assert.equal(first.replica.uuid, seed.vm)
    assert.ok(first.totals.bytesSent <= 1.05 * bytes, `${first.totals.bytesSent} sent for ${bytes}`)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
    assert.ok(!(await uuidsOf(source)).has(seed.snapshot), 'the snapshot has served')
  })

  test('linking again does nothing; broken off before the source was told, it is completed', async () => {
    const begun = await begin([16 * MIB, 8 * MIB])
    await link(begun)
    const before = await configs()
    assert.equal((await link(begun)).status, 'already-linked')
    assert.deepEqual(await configs(), before)
    await withXapi(source, async (xapi) => {
      const snapshot = await xapi.byUuid('VM', begun.seed.snapshot)
      for (const { ref } of await attachedDisks(xapi, snapshot)) await xapi.call('VDI.set_other_config', [ref, {}])
    })
    assert.equal((await link(begun)).status, 'already-linked')
    await write(begun.vm, 'b')
    assert.deepEqual(modes(await goOn(begun.chain, begun.vm)), ['delta', 'delta'])
  })

  test('what the original’s tool has tagged is taken over', async () => {
    const begun = await begin([16 * MIB, 8 * MIB])
    await tagSeed(begun.chain, begun.seed)
    assert.equal((await link(begun)).status, 'linked')
    await write(begun.vm, 'c')
    const report = await goOn(begun.chain, begun.vm)
    assert.deepEqual(landings(report), ['in-place', 'in-place'])
  })

  test('an export of a snapshot comes back as a template, and is linked all the same', async () => {
    const begun = await begin([16 * MIB, 8 * MIB])
    await withXapi(target, async (xapi) => xapi.call('VM.set_is_a_template', [await xapi.byUuid('VM', begun.seed.vm), true]))
    await link(begun)
    assertProtected(await look(target), begun.chain)
  })

  test('a byte that differs is found by a full comparison, and nothing is changed', async () => {
    const begun = await begin()
    const disk = await withXapi(target, async (xapi) => (await attachedDisks(xapi, await xapi.byUuid('VM', begun.seed.vm)))[1])
    assert.ok(disk)
    const bytes = target.pool.storage.disk(disk.ref).read(9 * MIB + 65_536, 512)
    bytes[3] = (bytes[3] as number) ^ 1
    target.pool.storage.disk(disk.ref).write(9 * MIB + 65_536, bytes)
    const before = await configs()
    await assert.rejects(link(begun, { check: 'full' }), refused('SEED_CONTENT_DIFFERS'))
    assert.deepEqual(await configs(), before)
  })

  test('a disk that is wholly another one is found by the samples', async () => {
    const begun = await begin([16 * MIB, 8 * MIB])
    const [one] = await withXapi(target, async (xapi) => attachedDisks(xapi, await xapi.byUuid('VM', begun.seed.vm)))
    assert.ok(one)
    target.pool.storage.disk(one.ref).write(0, Buffer.alloc(65_536, 7))
    await assert.rejects(link(begun), refused('SEED_CONTENT_DIFFERS'))
  })

  test('what can not be a seed is refused with its reason, before anything is changed', async () => {
    const begun = await begin([16 * MIB, 8 * MIB])
    const { seed, vm, chain } = begun
    const before = await configs()
    await assert.rejects(link(begun, { snapshot: randomUUID() }), refused('SEED_SNAPSHOT_UNUSABLE'))
    await assert.rejects(link(begun, { snapshot: vm.uuid }), refused('SEED_SNAPSHOT_UNUSABLE'))
    await assert.rejects(link(begun, { vm: randomUUID() }), refused('SEED_VM_UNUSABLE'))
    assert.deepEqual(await configs(), before)
    await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', seed.vm)
      const [, second] = await attachedDisks(xapi, ref)
      assert.ok(second)
      const vbd = await xapi.call<Record<string, unknown>>('VBD.get_record', [second.record.VBDs[0]])
      await xapi.call('VBD.destroy', [second.record.VBDs[0]])
      await assert.rejects(link(begun), refused('SEED_DISKS_DIFFER'))
      await xapi.call('VBD.create', [{ ...vbd, userdevice: '5' }])
      await assert.rejects(link(begun), refused('SEED_DISKS_DIFFER'))
      await xapi.call('VBD.destroy', [(await xapi.record('VDI', second.ref)).VBDs[0]])
      await xapi.call('VBD.create', [vbd])
      await xapi.call('VM.start', [ref, false, false])
      await assert.rejects(link(begun), refused('SEED_VM_NOT_HALTED'))
      await xapi.call('VM.hard_shutdown', [ref])
      await assert.rejects(link(begun), refused('SEED_VM_WAS_STARTED'))
      // Nothing was written by that guest: compared whole it is as good as any.
      assert.equal((await link(begun, { check: 'full' })).status, 'linked')
    })
    await assert.rejects(link(begun, { job: randomUUID() }), refused('SEED_VM_TAKEN'))
    const second = await seedByHand(chain, vm)
    await assert.rejects(link({ ...begun, seed: second }), refused('SEED_CHAIN_EXISTS'))
    await withXapi(target, async (xapi) =>
      setKeys(xapi, 'VM', await xapi.byUuid('VM', second.vm), { 'xo:backup:job': randomUUID(), 'xo:backup:vm': vm.uuid }),
    )
    await assert.rejects(link({ ...begun, seed: second, chain: { ...chain, job: randomUUID() } }), refused('SEED_VM_TAKEN'))
  })
})
