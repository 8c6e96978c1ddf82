/** The memory of VMs: carried with a checkpoint, kept with its restore point, given to a clone; and what becomes of it when it can't be. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { systemClock } from '../../src/replication/failover/clock.ts'
import { cloneToWorkOn, prepareCopy } from '../../src/replication/failover/clone.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  assertWhole,
  type Chain,
  chainBetween,
  hashOf,
  look,
  MIB,
  makeVm,
  replicaOf,
  replicate,
  restorePoints,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'
import { replicateAll, reportsOf } from '../support/several-targets.ts'

describe('memory of VMs', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const running = (more: object = {}) => makeVm(source, [32 * MIB, 16 * MIB], { tools: true, memory: 64 * MIB, ...more })
  const change = (pool: StartedPool, uuid: string, how: (xapi: Xapi, ref: Ref<'VM'>) => Promise<unknown>) =>
    withXapi(pool, async (xapi) => how(xapi, await xapi.byUuid('VM', uuid)))
  const stateOf = async (pool: StartedPool, uuid: string) => [...(await look(pool)).VM.values()].find((vm) => vm.uuid === uuid)?.power_state
  const imagesOn = async (pool: StartedPool) =>
    [...(await look(pool)).VDI.values()].filter(({ type, managed }) => type === 'suspend' && managed)
  const codes = (warnings: readonly { readonly code: string }[]) => warnings.map(({ code }) => code)
  /** Hash of the memory that the checkpoint took, told while the run goes on. */
  const watching = (chain: Chain) => {
    const seen: { hash?: string; states: string[] } = { states: [] }
    const meddle = async (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
      const made = await go()
      if (method === 'VM.checkpoint') {
        const vm = (await look(source)).VM.get(made as Ref<'VM'>) as RecordOf['VM']
        const image = (await look(source)).VDI.get(vm.suspend_VDI) as RecordOf['VDI']
        seen.hash = await hashOf(chain.source, image.uuid)
        seen.states.push(vm.power_state)
      }
      return made
    }
    return { seen, meddle: { source: meddle } }
  }

  test('a running VM goes on, and its restore point has the memory of the checkpoint; the replica stays halted (G4)', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    for (const verify of ['changed', 'full'] as const) {
      await source.post('/guest/random', { vm: vm.uuid, count: 3 })
      const { seen, meddle } = watching(chain)
      const report = await replicate(chain, { memory: true, meddle, verify })
      assert.deepEqual(codes(report.warnings), [])
      assert.deepEqual(seen.states, ['Suspended'])
      const point = restorePoints(await look(target), chain).find(({ run }) => run === report.run)
      assert.equal(point?.memory, report.memory?.target)
      assert.equal(await hashOf(target, point?.memory as string), seen.hash)
      assert.equal(report.memory?.verify?.equal, true)
      assert.ok((report.memory?.bytesSent ?? 0) > 0 && report.totals.bytesSent > (report.memory?.bytesSent ?? 0))
      assert.equal(await stateOf(source, vm.uuid), 'Running')
      await assertWhole(chain, report.run, vm)
      assert.deepEqual(await imagesOn(source), [], 'the memory on the source went with the checkpoint')
    }
    const replica = replicaOf(await look(target), chain) as RecordOf['VM']
    assert.equal(replica.suspend_VDI, 'OpaqueRef:NULL')
    await change(target, replica.uuid, async (xapi, ref) => {
      for (const method of ['VM.start', 'VM.resume']) {
        await assert.rejects(xapi.call(method, [ref, false, true]), { code: 'OPERATION_BLOCKED' })
      }
    })
  })

  test('a suspended VM stays suspended, and its own memory is carried', async () => {
    const vm = await running()
    await change(source, vm.uuid, (xapi, ref) => xapi.call('VM.suspend', [ref]))
    const own = (await imagesOn(source))[0]?.uuid as string
    const hash = await hashOf(source, own)
    const chain = chainBetween(source, target, vm)
    const report = await replicate(chain, { memory: true })
    assert.deepEqual(codes(report.warnings), [])
    assert.equal(await hashOf(target, report.memory?.target as string), hash)
    assert.equal(await stateOf(source, vm.uuid), 'Suspended')
    assert.deepEqual(
      (await imagesOn(source)).map(({ uuid }) => uuid),
      [own],
      'its own image is left alone',
    )
    await assertWhole(chain, report.run, vm)
    await change(source, vm.uuid, (xapi, ref) => xapi.call('VM.resume', [ref, false, false]))
  })

  for (const [what, more, before, why] of [
    ['a paused VM', {}, 'VM.pause', /paused/],
    ['a halted VM', { start: false }, undefined, /halted/],
    ['a VM without guest tools', { tools: false }, undefined, /VM_LACKS_FEATURE/],
  ] as const) {
    test(`${what} is replicated without memory, with a warning that says why`, async () => {
      const vm = await running(more)
      if (before !== undefined) await change(source, vm.uuid, (xapi, ref) => xapi.call(before, [ref]))
      const state = await stateOf(source, vm.uuid)
      const chain = chainBetween(source, target, vm)
      const report = await replicate(chain, { memory: true })
      assert.deepEqual(codes(report.warnings), ['memory-not-possible'])
      assert.match(report.warnings[0]?.text ?? '', why)
      assert.equal(report.memory, undefined)
      assert.equal(await stateOf(source, vm.uuid), state)
      await assertWhole(chain, report.run, vm)
    })
  }

  test('with a disk left out, or a virtual TPM, no checkpoint is asked for', async () => {
    const vm = await running()
    const calls: string[] = []
    const meddle = {
      source: (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
        calls.push(method)
        return go()
      },
    }
    const report = await replicate(chainBetween(source, target, vm), { memory: true, excludeDisks: ['1'], meddle })
    assert.deepEqual(codes(report.warnings), ['memory-not-possible'])
    assert.ok(calls.includes('VM.snapshot') && !calls.includes('VM.checkpoint'))
  })

  test('where the storage for suspend images has no room the run goes on without memory, and the VM still runs', async () => {
    const vm = await running()
    const error = { kind: 'error', code: 'SR_SUSPEND_SPACE_INSUFFICIENT', params: ['OpaqueRef:sr'] }
    await source.post('/faults', { ...error, match: { method: 'VM.checkpoint' }, on: 'task', count: 1 })
    const chain = chainBetween(source, target, vm)
    const report = await replicate(chain, { memory: true })
    assert.deepEqual(codes(report.warnings), ['memory-not-possible'])
    assert.match(`${report.warnings[0]?.text} ${report.warnings[0]?.avoid}`, /SR_SUSPEND_SPACE_INSUFFICIENT.*free space/)
    assert.equal(await stateOf(source, vm.uuid), 'Running')
    await assertWhole(chain, report.run, vm)
  })

  /** Leaves so many bytes free on a storage repository while something is done. */
  async function withRoom<T>(pool: StartedPool, sr: string, free: number, run: () => Promise<T>): Promise<T> {
    const before = await withXapi(pool, async (xapi) => {
      const ref = await xapi.byUuid('SR', sr)
      await xapi.call('SR.scan', [ref])
      return xapi.record('SR', ref)
    })
    await pool.post(`/srs/${sr}`, { size: before.physical_utilisation + free })
    try {
      return await run()
    } finally {
      await pool.post(`/srs/${sr}`, { size: before.physical_size })
    }
  }
  /** uuid of the SR on which the source keeps suspend images */
  const suspendSr = () =>
    withXapi(source, async (xapi) => {
      const [pool] = (await xapi.records('pool')).values()
      const [host] = (await xapi.records('host')).values()
      const own = pool?.suspend_image_SR as Ref<'SR'>
      return (await xapi.record('SR', own === 'OpaqueRef:NULL' ? (host?.suspend_image_sr as Ref<'SR'>) : own)).uuid
    })

  test('no checkpoint is asked for where the storage for suspend images has surely no room: one that fails half-way costs the VM its memory', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const calls: string[] = []
    const meddle = {
      source: (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
        calls.push(method)
        return go()
      },
    }
    const report = await withRoom(source, await suspendSr(), 150 * MIB, () => replicate(chain, { memory: true, meddle }))
    assert.deepEqual(codes(report.warnings), ['memory-not-possible'])
    assert.match(report.warnings[0]?.text ?? '', /where its pool keeps suspend images, has 1\d\d MiB free, and a checkpoint needs 181 MiB/)
    assert.ok(calls.includes('VM.snapshot') && !calls.includes('VM.checkpoint'))
    assert.equal(await stateOf(source, vm.uuid), 'Running')
    await assertWhole(chain, report.run, vm)
  })

  test('of two targets the one that surely has no room for the memory gets its restore point without', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const { sr } = (await target.post('/srs', { name: 'thick and small', kind: 'thick', size: 1024 * MIB })) as { sr: { uuid: string } }
    const chains = [{ ...chain, sr: sr.uuid }, chain]
    const [without, with_] = await withRoom(target, sr.uuid, 140 * MIB, async () => reportsOf(await replicateAll(chains, { memory: true })))
    assert.deepEqual([without?.memory, codes(without?.warnings ?? []).includes('memory-not-possible')], [undefined, true])
    assert.match(without?.warnings.find(({ code }) => code === 'memory-not-possible')?.text ?? '', /"thick and small" has 140 MiB free/)
    assert.ok(with_?.memory)
    assert.deepEqual(await imagesOn(source), [])
  })

  test('a checkpoint that fails with the VM suspended is followed by a resumption and a plain snapshot, and both are said', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const failed = { kind: 'error', code: 'VM_CHECKPOINT_RESUME_FAILED', params: ['OpaqueRef:vm'] }
    await source.post('/faults', { ...failed, match: { method: 'VM.checkpoint' }, on: 'task', count: 1 })
    const meddle = async (method: string, _: readonly unknown[], go: () => Promise<unknown>) => {
      if (method === 'VM.checkpoint') await change(source, vm.uuid, (xapi, ref) => xapi.call('VM.suspend', [ref]))
      return go()
    }
    const report = await replicate(chain, { memory: true, meddle: { source: meddle } })
    assert.deepEqual(codes(report.warnings), ['memory-not-possible', 'source-was-suspended'])
    assert.equal(await stateOf(source, vm.uuid), 'Running')
    await assertWhole(chain, report.run, vm)
  })

  test('retention removes the memory with its restore point, and nothing else of it (G5)', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const memories: string[] = []
    for (let run = 0; run < 4; run++) {
      await source.post('/guest/random', { vm: vm.uuid, count: 1 })
      const report = await replicate(chain, { memory: run !== 2, retention: 2 })
      memories.push(report.memory?.target ?? 'none')
      assertNoLeftovers(await look(source), await look(target), chain, vm)
    }
    const marked = (await imagesOn(target)).filter(({ other_config: config }) => config['understudy:memory']?.includes(chain.job))
    assert.deepEqual(
      marked.map(({ uuid }) => uuid),
      [memories[3]],
      'of the two restore points that stay, one has memory',
    )
    const last = restorePoints(await look(target), chain).find(({ memory }) => memory !== undefined)
    await change(target, last?.uuid as string, (xapi, ref) => xapi.call('VM.destroy', [ref]))
    await replicate(chain, { retention: 2 })
    const left = (await imagesOn(target)).filter(({ other_config: config }) => config['understudy:memory']?.includes(chain.job))
    assert.deepEqual(left, [], 'memory that no restore point names is a left-over')
  })

  test('two targets get the memory of one checkpoint, which is read once', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const chains = [chain, { ...chain, sr: target.srs[1]?.uuid as string }]
    const reports = reportsOf(await replicateAll(chains, { memory: true, verify: 'off' }))
    const memories = reports.map(({ memory }) => memory?.target as string)
    const [one, other] = await Promise.all(memories.map((uuid) => hashOf(target, uuid)))
    assert.equal(one, other)
    assert.notEqual(memories[0], memories[1])
    const given = (reports[0]?.totals.bytesRead ?? 0) + (reports[1]?.totals.bytesRead ?? 0)
    assert.ok((reports[0]?.together?.bytesRead ?? Number.POSITIVE_INFINITY) <= 0.6 * given, 'what both got was read once')
    const held = (await imagesOn(target)).filter(({ other_config: config }) => config['understudy:memory']?.includes(chain.job))
    assert.deepEqual(held.map(({ uuid }) => uuid).sort(), [...memories].sort())
    const seen = await look(source)
    const snapshots = [...seen.VM.values()].filter((one) => one.is_a_snapshot && one.name_label.includes(chain.job))
    assert.deepEqual(snapshots, [], 'the checkpoint went once both had it')
    assert.equal(await stateOf(source, vm.uuid), 'Running')
  })

  test('G3: memory that a killed run left on either side is gone after the next one, and a VM that it left suspended runs again', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    await replicate(chain, { memory: true })
    // What is there after a kill in the middle: an unfinished checkpoint, a memory that no restore point names, one without its marks.
    const run = randomUUID()
    await change(source, vm.uuid, async (xapi, ref) => {
      await xapi.call('VM.add_to_other_config', [ref, 'understudy:checkpoint', run])
      await xapi.call('VM.checkpoint', [ref, `understudy ${chain.job} ${chain.sr} ${run} (being made)`])
      await xapi.call('VM.suspend', [ref])
    })
    await withXapi(target, async (xapi) => {
      const SR = await xapi.byUuid('SR', chain.sr)
      const made = { virtual_size: MIB, type: 'suspend', sharable: false, read_only: false, other_config: {}, SR }
      await xapi.call('VDI.create', [{ ...made, name_label: `understudy ${chain.job} ${run} (being made)` }])
      const ref = await xapi.call<Ref<'VDI'>>('VDI.create', [{ ...made, name_label: 'source memory' }])
      const self = await xapi.call('VDI.get_uuid', [ref])
      const mark = { job: chain.job, vm: chain.vm, sr: chain.sr, self, run, cpu: { vendor: '', features: '' } }
      await xapi.call('VDI.add_to_other_config', [ref, 'understudy:memory', JSON.stringify(mark)])
      // Somebody's own: a copy inherits the mark and is told apart by its uuid.
      const own = await xapi.call<Ref<'VDI'>>('VDI.clone', [ref, {}])
      await xapi.call('VDI.set_name_label', [own, 'not ours'])
    })
    const report = await replicate(chain, { memory: true })
    assert.deepEqual(codes(report.warnings), ['source-was-suspended'])
    assert.equal(await stateOf(source, vm.uuid), 'Running')
    assert.ok(report.memory, 'and this run has its memory')
    const names = (await imagesOn(target)).filter(({ other_config: config }) => !config['understudy:memory']?.includes(report.run))
    const mine = names.filter(
      ({ name_label: name, other_config: config }) => name.includes(chain.job) || config['understudy:memory']?.includes(run),
    )
    assert.deepEqual(
      mine.map(({ name_label: name }) => name),
      ['not ours'],
      'G8',
    )
    await withXapi(target, async (xapi) => {
      const own = mine[0]?.uuid as string
      await xapi.call('VDI.destroy', [await xapi.byUuid('VDI', own)])
    })
    await assertWhole(chain, report.run, vm)
  })

  test('a restore point whose memory somebody removed stays one', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const report = await replicate(chain, { memory: true })
    await withXapi(target, async (xapi) => xapi.call('VDI.destroy', [await xapi.byUuid('VDI', report.memory?.target as string)]))
    const next = await replicate(chain, {})
    assert.equal(next.disks[0]?.mode, 'delta')
    assert.equal(restorePoints(await look(target), chain).length, 2)
  })

  /** A clone of the newest restore point that has memory. */
  const cloneWithMemory = (chain: Chain) =>
    withXapi(target, async (xapi) => {
      const options = { target: xapi, signal: AbortSignal.timeout(60_000), id: randomUUID(), clock: systemClock }
      const wishes: Parameters<typeof prepareCopy>[1] = {
        wanted: { kind: 'newest', vm: chain.vm, job: chain.job, sr: chain.sr },
        networks: { kind: 'replica' },
        mapping: new Map(),
        macs: 'new',
        memory: true,
      }
      return cloneToWorkOn(options, await prepareCopy(options, wishes, 'clone'))
    })

  test('a clone goes on with the memory, in the other pool, with its disks and MACs; the restore point keeps its own', async () => {
    const vm = await running({ networks: ['Pool-wide network associated with eth0'] })
    const chain = chainBetween(source, target, vm)
    const report = await replicate(chain, { memory: true })
    const point = restorePoints(await look(target), chain)[0]
    const before = await hashOf(target, point?.memory as string)
    const { vm: made } = await cloneWithMemory(chain)
    assert.equal(await stateOf(target, made.uuid), 'Suspended')
    const seen = await look(target)
    const clone = [...seen.VM.values()].find(({ uuid }) => uuid === made.uuid) as RecordOf['VM']
    const macs = (look: typeof seen, one: RecordOf['VM']) => one.VIFs.map((ref) => look.VIF.get(ref)?.MAC)
    const from = await look(source)
    assert.deepEqual(macs(seen, clone), macs(from, [...from.VM.values()].find(({ uuid }) => uuid === vm.uuid) as RecordOf['VM']))
    await change(target, made.uuid, (xapi, ref) => xapi.call('VM.resume', [ref, false, false]))
    assert.equal(await stateOf(target, made.uuid), 'Running')
    for (const [device, disk] of Object.entries(point?.disks ?? {})) {
      const now = await look(target)
      const vbd = clone.VBDs.map((ref) => now.VBD.get(ref)).find((candidate) => candidate?.userdevice === device)
      assert.equal(vbd?.currently_attached, true)
      const vdi = now.VDI.get(vbd?.VDI as Ref<'VDI'>)
      assert.equal(await hashOf(target, vdi?.uuid as string), await hashOf(target, disk))
      assert.equal(
        Object.keys(vdi?.other_config ?? {}).some((key) => key.startsWith('understudy:')),
        false,
      )
    }
    assert.equal(await hashOf(target, point?.memory as string), before)
    assertProtected(await look(target), chain)
    await change(target, made.uuid, (xapi, ref) => xapi.call('VM.hard_shutdown', [ref]))
    assert.equal((await replicate(chain, { memory: true })).disks[0]?.mode, 'delta')
    assert.ok(report.memory)
  })

  test('a clone of a restore point without memory is refused with the reason', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    await replicate(chain, {})
    await assert.rejects(cloneWithMemory(chain), { code: 'NO_MEMORY_KEPT' })
  })

  test('another CPU in the target pool is warned of, and there the clone is refused to go on', async () => {
    const vm = await running()
    const chain = chainBetween(source, target, vm)
    const { db, refs } = target.pool
    const info = db.get('host', refs.host).cpu_info as Record<string, string>
    for (const [name, ref] of [['host', refs.host] as const, ['pool', refs.pool] as const]) {
      db.update(name, ref, { cpu_info: { ...info, vendor: 'AuthenticAMD' } })
    }
    try {
      const report = await replicate(chain, { memory: true })
      assert.deepEqual(codes(report.warnings), ['memory-cpu-differs'])
      const { vm: made } = await cloneWithMemory(chain)
      await change(target, made.uuid, async (xapi, ref) => {
        await assert.rejects(xapi.call('VM.resume', [ref, false, false]), { code: 'VM_INCOMPATIBLE_WITH_THIS_HOST' })
        await xapi.call('VM.hard_shutdown', [ref])
        assert.equal(await xapi.call('VM.get_power_state', [ref]), 'Halted')
      })
    } finally {
      for (const [name, ref] of [['host', refs.host] as const, ['pool', refs.pool] as const]) db.update(name, ref, { cpu_info: info })
    }
  })
})
