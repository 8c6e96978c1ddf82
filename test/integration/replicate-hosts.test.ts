/** Replication between pools of three hosts: whichever host runs the VM, holds the disk or is the master. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Ref } from '../../src/xapi/ref.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertWhole,
  chainBetween,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  replicate,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

describe('pools of three hosts', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools(
    (from, to) => {
      source = from
      target = to
    },
    { fresh: true, hosts: 3, password: 'lab password' },
  )

  const hostOf = (pool: StartedPool, number: number) => (pool.hosts ?? [])[number] as { uuid: string; url: string; fingerprint: string }

  /** The SR that only this host of the pool sees, or the one that all see. */
  const srOf = (pool: StartedPool, number: number | 'shared') =>
    withXapi(pool, async (xapi) => {
      const [srs, pbds, hosts] = [await xapi.records('SR'), await xapi.records('PBD'), await xapi.records('host')]
      const found = [...srs.values()].find(
        ({ shared, PBDs }) =>
          shared === (number === 'shared') &&
          (number === 'shared' || PBDs.some((pbd) => hosts.get(pbds.get(pbd)?.host as Ref<'host'>)?.uuid === hostOf(pool, number).uuid)),
      )
      assert.ok(found, `SR ${number}`)
      return found.uuid
    })

  async function startOn(vm: MadeVm, number: number): Promise<void> {
    await withXapi(source, async (xapi) => {
      const [ref, host] = [await xapi.byUuid('VM', vm.uuid), await xapi.byUuid('host', hostOf(source, number).uuid)]
      await xapi.call('VM.start_on', [ref, host, false, false])
    })
  }

  const chainOf = (vm: MadeVm, sr: string) => chainBetween(source, target, vm, { sr })
  const write = (vm: MadeVm, seed: string) => source.post('/guest/random', { vm: vm.uuid, count: 20, seed })

  test('a VM on another host than the master, with its disk there, goes to storage that only a third host sees, by delta too', async () => {
    const vm = await makeVm(source, [64 * MIB], { sr: await srOf(source, 1) })
    const chain = chainOf(vm, await srOf(target, 2))
    const first = await replicate(chain)
    await assertWhole(chain, first.run, vm)
    await write(vm, 'a')
    const second = await replicate(chain)
    assert.deepEqual(
      second.disks.map(({ mode, read }) => [mode, read]),
      [['delta', 'nbd']],
    )
    await assertWhole(chain, second.run, vm)
  })

  test('a VM that moves to another host between two runs keeps its chain', async () => {
    const vm = await makeVm(source, [64 * MIB], { sr: await srOf(source, 'shared'), start: false, tools: true })
    await startOn(vm, 1)
    const chain = chainOf(vm, await srOf(target, 'shared'))
    await replicate(chain)
    await withXapi(source, async (xapi) => {
      const [ref, host] = [await xapi.byUuid('VM', vm.uuid), await xapi.byUuid('host', hostOf(source, 2).uuid)]
      await xapi.callAsync('VM.pool_migrate', [ref, host, {}])
    })
    await write(vm, 'moved')
    const report = await replicate(chain)
    assert.deepEqual(
      report.disks.map(({ mode, read }) => [mode, read]),
      [['delta', 'nbd']],
    )
    await assertWhole(chain, report.run, vm)
  })

  test('a host that lies dead does not keep others from replicating, although its storage still counts as plugged', async () => {
    const vm = await makeVm(source, [64 * MIB], { sr: await srOf(source, 'shared'), start: false, tools: true })
    await startOn(vm, 0)
    const chain = chainOf(vm, await srOf(target, 'shared'))
    await replicate(chain)
    await source.post(`/hosts/${hostOf(source, 2).uuid}/stop`)
    await target.post(`/hosts/${hostOf(target, 1).uuid}/stop`)
    await write(vm, 'without')
    const report = await replicate(chain)
    // The list of NBD servers can't be had while one of them does not answer for its certificate.
    assert.deepEqual(
      report.disks.map(({ mode, read }) => [mode, read]),
      [['delta', 'cbt+vhd-export']],
    )
    await assertWhole(chain, report.run, vm)
  })

  test('the master of both pools changes between two runs, and the same URLs and fingerprints lead to the new ones', async () => {
    const vm = await makeVm(source, [64 * MIB], { sr: await srOf(source, 1) })
    const chain = chainOf(vm, await srOf(target, 2))
    await replicate(chain)
    for (const pool of [source, target]) await pool.post('/pool/designate_new_master', { host: hostOf(pool, 1).uuid })
    await write(vm, 'new master')
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    await assertWhole(chain, report.run, vm)
  })

  test('a master that changes between two calls of a run is followed, and the run goes through', async () => {
    const vm = await makeVm(source, [64 * MIB], { sr: await srOf(source, 1) })
    const chain = chainOf(vm, await srOf(target, 2))
    await replicate(chain)
    await write(vm, 'between')
    let changed = false
    const meddle: Meddle = async (method, _params, go) => {
      if (method === 'VDI.get_nbd_info' && !changed) {
        changed = true
        await source.post('/pool/designate_new_master', { host: hostOf(source, 2).uuid })
      }
      return go()
    }
    const report = await replicate(chain, { meddle: { source: meddle } })
    assert.ok(changed)
    assert.deepEqual(
      report.disks.map(({ mode, read }) => [mode, read]),
      [['delta', 'nbd']],
    )
    await assertWhole(chain, report.run, vm)
  })

  test('a master that changes while a task runs ends the run with an error, since the task is gone, and the next run is clean', async () => {
    const vm = await makeVm(source, [64 * MIB], { sr: await srOf(source, 1) })
    const chain = chainOf(vm, await srOf(target, 2))
    await replicate(chain)
    await write(vm, 'lost task')
    // The snapshot is made, and its task then goes on for longer than the master does.
    await source.pool.faults.add({ kind: 'slow-task', match: { method: 'VM.snapshot' }, seconds: 600, when: 'after', count: 1 })
    const meddle: Meddle = async (method, _params, go) => {
      const going = go()
      if (method === 'VM.snapshot') {
        going.catch(() => undefined)
        await taskRuns('Async.VM.snapshot')
        await source.post('/pool/designate_new_master', { host: hostOf(source, 2).uuid })
      }
      return going
    }
    await assert.rejects(replicate(chain, { meddle: { source: meddle } }))
    source.pool.faults.clearAll()
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    await assertWhole(chain, report.run, vm)
  })

  const taskRuns = (name: string) =>
    withXapi(source, async (xapi) => {
      for (const deadline = Date.now() + 60_000; ; ) {
        const tasks = [...(await xapi.records('task')).values()]
        if (tasks.some(({ name_label, status }) => name_label === name && status === 'pending')) return
        assert.ok(Date.now() < deadline, `a task ${name} runs`)
      }
    })
})
