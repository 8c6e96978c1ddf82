/** Replication from and to each kind of storage, and what is told when the target's can't take it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { Failure } from '../../src/core/failure.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertWhole,
  type Chain,
  chainBetween,
  look,
  type MadeVm,
  MIB,
  makeVm,
  type RunChanges,
  replicate,
  restorePoints,
  withTwoPools,
} from '../support/replicating.ts'

const GIB = 1024 * MIB
const TIB = 1024 * GIB

describe('storage of all kinds', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const makeSr = async (pool: StartedPool, kind: string, more: object = {}): Promise<string> =>
    (await pool.post('/srs', { name: `${kind} ${randomUUID().slice(0, 4)}`, kind, ...more })).sr.uuid
  const chainOf = (vm: MadeVm, sr: string) => chainBetween(source, target, vm, { sr })
  const write = (vm: MadeVm, seed: string, more: object = { count: 20 }) =>
    source.post('/guest/random', { vm: vm.uuid, userdevice: '0', seed, ...more }) as Promise<{ bytes: number }>

  /** A run whose restore point holds what the source does, nothing left over on either side. */
  async function replicateExactly(chain: Chain, vm: MadeVm, changes: RunChanges = {}) {
    const report = await replicate(chain, changes)
    await assertWhole(chain, report.run, vm)
    return report
  }
  const onlyDisk = ({ disks: [disk] }: Awaited<ReturnType<typeof replicate>>) => disk as NonNullable<typeof disk>
  const fails = (code: string) => (error: unknown) => error instanceof Failure && error.code === code

  /** What is on a pool, to be the same afterwards. Images that wait for the collector are nobody's. */
  async function inventory(pool: StartedPool): Promise<string[]> {
    const { VM, VDI, VBD } = await look(pool)
    const disks = [...VDI.values()]
      .filter(({ managed }) => managed)
      .map(({ uuid, other_config: config }) => `VDI ${uuid} ${JSON.stringify(config)}`)
    return [...[...VM.values()].map(({ uuid }) => `VM ${uuid}`), ...disks, ...[...VBD.values()].map(({ uuid }) => `VBD ${uuid}`)].sort()
  }

  for (const from of ['thin', 'thick', 'qcow2', 'no-cbt']) {
    for (const to of ['thin', 'thick', 'qcow2', 'no-cbt']) {
      test(`from ${from} to ${to}: first copy, two deltas and a run with nothing changed are exact`, async () => {
        const vm = await makeVm(source, [48 * MIB], { sr: await makeSr(source, from) })
        const chain = chainOf(vm, await makeSr(target, to))
        const first = onlyDisk(await replicateExactly(chain, vm))
        assert.equal(first.mode, 'full')
        for (const seed of ['a', 'b']) {
          const { bytes } = await write(vm, seed)
          const disk = onlyDisk(await replicateExactly(chain, vm))
          assert.equal(disk.mode, 'delta', JSON.stringify(disk.fallbacks))
          // Without tracking the source names whole blocks of 2 MiB.
          if (from !== 'no-cbt') assert.equal(disk.changedBytes, bytes)
          assert.equal(disk.read, from === 'no-cbt' ? 'vhd-delta' : 'nbd')
        }
        const idle = onlyDisk(await replicateExactly(chain, vm))
        assert.deepEqual([idle.mode, idle.changedBytes], ['delta', 0])
      })
    }
  }

  test('without NBD a qcow2 disk is carried over by its own exports, full and delta, tracked or not', async () => {
    await source.post('/nbd', { purpose: 'none' })
    try {
      const vm = await makeVm(source, [48 * MIB], { sr: await makeSr(source, 'qcow2') })
      const chain = chainOf(vm, await makeSr(target, 'qcow2'))
      assert.equal(onlyDisk(await replicateExactly(chain, vm)).read, 'qcow2-export')
      await write(vm, 'a')
      assert.equal(onlyDisk(await replicateExactly(chain, vm)).read, 'cbt+qcow2-export')
      await write(vm, 'b')
      // Tracking is lost between two runs: the host compares the snapshots.
      const meddle = {
        source: (method: string, _: readonly unknown[], go: () => Promise<unknown>) =>
          method === 'VDI.list_changed_blocks' ? Promise.resolve('') : go(),
      }
      const compared = onlyDisk(await replicateExactly(chain, vm, { meddle }))
      assert.deepEqual([compared.read, compared.mode], ['qcow2-delta', 'delta'])
    } finally {
      await source.post('/nbd', { purpose: 'nbd' })
    }
  })

  test('a disk of 3 TiB that is mostly empty costs what it holds, for the first copy and for a delta', { timeout: 120_000 }, async () => {
    const size = 3 * TIB + 65_536
    const disks = [{ size, content: 'pattern', fill: 8 * MIB, seed: 'large' }]
    const { vm } = (await source.post('/vms', { name: 'large', disks, start: true, sr: await makeSr(source, 'thin') })) as { vm: MadeVm }
    const chain = chainOf(vm, await makeSr(target, 'qcow2'))
    const began = performance.now()
    const first = onlyDisk(await replicateExactly(chain, vm, { verify: 'full' === process.env.VERIFY ? 'full' : 'changed' }))
    assert.deepEqual([first.mode, first.read, first.fallbacks], ['full', 'nbd', []])
    assert.ok(first.bytesRead < 16 * MIB, `${first.bytesRead} bytes read for 8 MiB`)
    const { bytes } = await write(vm, 'end', { count: 3, region: { offset: size - 16 * MIB - 65_536, length: 16 * MIB + 65_536 } })
    const delta = onlyDisk(await replicateExactly(chain, vm))
    assert.deepEqual([delta.mode, delta.changedBytes], ['delta', bytes])
    assert.ok(performance.now() - began < 60_000, `${performance.now() - began} ms`)
    const seen = await look(target)
    const replica = [...seen.VDI.values()].find(({ uuid }) => uuid === first.target)
    assert.deepEqual([replica?.virtual_size, replica?.sm_config['image-format']], [size, 'qcow2'])
  })

  test('storage that can not hold the disk, or no restore point, is refused before anything is made', async () => {
    const disks = [{ size: 3 * TIB, content: 'empty' }]
    const { vm } = (await source.post('/vms', { name: 'large', disks, start: true, sr: await makeSr(source, 'qcow2') })) as { vm: MadeVm }
    const small = await makeVm(source, [16 * MIB])
    const [vhdOnly, luns, thick] = [
      await makeSr(target, 'vhd-only', { size: 0 }),
      await makeSr(target, 'no-snapshots'),
      await makeSr(target, 'thick', { size: 12 * MIB }),
    ]
    const before = [await inventory(source), await inventory(target)]
    await assert.rejects(replicate(chainOf(vm, vhdOnly)), fails('DISK_TOO_LARGE'))
    await assert.rejects(replicate(chainOf(small, luns)), fails('NO_SNAPSHOTS'))
    await assert.rejects(replicate(chainOf(small, thick)), fails('NO_SPACE'))
    assert.deepEqual([await inventory(source), await inventory(target)], before)
  })

  test('a source without snapshots is told in one line, and nothing is made on the target', async () => {
    const vm = await makeVm(source, [16 * MIB], { sr: await makeSr(source, 'no-snapshots') })
    const sr = await makeSr(target, 'thin')
    const before = [await inventory(source), await inventory(target)]
    await assert.rejects(replicate(chainOf(vm, sr)), fails('DISK_NOT_SNAPSHOTTABLE'))
    assert.deepEqual([await inventory(source), await inventory(target)], before)
  })

  test('the target is full in the middle: one clear error, nothing left behind, and the next run succeeds once there is room', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const sr = await makeSr(target, 'thin', { size: 12 * MIB })
    const chain = chainOf(vm, sr)
    const before = [await inventory(source), await inventory(target)]
    await assert.rejects(replicate(chain), fails('TARGET_SR_FULL'))
    const tracked = (lines: string[]) => lines.filter((line) => !line.startsWith('VDI') || !vm.disks.some(({ vdi }) => line.includes(vdi)))
    assert.deepEqual([tracked(await inventory(source)), await inventory(target)], [tracked(before[0] as string[]), before[1]])
    await target.post(`/srs/${sr}`, { size: 10 * GIB })
    await replicateExactly(chain, vm)
    // A delta that has no room leaves the last restore point as it is.
    await write(vm, 'much', { bytes: 32 * MIB })
    await target.post(`/srs/${sr}`, { size: 24 * MIB })
    const points = restorePoints(await look(target), chain).map(({ run }) => run)
    await assert.rejects(replicate(chain), fails('TARGET_SR_FULL'))
    assert.deepEqual(
      restorePoints(await look(target), chain).map(({ run }) => run),
      points,
    )
    await target.post(`/srs/${sr}`, { size: 10 * GIB })
    await replicateExactly(chain, vm)
  })

  test('G10: NBD in clear text is not used, and nothing is sent to it, unless that is allowed', async () => {
    const vm = await makeVm(source, [48 * MIB])
    const chain = chainOf(vm, await makeSr(target, 'thin'))
    await source.post('/nbd', { purpose: 'insecure_nbd', network: 'Pool-wide network associated with eth1' })
    try {
      const asked: string[] = []
      const meddle = {
        source: (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
          asked.push(method)
          return go()
        },
      }
      const exported = onlyDisk(await replicateExactly(chain, vm, { meddle }))
      assert.equal(exported.read, 'vhd-export')
      const reason = exported.fallbacks.find(({ code }) => code === 'nbd-insecure')
      assert.match(reason?.avoid ?? '', /--allow-insecure-nbd/)
      assert.ok(!asked.includes('VDI.get_nbd_info'))
      await write(vm, 'a')
      const report = await replicateExactly(chain, vm, { allowInsecureNbd: true })
      assert.equal(onlyDisk(report).read, 'nbd')
      assert.ok(report.warnings.some(({ code }) => code === 'nbd-in-clear-text'))
    } finally {
      await source.post('/nbd', { purpose: 'nbd' })
    }
  })

  test('storage that is full in the middle of a delta although its record tells of room: named with pool and what it says, and nothing is lost', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const sr = await makeSr(target, 'thin')
    const chain = chainOf(vm, sr)
    await replicateExactly(chain, vm)
    const points = restorePoints(await look(target), chain).map(({ run }) => run)
    await write(vm, 'delta', { bytes: 32 * MIB })
    const { fault } = await target.post('/faults', { kind: 'sr-full', bytes: 8 * MIB, match: { sr } })
    await assert.rejects(replicate(chain), (error: unknown) => {
      assert.ok(error instanceof Failure && error.code === 'VDI_IO_ERROR', String(error))
      assert.ok(error.message.includes(sr) && error.message.includes(target.url), error.message)
      assert.match(error.message, /by its own account \d+\.\d GiB of \d+\.\d GiB are free/)
      assert.match(error.hint, /full all the same/)
      return true
    })
    assert.deepEqual(
      restorePoints(await look(target), chain).map(({ run }) => run),
      points,
    )
    await target.delete(`/faults/${fault.id}`)
    await replicateExactly(chain, vm)
  })
})
