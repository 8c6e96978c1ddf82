/** One run to several targets: one snapshot, the source read once, and each target with its own success or failure. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { type Chain, hashesOf, look, type MadeVm, MIB, makeVm, meddled, replicate, withXapi } from '../support/replicating.ts'
import { assertChainHolds, assertTidy, codesOf, type ManyChanges, replicateAll, reportsOf } from '../support/several-targets.ts'

describe('one run to several targets', () => {
  let lab: StartedLab
  let source: StartedPool
  let oslo: StartedPool
  let rome: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo', 'rome'], empty: true })
    ;[source, oslo, rome] = lab.pools as [StartedPool, StartedPool, StartedPool]
  })
  after(() => lab.close())

  const states = new Map<string, Record<string, string>>()
  const write = (vm: MadeVm, count: number, seed: string) =>
    source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count, seed }) as Promise<{ bytes: number }>

  function chainsOf(vm: MadeVm): [Chain, Chain] {
    const job = randomUUID()
    const to = (target: StartedPool): Chain => ({ source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job })
    return [to(oslo), to(rome)]
  }

  async function run(chains: readonly Chain[], vm: MadeVm, changes: ManyChanges = {}) {
    const id = randomUUID()
    states.set(id, await hashesOf(source, vm))
    return { id, outcomes: await replicateAll(chains, { run: id, ...changes }) }
  }

  const sourceRecords = async (chain: Chain) =>
    [...(await look(source)).VDI.values()].filter(({ other_config: config }) => config['xo:backup:job'] === chain.job)

  test('a comparison of both disks whole reads the source once, whatever the number of targets', async () => {
    const vm = await makeVm(source, [64 * MIB, 32 * MIB])
    const chains = chainsOf(vm)
    const readings = async (some: readonly Chain[]) => {
      let opened = 0
      const wrap = (xapi: Xapi) =>
        xapi.url !== source.url
          ? xapi
          : meddled(xapi, (method, _, go) => {
              if (method === 'VDI.get_nbd_info') opened++
              return go()
            })
      const reports = reportsOf((await run(some, vm, { verify: 'full', wrap })).outcomes)
      return { opened, verified: reports.map(({ disks }) => disks.map(({ verify }) => verify?.source)) }
    }
    const alone = await readings([{ ...chains[0], job: randomUUID() }])
    const both = await readings(chains)
    // Each disk is read to transfer it and once more to compare it.
    assert.deepEqual([alone.opened, both.opened], [4, 4])
    assert.deepEqual(both.verified, [alone.verified[0], alone.verified[0]])
  })

  test('G1, G7: both targets hold one snapshot, of which every block was read once', async () => {
    const vm = await makeVm(source, [64 * MIB, 32 * MIB])
    const alone: Chain = { ...chainsOf(vm)[0], job: randomUUID() }
    const one = await replicate(alone)
    const chains = chainsOf(vm)
    const first = await run(chains, vm)
    const reports = reportsOf(first.outcomes)
    // As much as for one target, not twice as much.
    assert.deepEqual(
      reports.map(({ together }) => together),
      Array(2).fill({ targets: 2, bytesRead: one.totals.bytesRead }),
    )
    assert.deepEqual(
      reports.map(({ disks }) => disks.map(({ mode, reason }) => `${mode} ${reason.code}`)),
      Array(2).fill(Array(2).fill('full first-copy')),
    )

    const { bytes } = await write(vm, 60, 'both')
    const second = await run(chains, vm)
    for (const { totals, disks, together } of reportsOf(second.outcomes)) {
      assert.equal(disks[0]?.mode, 'delta')
      assert.equal(totals.changedBytes, bytes)
      assert.ok((together?.bytesRead ?? 0) <= 1.25 * bytes, `${together?.bytesRead} read for ${bytes}`)
    }
    const third = await run(chains, vm)
    assert.deepEqual(
      reportsOf(third.outcomes).map(({ totals, together }) => [totals.bytesSent, together?.bytesRead]),
      [
        [0, 0],
        [0, 0],
      ],
    )
    for (const chain of chains) await assertChainHolds(chain, states, [first.id, second.id, third.id])
    await withXapi(source, async (xapi) => {
      for (const [ref, vdi] of await xapi.records('VDI'))
        if (vdi.other_config['xo:backup:job'] === alone.job) await xapi.call('VDI.destroy', [ref])
    })
    await assertTidy(chains, vm)
  })

  test('G7: the one snapshot that served both is reduced to its record of changes, which both claim', async () => {
    const vm = await makeVm(source, [16 * MIB])
    const chains = chainsOf(vm)
    for (const seed of ['a', 'b']) {
      reportsOf((await run(chains, vm)).outcomes)
      await write(vm, 5, seed)
    }
    const records = await sourceRecords(chains[0])
    assert.deepEqual(
      records.map(({ type }) => type),
      ['cbt_metadata'],
    )
    const mark = JSON.parse(records[0]?.other_config['understudy:run'] as string) as { sr: string; also: string[] }
    assert.deepEqual(
      [mark.sr, ...mark.also],
      chains.map(({ sr }) => sr),
    )
    await assertTidy(chains, vm)
  })

  test('G2, G5, G6: one target fails, the other has its restore point; the next run brings both up by delta, from the base of each', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chains = chainsOf(vm)
    const first = await run(chains, vm)
    reportsOf(first.outcomes)
    const old = await write(vm, 30, 'old')
    await rome.pool.faults.add({ kind: 'error', code: 'VDI_IO_ERROR', match: { method: 'import_raw_vdi' }, on: 'task', count: null })
    const second = await run(chains, vm)
    assert.deepEqual(codesOf(second.outcomes), ['ok', 'VDI_IO_ERROR'])
    await rome.pool.faults.clearAll()
    await assertChainHolds(chains[0], states, [first.id, second.id])
    await assertChainHolds(chains[1], states, [first.id])

    const fresh = await write(vm, 20, 'fresh')
    const third = await run(chains, vm)
    const [up, behind] = reportsOf(third.outcomes)
    assert.deepEqual([up?.disks[0]?.mode, behind?.disks[0]?.mode], ['delta', 'delta'])
    assert.deepEqual([up?.disks[0]?.fallbacks, behind?.disks[0]?.fallbacks], [[], []])
    assert.equal(up?.totals.changedBytes, fresh.bytes)
    const missing = behind?.totals.changedBytes as number
    assert.ok(missing > fresh.bytes && missing <= old.bytes + fresh.bytes)
    // The union of both is what the one that is behind needs: read once.
    assert.ok((up?.together?.bytesRead as number) <= 1.25 * missing, `${up?.together?.bytesRead} read for ${missing}`)
    await assertChainHolds(chains[0], states, [first.id, second.id, third.id])
    await assertChainHolds(chains[1], states, [first.id, third.id])
    reportsOf((await run(chains, vm)).outcomes)
    await assertTidy(chains, vm)
  })

  test('a target that is new gets everything while the other gets what changed, read once', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chains = chainsOf(vm)
    const first = await run([chains[0]], vm)
    reportsOf(first.outcomes)
    const { bytes } = await write(vm, 10, 'x')
    const second = await run(chains, vm)
    const [known, fresh] = reportsOf(second.outcomes)
    assert.deepEqual([known?.disks[0]?.mode, fresh?.disks[0]?.mode], ['delta', 'full'])
    assert.equal(known?.totals.changedBytes, bytes)
    assert.ok((known?.together?.bytesRead as number) < 1.25 * (fresh?.totals.changedBytes as number))
    await assertChainHolds(chains[0], states, [first.id, second.id])
    await assertChainHolds(chains[1], states, [second.id])
    reportsOf((await run(chains, vm)).outcomes)
    await assertTidy(chains, vm)
  })

  test('G5: a target that is left out keeps its base, and is continued by delta when it comes back', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chains = chainsOf(vm)
    const first = await run(chains, vm)
    reportsOf(first.outcomes)
    const later: string[] = []
    for (const seed of ['1', '2']) {
      await write(vm, 4, seed)
      const next = await run([chains[0]], vm)
      reportsOf(next.outcomes)
      later.push(next.id)
    }
    const back = await run(chains, vm)
    assert.deepEqual(
      reportsOf(back.outcomes).map(({ disks }) => disks[0]?.mode),
      ['delta', 'delta'],
    )
    await assertChainHolds(chains[0], states, [...later, back.id])
    await assertChainHolds(chains[1], states, [first.id, back.id])
    reportsOf((await run(chains, vm)).outcomes)
    await assertTidy(chains, vm)
  })

  test('without NBD the export of changes is read once for targets with the same base, and apart, with the reason, for others', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chains = chainsOf(vm)
    const first = await run(chains, vm)
    const purposes = await withXapi(source, async (xapi) => {
      const networks = [...(await xapi.records('network'))].filter(([, { purpose }]) => purpose.includes('nbd'))
      for (const [ref] of networks) await xapi.call('network.remove_purpose', [ref, 'nbd'])
      return networks.map(([ref]) => ref)
    })
    try {
      await write(vm, 4, 'one')
      await rome.pool.faults.add({ kind: 'error', code: 'VDI_IO_ERROR', match: { method: 'import_raw_vdi' }, on: 'task', count: null })
      const second = await run(chains, vm)
      assert.deepEqual(codesOf(second.outcomes), ['ok', 'VDI_IO_ERROR'])
      await rome.pool.faults.clearAll()
      await write(vm, 4, 'two')
      const third = await run(chains, vm)
      for (const { disks } of reportsOf(third.outcomes)) assert.ok(disks[0]?.fallbacks.some(({ code }) => code === 'read-apart'))
      await write(vm, 4, 'three')
      const fourth = await run(chains, vm)
      for (const { disks } of reportsOf(fourth.outcomes)) assert.ok(disks[0]?.fallbacks.every(({ code }) => code !== 'read-apart'))
      await assertChainHolds(chains[0], states, [second.id, third.id, fourth.id])
      await assertChainHolds(chains[1], states, [first.id, third.id, fourth.id])
    } finally {
      await withXapi(source, async (xapi) => {
        for (const ref of purposes) await xapi.call('network.add_purpose', [ref, 'nbd'])
      })
    }
    await assertTidy(chains, vm)
  })

  test('a target whose storage is unknown fails alone', async () => {
    const vm = await makeVm(source, [8 * MIB])
    const chains = chainsOf(vm)
    const wrong: Chain = { ...chains[1], sr: randomUUID() }
    const { id, outcomes } = await run([wrong, chains[0]], vm)
    assert.deepEqual(codesOf(outcomes), ['SR_NOT_FOUND', 'ok'])
    await assertChainHolds(chains[0], states, [id])
    await assertTidy([chains[0]], vm)
  })
})
