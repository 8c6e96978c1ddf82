/** Every kind of VM: what its replica has of it, and what is refused with a reason. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertHoldsNow,
  assertNoLeftovers,
  assertProtected,
  chainBetween,
  disksOfVm,
  hashesOf,
  hashOf,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicaOf,
  replicate,
  restorePoints,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

describe('replicas of all kinds of VMs', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const chainOf = (vm: MadeVm) => chainBetween(source, target, vm)

  /** Changes the source VM through XAPI. */
  async function change(vm: MadeVm, how: (xapi: Xapi, ref: string) => Promise<unknown>): Promise<void> {
    await withXapi(source, async (xapi) => {
      await how(xapi, await xapi.byUuid('VM', vm.uuid))
    })
  }
  const recordOf = async (vm: MadeVm) => [...(await look(source)).VM.values()].find(({ uuid }) => uuid === vm.uuid) as RecordOf['VM']
  test('a replica has every field that a boot needs, and follows when they change', async () => {
    const vm = await makeVm(source, [64 * MIB], { start: false, cd: true, tags: ['erp'] })
    await change(vm, async (xapi, ref) => {
      await xapi.call('VM.set_NVRAM', [ref, { 'EFI-variables': 'AAAA' }])
      await xapi.call('VM.set_HVM_boot_params', [ref, { firmware: 'uefi', order: 'cdn' }])
      await xapi.call('VM.set_platform', [ref, { secureboot: 'true', 'cores-per-socket': '2', viridian: 'true' }])
      await xapi.call('VM.set_bios_strings', [ref, { 'system-serial-number': 'S-1', 'bios-vendor': 'V' }])
      await xapi.call('VM.set_memory_limits', [ref, 128 * MIB, 1024 * MIB, 512 * MIB, 1024 * MIB])
      await xapi.call('VM.set_VCPUs_max', [ref, 4])
      await xapi.call('VM.set_VCPUs_at_startup', [ref, 4])
      await xapi.call('VM.set_xenstore_data', [ref, { 'vm-data/role': 'erp' }])
      await xapi.call('VM.set_actions_after_crash', [ref, 'destroy'])
    })
    const chain = chainOf(vm)
    await replicate(chain)
    const same = [
      'NVRAM',
      'HVM_boot_params',
      'platform',
      'memory_static_max',
      'memory_dynamic_min',
      'VCPUs_max',
      'VCPUs_at_startup',
      'xenstore_data',
      'actions_after_crash',
      'name_label',
      'bios_strings',
    ] as const
    const compare = async () => {
      const seen = await look(target)
      const replica = replicaOf(seen, chain) as RecordOf['VM']
      const from = await recordOf(vm)
      assert.deepEqual(
        Object.fromEntries(same.map((field) => [field, replica[field]])),
        Object.fromEntries(same.map((field) => [field, from[field]])),
      )
      const left = await look(source)
      const macs = (view: typeof seen, record: RecordOf['VM']) => record.VIFs.map((ref) => view.VIF.get(ref)?.MAC).sort()
      assert.deepEqual(macs(seen, replica), macs(left, from))
      const devices = (view: typeof seen, record: RecordOf['VM']) =>
        record.VBDs.map((ref) => view.VBD.get(ref))
          .map((vbd) => `${vbd?.type} ${vbd?.userdevice} ${vbd?.bootable}`)
          .sort()
      assert.deepEqual(devices(seen, replica), devices(left, from))
      assertProtected(seen, chain)
      assert.ok(replica.tags.includes('erp'))
      assert.match(replica.name_description, /kept by Understudy/)
    }
    await compare()
    await change(vm, async (xapi, ref) => {
      await xapi.call('VM.set_VCPUs_at_startup', [ref, 1])
      await xapi.call('VM.set_VCPUs_max', [ref, 2])
      await xapi.call('VM.set_memory_limits', [ref, 64 * MIB, 512 * MIB, 128 * MIB, 256 * MIB])
      await xapi.call('VM.set_name_label', [ref, 'renamed'])
      await xapi.call('VM.set_platform', [ref, { secureboot: 'false' }])
    })
    await replicate(chain)
    await compare()
  })

  test('the content of a virtual TPM travels, changes with it, and goes with it', async () => {
    const vm = await makeVm(source, [64 * MIB], { start: false })
    // Whether a pool may have virtual TPMs is a matter of its licence.
    for (const { pool } of [source, target]) {
      const { restrictions } = pool.db.get('pool', pool.refs.pool) as { restrictions: Record<string, string> }
      pool.db.update('pool', pool.refs.pool, { restrictions: { ...restrictions, restrict_vtpm: 'false' } })
    }
    const contents = async (pool: StartedPool, uuid: string) =>
      withXapi(pool, async (xapi) => {
        const { VTPMs } = await xapi.record('VM', await xapi.byUuid('VM', uuid))
        return Promise.all(VTPMs.map((vtpm) => xapi.call<string>('VTPM.get_contents', [vtpm])))
      })
    let vtpm = ''
    await change(vm, async (xapi, ref) => {
      vtpm = await xapi.call<string>('VTPM.create', [ref, false])
      await xapi.call('VTPM.set_contents', [vtpm, Buffer.from('first').toString('base64')])
    })
    const chain = chainOf(vm)
    const report = await replicate(chain)
    const replica = replicaOf(await look(target), chain)?.uuid as string
    assert.deepEqual(await contents(target, replica), [Buffer.from('first').toString('base64')])
    assert.deepEqual(await contents(target, report.restorePoint.uuid), [Buffer.from('first').toString('base64')])
    await change(vm, (xapi) => xapi.call('VTPM.set_contents', [vtpm, Buffer.from('second').toString('base64')]))
    await replicate(chain)
    assert.deepEqual(await contents(target, replica), [Buffer.from('second').toString('base64')])
    await change(vm, (xapi) => xapi.call('VTPM.destroy', [vtpm]))
    await replicate(chain)
    assert.deepEqual(await contents(target, replica), [])
  })

  for (const state of ['Halted', 'Suspended', 'Paused', 'Running'] as const) {
    test(`a VM that is ${state.toLowerCase()} is replicated as it is, and left so`, async () => {
      const vm = await makeVm(source, [64 * MIB], { start: state !== 'Halted', tools: true })
      if (state === 'Suspended') await change(vm, (xapi, ref) => xapi.call('VM.suspend', [ref]))
      if (state === 'Paused') await change(vm, (xapi, ref) => xapi.call('VM.pause', [ref]))
      const chain = chainOf(vm)
      await replicate(chain)
      const report = await replicate(chain)
      assert.equal(report.disks[0]?.mode, 'delta')
      assert.equal((await recordOf(vm)).power_state, state)
      await assertHoldsNow(chain, report.run, vm)
      assertProtected(await look(target), chain)
    })
  }

  test('a VM without disks has a replica that is its configuration', async () => {
    const { vm } = await source.post('/vms', { name: 'diskless', disks: [] })
    const chain = chainOf(vm)
    const report = await replicate(chain)
    assert.deepEqual(report.disks, [])
    assert.equal(report.warnings[0]?.code, 'no-disk')
    assertProtected(await look(target), chain)
    assert.equal((await replicate(chain)).disks.length, 0)
  })

  test('a disk with [NOBAK] in its name stays out, with the reason', async () => {
    const vm = await makeVm(source, [64 * MIB, 64 * MIB])
    await withXapi(source, async (xapi) =>
      xapi.call('VDI.set_name_label', [await xapi.byUuid('VDI', vm.disks[1]?.vdi as string), 'swap [NOBAK]']),
    )
    const chain = chainOf(vm)
    const report = await replicate(chain)
    assert.deepEqual(
      report.disks.map(({ mode, reason }) => [mode, reason.code]),
      [
        ['full', 'first-copy'],
        ['skipped', 'excluded-by-name'],
      ],
    )
    const point = restorePoints(await look(target), chain)[0]
    assert.deepEqual(Object.keys(point?.disks ?? {}), ['0'])
    assert.equal((await replicate(chain)).disks[0]?.mode, 'delta')
  })

  test('a disk that the job leaves out goes off the replica; older restore points keep it, and it comes back whole', async () => {
    const vm = await makeVm(source, [16 * MIB, 16 * MIB])
    const chain = chainOf(vm)
    const first = await replicate(chain)
    const expected = await hashesOf(source, vm)
    const without = await replicate(chain, { excludeDisks: [vm.disks[1]?.vdi as string] })
    assert.deepEqual(
      without.disks.map(({ mode, reason }) => [mode, reason.code]),
      [
        ['delta', 'proven-base'],
        ['skipped', 'excluded-by-job'],
      ],
    )
    const seen = await look(target)
    assert.equal(disksOfVm(seen, replicaOf(seen, chain)).length, 1)
    const points = restorePoints(seen, chain)
    const disksAt = (run: string) => points.find((point) => point.run === run)?.disks ?? {}
    assert.deepEqual(Object.keys(disksAt(without.run)), ['0'])
    assert.equal(await hashOf(target, disksAt(first.run)['1'] as string), expected['1'])
    // By position, and nothing is snapshotted of it.
    assert.equal((await replicate(chain, { excludeDisks: ['1'] })).disks[1]?.mode, 'skipped')
    const back = await replicate(chain)
    assert.equal(back.disks[0]?.mode, 'delta')
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('a network is never guessed: mapped, left disconnected, or a warning', async () => {
    const network = await withXapi(source, async (xapi) => {
      const ref = await xapi.call<never>('network.create', [
        { name_label: 'only here', name_description: '', MTU: 1500, other_config: {}, tags: [] },
      ])
      return (await xapi.record('network', ref)).uuid
    })
    const vm = await makeVm(source, [64 * MIB], { networks: ['only here'] })
    const chain = chainOf(vm)
    const report = await replicate(chain)
    assert.equal(report.warnings.find(({ code }) => code === 'no-counterpart')?.code, 'no-counterpart')
    assert.equal(replicaOf(await look(target), chain)?.VIFs.length, 0)
    const silent = await replicate(chain, { networks: new Map([[network, null]]) })
    assert.deepEqual(silent.warnings, [])
    const there = await withXapi(target, async (xapi) => [...(await xapi.records('network')).values()][0]?.uuid as string)
    await replicate(chain, { networks: new Map([[network, there]]) })
    assert.equal(replicaOf(await look(target), chain)?.VIFs.length, 1)
  })

  test('a chain of images at its limit is refused before anything is made, one near it is warned of', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await withXapi(source, async (xapi) => {
      const vdi = await xapi.byUuid('VDI', vm.disks[0]?.vdi as string)
      const { SR } = await xapi.record('VDI', vdi)
      await xapi.call('SR.add_to_other_config', [SR, 'gc', 'false'])
      const grow = async (times: number) => {
        for (let nth = 0; nth < times; nth++) {
          await source.post('/guest/random', { vm: vm.uuid, count: 1, seed: randomUUID() })
          await xapi.call('VDI.snapshot', [vdi, {}])
        }
      }
      await grow(25)
      const near = await replicate(chain)
      assert.ok(near.warnings.some(({ code }) => code === 'chain-long'))
      for (let nth = 0; nth < 5; nth++) await grow(1).catch(() => undefined)
      await assert.rejects(replicate(chain), { code: 'CHAIN_TOO_LONG' })
      const [point] = restorePoints(await look(target), chain)
      assert.equal(point?.run, near.run, 'the last restore point is untouched')
      await xapi.call('SR.remove_from_other_config', [SR, 'gc'])
    })
  })

  test('disks that can not be snapshotted are refused by name: shared ones, and those reset at each boot', async () => {
    const vm = await makeVm(source, [64 * MIB], { start: false })
    const chain = chainOf(vm)
    const row = source.pool.db.byUuid('VDI', vm.disks[0]?.vdi as string) as string
    source.pool.db.update('VDI', row, { sharable: true })
    await assert.rejects(replicate(chain), { code: 'SHARED_DISK' })
    source.pool.db.update('VDI', row, { sharable: false, on_boot: 'reset' })
    await assert.rejects(replicate(chain), { code: 'RESETTING_DISK' })
    source.pool.db.update('VDI', row, { on_boot: 'persist' })
    await replicate(chain)
  })

  test('a VM with a device of its host is replicated with a warning', async () => {
    const vm = await makeVm(source, [64 * MIB], { other_config: { pci: '0/0000:04:01.1' } })
    const report = await replicate(chainOf(vm))
    assert.ok(report.warnings.some(({ code }) => code === 'passed-through'))
  })

  test('G8: a disk that somebody attached to the replica is never destroyed, not even after a restore point was made of it', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const foreign = await withXapi(target, async (xapi) => {
      const replica = replicaOf(await look(target), chain) as RecordOf['VM']
      const ref = await xapi.byUuid('VM', replica.uuid)
      const SR = await xapi.byUuid('SR', chain.sr)
      const made = await xapi.call<never>('VDI.create', [
        {
          name_label: 'mine',
          name_description: '',
          SR,
          virtual_size: 8 * MIB,
          type: 'user',
          sharable: false,
          read_only: false,
          other_config: {},
        },
      ])
      const vbd = { VM: ref, VDI: made, userdevice: '7', bootable: false, mode: 'RW', type: 'Disk', empty: false, unpluggable: true }
      await xapi.call('VBD.create', [{ ...vbd, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} }])
      return (await xapi.record('VDI', made)).uuid
    })
    for (let nth = 0; nth < 3; nth++) await replicate(chain, { retention: 1 })
    assert.ok([...(await look(target)).VDI.values()].some(({ uuid, is_a_snapshot: snapshot }) => uuid === foreign && !snapshot))
  })

  test('a mapping to a network that is not there is refused before anything is made', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    const network = (await look(source)).VIF.get((await recordOf(vm)).VIFs[0] as never)?.network
    const uuid = await withXapi(source, async (xapi) => (await xapi.record('network', network as never)).uuid)
    await assert.rejects(replicate(chain, { networks: new Map([[uuid, randomUUID()]]) }), { code: 'NETWORK_NOT_FOUND' })
    assert.equal(replicaOf(await look(target), chain), undefined)
  })
})
