/** A chain from its first copy on: what is sent, what is made of it, and what is on both pools afterwards. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type StartedPool, startLab } from '../support/lab.ts'
import {
  assertHolds,
  assertNoLeftovers,
  assertProtected,
  type Chain,
  chainBetween,
  disksOfVm,
  hashesOf,
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

describe('a chain between two pools', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const chainOf = (vm: MadeVm, more: Partial<Chain> = {}) => chainBetween(source, target, vm, more)
  const write = (vm: MadeVm, userdevice: string, count: number, seed: string) =>
    source.post('/guest/random', { vm: vm.uuid, userdevice, count, seed }) as Promise<{ bytes: number }>

  test('G1: first copy, delta and empty delta each give a restore point equal to the source snapshot', async () => {
    const vm = await makeVm(source, [64 * MIB, 96 * MIB])
    const chain = chainOf(vm)
    const states: [string, Record<string, string>][] = []
    const first = await replicate(chain)
    states.push([first.run, await hashesOf(source, vm)])
    assert.deepEqual(
      first.disks.map(({ mode, reason }) => [mode, reason.code]),
      [
        ['full', 'first-copy'],
        ['full', 'first-copy'],
      ],
    )
    await write(vm, '0', 40, 'a')
    const second = await replicate(chain)
    states.push([second.run, await hashesOf(source, vm)])
    const third = await replicate(chain)
    states.push([third.run, await hashesOf(source, vm)])
    assert.equal(third.totals.bytesSent, 0)
    for (const [run, expected] of states) await assertHolds(chain, run, expected)
    const [left, right] = [await look(source), await look(target)]
    assertProtected(right, chain)
    assertNoLeftovers(left, right, chain, vm)
  })

  test('a delta of scattered 64 KiB writes sends at most 1.05 times what changed and reads at most 1.25 times', async () => {
    const vm = await makeVm(source, [256 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const { bytes } = await write(vm, '0', 400, 'scattered')
    const report = await replicate(chain)
    assert.equal(report.totals.changedBytes, bytes)
    assert.ok(report.totals.bytesSent <= 1.05 * bytes, `${report.totals.bytesSent} sent for ${bytes}`)
    assert.ok(report.totals.bytesRead <= 1.25 * bytes, `${report.totals.bytesRead} read for ${bytes}`)
    assert.equal(report.disks[0]?.read, 'nbd')
    assert.equal(report.disks[0]?.written, 'chunked-raw')
  })

  test('a run with nothing changed takes at most 64 calls for a VM with two disks', async () => {
    const vm = await makeVm(source, [64 * MIB, 64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    await replicate(chain)
    const { xapiCalls, totals } = await replicate(chain, { retention: 2 })
    assert.equal(totals.bytesSent, 0)
    // Two more are the logouts, which come after the report.
    assert.ok(xapiCalls.source + xapiCalls.target + 2 <= 64, `${xapiCalls.source} + ${xapiCalls.target} calls`)
  })

  test('G7: nothing of the source VM is changed by a run but change tracking', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    const of = async () => {
      const seen = await look(source)
      const record = [...seen.VM.values()].find(({ uuid }) => uuid === vm.uuid)
      const { snapshots: _, parent: __, allowed_operations: ___, ...rest } = record as NonNullable<typeof record>
      const disks = [...seen.VDI.values()].filter(({ uuid }) => vm.disks.some((disk) => disk.vdi === uuid))
      const kept = disks.map(({ uuid, name_label, virtual_size, other_config, managed, SR }) => ({
        uuid,
        name_label,
        virtual_size,
        other_config,
        managed,
        SR,
      }))
      return { vm: rest, disks: kept }
    }
    const untouched = await of()
    await replicate(chain)
    await write(vm, '0', 5, 'x')
    await replicate(chain)
    assert.deepEqual(await of(), untouched)
  })

  test('G4: a replica of a VM with auto power-on does not start, is no template at any time, and a clone of a restore point starts', async () => {
    const vm = await makeVm(source, [64 * MIB], { other_config: { auto_poweron: 'true' } })
    const chain = chainOf(vm)
    const startable: string[] = []
    const stop = target.pool.db.onChange((className, ref) => {
      if (className !== 'VM') return
      const row = target.pool.db.find('VM', ref)
      if (row === undefined || row.is_a_snapshot || row.is_control_domain || row.is_a_template) return
      if (!('start' in (row.blocked_operations as object))) startable.push(ref)
    })
    await replicate(chain)
    stop()
    assert.deepEqual(startable, [], 'at no instant the replica could be started')
    const seen = await look(target)
    assertProtected(seen, chain)
    const replica = replicaOf(seen, chain)
    const ref = [...seen.VM].find(([, record]) => record.uuid === replica?.uuid)?.[0]
    const point = [...seen.VM].find(([, record]) => record.is_a_snapshot && record.snapshot_of === ref)?.[0]
    await withXapi(target, async (xapi) => {
      for (const [method, params] of [
        ['VM.start', [ref, false, true]],
        ['VM.start_on', [ref, [...(await xapi.records('host'))][0]?.[0], false, true]],
      ] as const) {
        await assert.rejects(xapi.call(method, params), { code: 'OPERATION_BLOCKED' })
      }
      const clone = await xapi.call<string>('VM.clone', [point, 'work copy'])
      await xapi.call('VM.start', [clone, false, false])
      assert.equal(await xapi.call('VM.get_power_state', [clone]), 'Running')
    })
    // The clone is the user's: the next run leaves it alone and goes on with its delta.
    const next = await replicate(chain)
    assert.equal(next.disks[0]?.mode, 'delta')
    const later = await look(target)
    assert.ok([...later.VM.values()].some(({ name_label: name }) => name === 'work copy'))
  })

  test('G5: retention keeps the newest restore points and what the next delta needs', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    const runs: string[] = []
    for (let nth = 0; nth < 5; nth++) {
      await write(vm, '0', 3, `r${nth}`)
      runs.push((await replicate(chain, { retention: 2 })).run)
    }
    const kept = restorePoints(await look(target), chain).map(({ run }) => run)
    assert.deepEqual(new Set(kept), new Set(runs.slice(-2)))
    const one = await replicate(chain, { retention: 1 })
    assert.deepEqual(
      restorePoints(await look(target), chain).map(({ run }) => run),
      [one.run],
    )
    assert.equal((await replicate(chain, { retention: 1 })).disks[0]?.mode, 'delta')
  })

  test('G2: a replica that somebody wrote to is replaced by a clone of its restore point, and the delta goes onto that', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const seen = await look(target)
    const replica = replicaOf(seen, chain)
    await withXapi(target, async (xapi) => {
      const vdi = await xapi.byUuid('VDI', disksOfVm(seen, replica)[0] as string)
      const stream = await xapi.importVdi({ vdi, format: 'raw', chunked: true })
      const frame = Buffer.alloc(12)
      frame.writeUInt32LE(4096, 8)
      await stream.write(frame, Buffer.alloc(4096, 7), Buffer.alloc(12))
      await stream.finish()
    })
    await write(vm, '0', 10, 'b')
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    const [planned] = report.plan.disks
    assert.ok(planned?.mode === 'delta' && planned.choice.landing.kind === 'clone' && planned.choice.landing.why.code === 'written-since')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('G6: a lost base is a full copy with its reason, never a silent one', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    await withXapi(source, async (xapi) => {
      for (const [ref, vdi] of await xapi.records('VDI')) {
        if (vdi.type === 'cbt_metadata' && vdi.other_config['xo:backup:job'] === chain.job) await xapi.call('VDI.destroy', [ref])
      }
    })
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'full')
    assert.equal(report.disks[0]?.reason.code, 'base-gone-on-source')
    assert.ok(report.disks[0]?.reason.avoid)
    await assertHolds(chain, report.run, await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('disks added, grown and removed between runs come out right', async () => {
    const vm = await makeVm(source, [64 * MIB, 64 * MIB], { start: false })
    const chain = chainOf(vm)
    await replicate(chain)
    const [kept, removed] = vm.disks as [MadeVm['disks'][0], MadeVm['disks'][0]]
    const added = await withXapi(source, async (xapi) => {
      const ref = await xapi.byUuid('VM', vm.uuid)
      for (const vbd of (await xapi.record('VM', ref)).VBDs) {
        const record = await xapi.record('VBD', vbd)
        if (record.userdevice === removed.userdevice) await xapi.call('VBD.destroy', [vbd])
      }
      const first = await xapi.byUuid('VDI', kept.vdi)
      await xapi.call('VDI.resize', [first, 80 * MIB])
      const sr = (await xapi.record('VDI', first)).SR
      const made = await xapi.call<never>('VDI.create', [
        {
          name_label: 'added',
          name_description: '',
          SR: sr,
          virtual_size: 32 * MIB,
          type: 'user',
          sharable: false,
          read_only: false,
          other_config: {},
        },
      ])
      const vbd = { VM: ref, VDI: made, userdevice: '5', bootable: false, mode: 'RW', type: 'Disk', empty: false, unpluggable: true }
      await xapi.call('VBD.create', [{ ...vbd, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} }])
      await xapi.call('VM.start', [ref, false, false])
      return (await xapi.record('VDI', made)).uuid
    })
    const now: MadeVm = {
      uuid: vm.uuid,
      disks: [
        { ...kept, size: 80 * MIB },
        { userdevice: '5', vdi: added, size: 32 * MIB },
      ],
    }
    await source.post('/guest/write', { vdi: added, extents: [{ offset: 0, length: MIB }], pattern: { kind: 'random', seed: 'n' } })
    await source.post('/guest/write', {
      vdi: kept.vdi,
      extents: [{ offset: 78 * MIB, length: MIB }],
      pattern: { kind: 'random', seed: 'g' },
    })
    const report = await replicate(chain)
    assert.deepEqual(
      report.disks.map(({ userdevice, mode }) => [userdevice, mode]),
      [
        ['0', 'delta'],
        ['5', 'full'],
      ],
    )
    await assertHolds(chain, report.run, await hashesOf(source, now))
    const seen = await look(target)
    assert.equal(disksOfVm(seen, replicaOf(seen, chain)).length, 2)
  })

  test('within one pool, too: the replica on another SR of the source’s own pool', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm, { target: source, sr: source.srs[1]?.uuid as string })
    await replicate(chain)
    await write(vm, '0', 10, 'same')
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
  })

  test('without NBD the changes come by export, and only they are sent', async () => {
    const plain = await startLab({ pools: ['lyon'], empty: true, nbd: false })
    try {
      const [pool] = plain.pools as [StartedPool]
      const vm = await makeVm(pool, [64 * MIB])
      const chain = chainOf(vm, { source: pool })
      const first = await replicate(chain)
      assert.equal(first.disks[0]?.read, 'vhd-export')
      const { bytes } = (await pool.post('/guest/random', { vm: vm.uuid, count: 20, seed: 'e' })) as { bytes: number }
      const report = await replicate(chain)
      assert.equal(report.disks[0]?.mode, 'delta')
      assert.equal(report.disks[0]?.fallbacks[0]?.code, 'nbd-not-usable')
      assert.ok(report.totals.bytesSent <= 1.05 * bytes, `${report.totals.bytesSent} sent for ${bytes}`)
      await assertHolds(chain, report.run, await hashesOf(pool, vm))
    } finally {
      await plain.close()
    }
  })

  test('what the guest writes during a run is in the next restore point, not in this one', async () => {
    const vm = await makeVm(source, [128 * MIB])
    const chain = chainOf(vm)
    const expected = await hashesOf(source, vm)
    let written = false
    const first = await replicate(chain, {
      onEvent: (event) => {
        if (written || event.kind !== 'stage' || event.stage !== 'transfer') return
        written = true
        void write(vm, '0', 200, 'during')
      },
    })
    await assertHolds(chain, first.run, expected)
    const second = await replicate(chain)
    await assertHolds(chain, second.run, await hashesOf(source, vm))
  })
})
