/** Continuing a replication job of Xen Orchestra without a full copy, in each layout that it has had, and leaving what it could go on with. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { type Adopted, codes, goOn, hashesOfVm, landings, modes, uuidsOf } from '../support/adopting.ts'
import { frame, imported } from '../support/faulty-pool.ts'
import type { StartedPool } from '../support/lab.ts'
import { attachedDisks, type OriginalJob, originalChain, setKeys } from '../support/original-chain.ts'
import { originalSelection } from '../support/original-selection.ts'
import {
  assertNoLeftovers,
  type Chain,
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

describe('a chain of Xen Orchestra', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  async function begin(how: Omit<OriginalJob, 'job' | 'schedule'>, sizes = [24 * MIB, 32 * MIB], more: Partial<Chain> = {}) {
    const vm = await makeVm(source, sizes)
    const chain: Adopted = {
      ...{ source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID(), schedule: randomUUID() },
      ...more,
    }
    return { vm, chain, original: originalChain(chain, vm, { ...how, job: chain.job, schedule: chain.schedule }) }
  }
  const write = async (vm: MadeVm, seed: string, count = 30): Promise<number> => {
    const { bytes } = await source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count, seed })
    return bytes
  }

  const kinds: [name: string, how: Omit<OriginalJob, 'job' | 'schedule'>][] = [
    ['the newer layout, change tracking', { layout: 'snapshots', cbt: true }],
    ['the newer layout, source snapshots without their data', { layout: 'snapshots', cbt: true, purge: true }],
    ['the newer layout, no change tracking', { layout: 'snapshots', cbt: false }],
    ['the older layout, change tracking', { layout: 'vms', cbt: true }],
    ['the older layout, no change tracking', { layout: 'vms', cbt: false }],
  ]
  for (const [name, how] of kinds) {
    test(`${name}: goes on with deltas, its restore points count and go in turn`, async () => {
      const { vm, chain, original } = await begin(how)
      const first = await original.run()
      await write(vm, 'a')
      const second = await original.run()
      assert.deepEqual(await hashesOfVm(target, second.point), await hashesOf(source, vm))

      const bytes = await write(vm, 'b')
      const third = await goOn(chain, vm)
      assert.deepEqual(
        third.disks.map(({ mode, reason }) => [mode, reason.code]),
        [
          ['delta', 'proven-base'],
          ['delta', 'proven-base'],
        ],
      )
      // Without change tracking an export tells what changed, in blocks of 2 MiB.
      const changed = how.cbt ? bytes : third.totals.changedBytes
      assert.ok(how.cbt || changed < 24 * MIB)
      assert.ok(third.totals.bytesSent <= 1.05 * changed, `${third.totals.bytesSent} sent for ${changed}`)
      assert.equal(codes(third).includes('base-on-trust'), how.layout === 'vms')
      // Until the next run the original's base stays: another target of the same job may need it.
      assert.ok(Object.values(second.bases).every((uuid) => !third.removed.some((gone) => gone.uuid === uuid)))
      const kept = await uuidsOf(target)
      assert.ok(kept.has(first.point) && kept.has(second.point))
      if (how.layout === 'snapshots') assert.equal(third.replica.uuid, second.vm)
      else assert.notEqual(third.replica.uuid, second.vm)

      const more = await write(vm, 'c')
      const fourth = await goOn(chain, vm)
      assert.deepEqual(landings(fourth), ['in-place', 'in-place'])
      assert.ok(fourth.totals.bytesSent <= 1.05 * more, `${fourth.totals.bytesSent} sent for ${more}`)
      assert.deepEqual(
        fourth.removed.filter(({ side }) => side === 'target').map(({ uuid }) => uuid),
        [first.point],
      )
      const left = await uuidsOf(source)
      assert.ok([second.sourceSnapshot, ...Object.values(second.bases)].every((uuid) => !left.has(uuid)))

      await goOn(chain, vm, 2)
      assert.ok(!(await uuidsOf(target)).has(second.point))
      assertNoLeftovers(await look(source), await look(target), chain, vm)
    })
  }

  for (const layout of ['snapshots', 'vms'] as const) {
    test(`G3: a first run of ours that fails at its end takes nothing of the original’s with it (${layout})`, async () => {
      const { vm, chain, original } = await begin({ layout, cbt: true }, [24 * MIB])
      const { point, sourceSnapshot } = await original.run()
      const was = await hashesOfVm(target, point)
      await write(vm, 'a')
      const meddle = async (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
        if (method === 'VM.snapshot') throw new XapiError('SR_BACKEND_FAILURE', ['no more'], method)
        return go()
      }
      await assert.rejects(replicate(chain, { meddle: { target: meddle } }), /SR_BACKEND_FAILURE/)
      assert.deepEqual(await hashesOfVm(target, point), was)
      assert.ok((await uuidsOf(source)).has(sourceSnapshot))
      assert.deepEqual(modes(await goOn(chain, vm, 1)), ['delta'])
      await write(vm, 'b')
      assert.deepEqual(landings(await goOn(chain, vm, 1)), ['in-place'])
      assertNoLeftovers(await look(source), await look(target), chain, vm)
    })
  }

  for (const layout of ['snapshots', 'vms'] as const) {
    test(`G3: a first run of ours that dies at any call leaves a chain that the next one goes on with (${layout})`, async () => {
      let calls = 0
      let limit = Number.POSITIVE_INFINITY
      // From one call on nothing reaches either pool, as when the mover is killed.
      const dying = async (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
        if (++calls > limit) throw new XapiError('MOVER_IS_DEAD', [], method)
        return go()
      }
      const lockTiming = { beatMs: 50, patienceMs: 400 }
      const fractions = [undefined, 0.3, 0.45, 0.55, 0.65, 0.75, 0.82, 0.88, 0.92, 0.96]
      let total = 0
      for (const fraction of fractions) {
        const { vm, chain, original } = await begin({ layout, cbt: true }, [16 * MIB])
        const { point } = await original.run()
        const was = await hashesOfVm(target, point)
        await write(vm, 'a', 10)
        calls = 0
        limit = fraction === undefined ? Number.POSITIVE_INFINITY : Math.round(fraction * total)
        const run = replicate(chain, { retention: 2, lockTiming, meddle: { source: dying, target: dying } })
        if (fraction === undefined) await run
        else await run.catch(() => undefined)
        if (fraction === undefined) total = calls
        assert.deepEqual(await hashesOfVm(target, point), was, `${fraction}`)
        await write(vm, 'b', 10)
        // The dead run's process, which holds the chain, is this one and lives.
        const next = await goOn(chain, vm, 1, { lockTiming })
        assert.deepEqual(modes(next), ['delta'], `${fraction}`)
        await goOn(chain, vm, 1)
        assertNoLeftovers(await look(source), await look(target), chain, vm)
      }
    })
  }

  test('the selection of the original, as it is restated here, misses any one thing that is not there', async () => {
    const { vm, chain, original } = await begin({ layout: 'snapshots', cbt: true }, [24 * MIB])
    await original.run()
    await goOn(chain, vm, 1)
    const report = await goOn(chain, vm, 1)
    const point = restorePoints(await look(target), chain)[0]
    const record = [...(await look(source)).VDI.values()].find(
      ({ is_a_snapshot: is, other_config: config }) => is && config['understudy:run']?.includes(report.run),
    )
    const copy = point?.disks['0']
    assert.ok(record && copy)
    const lacks = async (pool: StartedPool, uuid: string, keys: string[], expected: RegExp) => {
      const value = await withXapi(pool, async (xapi) => {
        const ref = await xapi.byUuid('VDI', uuid)
        const was = await xapi.record('VDI', ref)
        for (const key of keys) await xapi.call('VDI.remove_from_other_config', [ref, key])
        return was.other_config
      })
      const { problems } = await originalSelection(chain, chain.schedule)
      assert.match(problems.join('; '), expected, keys.join())
      await withXapi(pool, async (xapi) => xapi.call('VDI.set_other_config', [await xapi.byUuid('VDI', uuid), value]))
    }
    for (const key of ['job', 'vm', 'datetime', 'exported'].map((one) => `xo:backup:${one}`))
      await lacks(source, record.uuid, [key], /has a base|was exported/)
    await lacks(source, record.uuid, ['xo:backup:contentKey'], /has its content key/)
    await lacks(target, copy, ['xo:backup:contentKey', 'xo:copy_of'], /a snapshot on the target holds/)
    await lacks(target, copy, ['xo:copy_of'], /without its content key too/)
    await lacks(target, copy, ['xo:backup:includeNonNbdQcow2Fix'], /need not be probed/)
    await lacks(target, copy, ['xo:backup:datetime'], /has a time/)
    assert.deepEqual((await originalSelection(chain, chain.schedule)).problems, [])
    await withXapi(target, async (xapi) => {
      const [disk] = await attachedDisks(xapi, await xapi.byUuid('VM', report.replica.uuid))
      assert.ok(disk)
      await imported(xapi, disk.ref, frame(4 * MIB, Buffer.alloc(65536, 7)))
    })
    assert.match((await originalSelection(chain, chain.schedule)).problems.join(), /is as its restore point/)
  })

  test('the original goes on from our restore point, and we from its', async () => {
    const { vm, chain, original } = await begin({ layout: 'snapshots', cbt: true })
    await original.run()
    await write(vm, 'a')
    const ours = await goOn(chain, vm)
    await original.continueOn(ours.replica.uuid)
    await write(vm, 'b')
    // It goes by its own clock, and we by the pool's, in whole seconds.
    const theirs = await original.run(Date.now() + 60_000)
    assert.equal(theirs.vm, ours.replica.uuid)
    for (const pool of [source, target]) await pool.post('/clock', { offset: 3_600_000 })
    await write(vm, 'c')
    const again = await goOn(chain, vm)
    assert.deepEqual(modes(again), ['delta', 'delta'])
    assert.equal(again.replica.uuid, ours.replica.uuid)
    await write(vm, 'd')
    await goOn(chain, vm)
  })

  test('G8: clones that users made of its copies, snapshots of them, and what other schedules and jobs own stay as they are', async () => {
    const { vm, chain, original } = await begin({ layout: 'vms', cbt: true })
    const sibling = originalChain(chain, vm, { layout: 'vms', cbt: true, job: chain.job, schedule: randomUUID(), sourceRetention: 9 })
    const other = originalChain(chain, vm, { layout: 'vms', cbt: true, job: randomUUID(), schedule: chain.schedule, sourceRetention: 9 })
    const own = await original.run()
    const theirs = [await sibling.run(), await other.run()]
    const used = await original.run()
    const users = await withXapi(target, async (xapi) => {
      const copy = await xapi.byUuid('VM', own.point)
      const open = (await xapi.callAsync('VM.clone', [copy, 'web test'])) as Ref<'VM'>
      const blocked = (await xapi.callAsync('VM.clone', [copy, 'web kept'])) as Ref<'VM'>
      await xapi.call('VM.add_to_blocked_operations', [blocked, 'start', 'mine'])
      const snapshot = (await xapi.callAsync('VM.snapshot', [await xapi.byUuid('VM', used.point), 'before I try something'])) as Ref<'VM'>
      return Promise.all([open, blocked, snapshot].map(async (ref) => (await xapi.record('VM', ref)).uuid))
    })
    const guarded = [...users, used.point, ...theirs.map(({ point }) => point)]
    const was = await Promise.all(guarded.map((uuid) => hashesOfVm(target, uuid)))
    await write(vm, 'a')
    for (const retention of [1, 1]) {
      const report = await goOn(chain, vm, retention)
      assert.deepEqual(modes(report), ['delta', 'delta'])
      assert.ok(codes(report).includes('not-touched'), 'the clone that looks like a copy is told of')
    }
    assert.deepEqual(await Promise.all(guarded.map((uuid) => hashesOfVm(target, uuid))), was)
    assert.ok(!(await uuidsOf(target)).has(own.point), 'the copy itself goes, as its schedule keeps one')
    const left = await uuidsOf(source)
    for (const { sourceSnapshot } of theirs) assert.ok(left.has(sourceSnapshot))
  })

  test('G8: in the newer layout too clones of its restore points, blocked or not, and snapshots of these stay', async () => {
    const { vm, chain, original } = await begin({ layout: 'snapshots', cbt: true }, [24 * MIB])
    const runs = [await original.run(), await original.run()]
    const users = await withXapi(target, async (xapi) => {
      const out: string[] = []
      for (const [nth, { point }] of runs.entries()) {
        const clone = (await xapi.callAsync('VM.clone', [await xapi.byUuid('VM', point), `web test ${nth}`])) as Ref<'VM'>
        await xapi.call('VM.set_is_a_template', [clone, false])
        if (nth === 1) for (const key of ['start', 'start_on']) await xapi.call('VM.add_to_blocked_operations', [clone, key, 'mine'])
        const snapshot = (await xapi.callAsync('VM.snapshot', [clone, 'mine'])) as Ref<'VM'>
        for (const ref of [clone, snapshot]) out.push((await xapi.record('VM', ref)).uuid)
      }
      return out
    })
    const was = await Promise.all(users.map((uuid) => hashesOfVm(target, uuid)))
    for (const seed of ['a', 'b']) {
      await write(vm, seed)
      assert.deepEqual(modes(await goOn(chain, vm, 1)), ['delta'])
    }
    assert.deepEqual(await Promise.all(users.map((uuid) => hashesOfVm(target, uuid))), was)
    const left = await uuidsOf(target)
    assert.ok(runs.every(({ point }) => !left.has(point)))
  })

  test('G2: a copy that was started since it was made is no base, and is nobody’s to remove', async () => {
    const { vm, chain, original } = await begin({ layout: 'vms', cbt: true }, [24 * MIB])
    const { point } = await original.run(Date.now() - 60_000)
    await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', point)
      for (const operation of ['start', 'start_on']) await xapi.call('VM.remove_from_blocked_operations', [ref, operation])
      await xapi.callAsync('VM.start', [ref, false, false])
      await xapi.callAsync('VM.hard_shutdown', [ref])
      for (const operation of ['start', 'start_on']) await xapi.call('VM.add_to_blocked_operations', [ref, operation, 'mine now'])
    })
    const report = await goOn(chain, vm, 1)
    assert.equal(report.disks[0]?.mode, 'full')
    assert.match(report.warnings.find(({ code }) => code === 'not-touched')?.text ?? '', /was started since it was made/)
    await goOn(chain, vm, 1)
    assert.ok((await uuidsOf(target)).has(point))
  })

  test('the oldest copies, whose time is in their name alone, and whose source snapshots have keys on the VM alone', async () => {
    const { vm, chain, original } = await begin({ layout: 'vms', cbt: false }, [24 * MIB])
    const run = await original.run()
    await withXapi(target, async (xapi) => {
      await xapi.call('VM.remove_from_other_config', [await xapi.byUuid('VM', run.point), 'xo:backup:datetime'])
    })
    await withXapi(source, async (xapi) => {
      await xapi.call('VDI.set_other_config', [await xapi.byUuid('VDI', run.bases['0'] as string), {}])
    })
    await write(vm, 'a')
    assert.deepEqual(modes(await goOn(chain, vm, 1)), ['delta'])
    assert.ok(!(await uuidsOf(target)).has(run.point))
  })

  test('G2: a copy whose transfer the original did not finish is no base, and stays', async () => {
    const { chain, original } = await begin({ layout: 'vms', cbt: true }, [24 * MIB])
    const good = await original.run()
    const bad = await original.run()
    await withXapi(target, async (xapi) => {
      await setKeys(xapi, 'VM', await xapi.byUuid('VM', bad.point), { 'xo:backup:datetime': '19700101T000000Z' })
    })
    const report = await replicate(chain, { retention: 1 })
    assert.match(report.warnings.find(({ code }) => code === 'not-touched')?.text ?? '', /not complete/)
    const left = await uuidsOf(target)
    assert.ok(left.has(bad.point) && !left.has(good.point))
    // The source snapshot of the good one went with the run of the original after it.
    assert.equal(report.disks[0]?.mode, 'full')
  })

  test('G8: source snapshots that its job keeps stay, and ours keep their data while those are tracked', async () => {
    const { vm, chain, original } = await begin({ layout: 'snapshots', cbt: true, sourceRetention: 3 }, [24 * MIB])
    const runs = [await original.run(), await original.run(), await original.run()]
    for (const seed of ['a', 'b', 'c']) {
      await write(vm, seed)
      const report = await goOn(chain, vm)
      assert.equal(report.disks[0]?.mode, 'delta')
      assert.ok(codes(report).includes('original-snapshots-stay'))
    }
    const left = await uuidsOf(source)
    assert.deepEqual(
      runs.map(({ sourceSnapshot }) => left.has(sourceSnapshot)),
      [true, true, false],
    )
  })

  test('both targets of a job go on without a full copy, one after the other', async () => {
    const first = await begin({ layout: 'snapshots', cbt: true }, [24 * MIB])
    const { sr } = await target.post('/srs', { name: 'another', kind: 'thin' })
    const chains = [first.chain, { ...first.chain, sr: sr.uuid as string }]
    const run = await first.original.run()
    // The second target got the same snapshot in the same run.
    await withXapi(target, async (xapi) => {
      const on = await xapi.byUuid('SR', sr.uuid)
      const copy = (await xapi.callAsync('VM.copy', [await xapi.byUuid('VM', run.vm), 'source', on])) as Ref<'VM'>
      for (const operation of ['start', 'start_on']) await xapi.call('VM.add_to_blocked_operations', [copy, operation, 'blocked'])
      const point = await xapi.record('VM', await xapi.byUuid('VM', run.point))
      const keys = { ...keysOf(point.other_config), 'xo:backup:sr': sr.uuid as string }
      const [disk] = await attachedDisks(xapi, copy)
      const [held] = await attachedDisks(xapi, await xapi.byUuid('VM', run.point))
      assert.ok(disk && held)
      await setKeys(xapi, 'VM', copy, keys)
      await setKeys(xapi, 'VDI', disk.ref, { ...keysOf(held.record.other_config), 'xo:backup:sr': sr.uuid as string })
      const snapshot = (await xapi.callAsync('VM.snapshot', [copy, point.name_label])) as Ref<'VM'>
      await xapi.call('VM.set_is_a_template', [snapshot, false])
      for (const key of Object.keys(keys)) await xapi.call('VM.remove_from_other_config', [copy, key])
      for (const key of Object.keys(keysOf(held.record.other_config))) await xapi.call('VDI.remove_from_other_config', [disk.ref, key])
    })
    await write(first.vm, 'a')
    for (const chain of chains) {
      const report = await replicate(chain)
      assert.equal(report.disks[0]?.mode, 'delta', chain.sr)
    }
    for (const chain of chains) assert.equal((await replicate(chain)).disks[0]?.mode, 'delta', chain.sr)
    const left = await uuidsOf(source)
    assert.ok(!left.has(run.sourceSnapshot))
  })

  test('G8: a disk that somebody attached to its replica is refused or left, and its restore points with such a disk stay', async () => {
    const { vm, chain, original } = await begin({ layout: 'snapshots', cbt: true }, [24 * MIB])
    const { vm: live } = await original.run()
    const foreign = await withXapi(target, async (xapi) => {
      const sr = await xapi.byUuid('SR', chain.sr)
      const mine = { name_label: 'mine', SR: sr, virtual_size: 8 * MIB, type: 'user', sharable: false, read_only: false, other_config: {} }
      const disk = (await xapi.callAsync('VDI.create', [mine])) as Ref<'VDI'>
      const vbd = { VM: await xapi.byUuid('VM', live), VDI: disk, userdevice: '7', bootable: false, mode: 'RW', type: 'Disk', empty: false }
      await xapi.call('VBD.create', [{ ...vbd, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} }])
      return (await xapi.record('VDI', disk)).uuid
    })
    const second = await original.run()
    await write(vm, 'a')
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    const seen = await look(target)
    assert.ok((await uuidsOf(target)).has(second.point))
    assert.ok(disksOfVm(seen, replicaOf(seen, chain)).includes(foreign))
  })
})

const keysOf = (config: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(config).filter(([key]) => key.startsWith('xo:')))
