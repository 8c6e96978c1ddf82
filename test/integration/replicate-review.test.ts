/** What could go wrong with a chain behind its back: other people's hands, other runs, pools that answer late or not at all. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { StartedPool } from '../support/lab.ts'
import {
  assertHolds,
  assertNoLeftovers,
  type Chain,
  chainBetween,
  disksOfVm,
  hashesOf,
  hashOf,
  look,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  type RunChanges,
  replicaOf,
  replicate,
  restorePoints,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

describe('a chain that others meddle with', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  const chainOf = (vm: MadeVm, more: Partial<Chain> = {}) => chainBetween(source, target, vm, more)
  const write = (vm: MadeVm, userdevice: string, count: number, seed: string) =>
    source.post('/guest/random', { vm: vm.uuid, userdevice, count, seed }) as Promise<{ bytes: number }>

  /** A run that stops in the middle of its transfer: the first bytes are on the replica's disk. */
  async function interrupt(chain: Chain, more: RunChanges = {}): Promise<void> {
    const stop = new AbortController()
    const run = replicate(chain, {
      ...more,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === 'disk' && event.bytesDone > 0) stop.abort(new Error('interrupted by the test'))
      },
    })
    await assert.rejects(run, /interrupted by the test/)
  }

  test('G2: change tracking that breaks after an interrupted delta costs a clone, not the chain', async () => {
    const vm = await makeVm(source, [64 * MIB])
    // Without NBD on the way the snapshot keeps its data, so a delta by export is left when tracking is gone.
    const chain = chainOf(vm)
    const noNbd: Meddle = async (method, _, go) => (method === 'VDI.get_nbd_info' ? [] : go())
    const keepData = { meddle: { source: noNbd } }
    await replicate(chain, keepData)
    await write(vm, '0', 200, 'one')
    await interrupt(chain, keepData)
    await withXapi(source, async (xapi) => {
      const disk = await xapi.byUuid('VDI', vm.disks[0]?.vdi as string)
      await xapi.call('VDI.disable_cbt', [disk])
    })
    const report = await replicate(chain, keepData)
    assert.equal(report.disks[0]?.mode, 'delta')
    assert.equal(report.disks[0]?.read, 'vhd-delta')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  /** Writes to a disk of the target behind the chain's back. */
  const scribble = (vdi: string) =>
    withXapi(target, async (xapi) => {
      const stream = await xapi.importVdi({ vdi: await xapi.byUuid('VDI', vdi), format: 'raw', chunked: true })
      const frame = Buffer.alloc(12)
      frame.writeUInt32LE(4096, 8)
      await stream.write(frame, Buffer.alloc(4096, 7), Buffer.alloc(12))
      await stream.finish()
    })

  test('G2, G8: a snapshot of a work copy of a restore point is the user’s, also when the copy is gone: never a base, never removed', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const [point] = restorePoints(await look(target), chain)
    await withXapi(target, async (xapi) => {
      const ref = await xapi.byUuid('VM', point?.uuid as string)
      const copy = await xapi.call<Ref<'VM'>>('VM.clone', [ref, 'work copy'])
      const [disk] = disksOfVm(await look(target), await xapi.record('VM', copy))
      await scribble(disk as string)
      await xapi.call('VM.snapshot', [copy, 'mine'])
      await xapi.call('VM.destroy', [copy])
      for (const vdi of Object.values(point?.disks ?? {})) await xapi.call('VDI.destroy', [await xapi.byUuid('VDI', vdi)])
      await xapi.call('VM.destroy', [ref])
    })
    const report = await replicate(chain, { retention: 1 })
    await assertHolds(chain, report.run, await hashesOf(source, vm))
    await replicate(chain, { retention: 1 })
    const mine = [...(await look(target)).VM.values()].find(({ name_label: name }) => name === 'mine')
    assert.ok(mine, 'the snapshot is still there')
    assert.equal(disksOfVm(await look(target), mine).length, 1)
  })

  test('G1, G5: when the answer about the restore point is lost, it and what the next delta needs stay', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    const state = await hashesOf(source, vm)
    const run = randomUUID()
    const loseAnswer: Meddle = async (method, _, go) => {
      const result = await go()
      if (method === 'VM.snapshot') throw new Error('the answer was lost')
      return result
    }
    await assert.rejects(replicate(chain, { run, meddle: { target: loseAnswer } }), /the answer was lost/)
    await assertHolds(chain, run, state)
    await write(vm, '0', 10, 'later')
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
    const seen = await look(target)
    assertNoLeftovers(await look(source), seen, chain, vm)
    const templates = restorePoints(seen, chain).filter(({ uuid }) =>
      [...seen.VM.values()].some((one) => one.uuid === uuid && one.is_a_template),
    )
    assert.deepEqual(templates, [], 'a restore point that is a template could only be cloned to a template')
  })

  test('a restore point that is refused leaves nothing of a first run behind', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    const refuse: Meddle = async (method, _, go) => {
      if (method === 'VM.snapshot') throw new XapiError('SR_BACKEND_FAILURE_109', [], method)
      return go()
    }
    await assert.rejects(replicate(chain, { meddle: { target: refuse } }), { code: 'SR_BACKEND_FAILURE_109' })
    const [left, right] = [await look(source), await look(target)]
    assert.equal(replicaOf(right, chain), undefined)
    const named = [...right.VDI.values(), ...left.VM.values()].filter((object) => JSON.stringify(object).includes(chain.job))
    assert.deepEqual(named, [])
  })

  test('G8: a disk that a user cloned of a restore point stays, although a run failed in the middle of a clone of its own', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const seen = await look(target)
    await scribble(disksOfVm(seen, replicaOf(seen, chain))[0] as string)
    const refuse: Meddle = async (method, _, go) => {
      if (method === 'VDI.clone') throw new XapiError('SR_BACKEND_FAILURE_109', [], method)
      return go()
    }
    await write(vm, '0', 5, 'c')
    await assert.rejects(replicate(chain, { meddle: { target: refuse } }), { code: 'SR_BACKEND_FAILURE_109' })
    const [point] = restorePoints(await look(target), chain)
    const mine = await withXapi(target, async (xapi) => {
      const of = await xapi.byUuid('VDI', Object.values(point?.disks ?? {})[0] as string)
      return xapi.call<string>('VDI.get_uuid', [await xapi.call('VDI.clone', [of, {}])])
    })
    await replicate(chain)
    assert.ok([...(await look(target)).VDI.values()].some(({ uuid }) => uuid === mine))
  })

  test('G8: the mark of a clone in the making that a killed run left on a restore point is taken off before anybody can inherit it', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const [point] = restorePoints(await look(target), chain)
    const token = JSON.stringify({ job: chain.job, vm: chain.vm, sr: chain.sr })
    await withXapi(target, async (xapi) => {
      const disk = await xapi.byUuid('VDI', Object.values(point?.disks ?? {})[0] as string)
      await xapi.call('VDI.add_to_other_config', [disk, 'understudy:cloning', token])
    })
    await replicate(chain)
    const marked = [...(await look(target)).VDI.values()].filter(({ other_config: config }) => config['understudy:cloning'] === token)
    assert.deepEqual(marked, [])
  })

  /** Hangs the VM's disks where `places` says (old userdevice → new); what it does not name is taken off. */
  async function rearrange(vm: MadeVm, places: Record<string, string>): Promise<MadeVm> {
    await withXapi(source, async (xapi) => {
      const ref = await xapi.byUuid('VM', vm.uuid)
      const vbds = await Promise.all(
        (await xapi.record('VM', ref)).VBDs.map(async (vbd) => ({ vbd, record: await xapi.record('VBD', vbd) })),
      )
      const disks = vbds.filter(({ record }) => record.type === 'Disk')
      for (const { vbd } of disks) await xapi.call('VBD.destroy', [vbd])
      for (const { record } of disks) {
        const userdevice = places[record.userdevice]
        if (userdevice === undefined) continue
        const { VDI, bootable, mode, type, empty, unpluggable } = record
        const made = { VM: ref, VDI, userdevice, bootable, mode, type, empty, unpluggable }
        await xapi.call('VBD.create', [{ ...made, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} }])
      }
    })
    const disks = vm.disks.flatMap((disk) =>
      places[disk.userdevice] === undefined ? [] : [{ ...disk, userdevice: places[disk.userdevice] as string }],
    )
    return { uuid: vm.uuid, disks }
  }

  for (const [what, places] of [
    ['swapped', { '0': '1', '1': '0' }],
    ['moved to the place of one that went', { '1': '0' }],
    ['moved to the place of an empty drive', { '0': '0', '1': '3' }],
  ] as const) {
    test(`G1: disks that are ${what} hang on the replica as they do on the source, each with its own content`, async () => {
      const vm = await makeVm(source, [32 * MIB, 64 * MIB], { start: false })
      const chain = chainOf(vm)
      await replicate(chain)
      if (what.includes('drive')) {
        await withXapi(source, async (xapi) => {
          for (const vbd of (await xapi.record('VM', await xapi.byUuid('VM', vm.uuid))).VBDs) {
            if ((await xapi.record('VBD', vbd)).type === 'CD') await xapi.call('VBD.destroy', [vbd])
          }
        })
      }
      const now = await rearrange(vm, places)
      const report = await replicate(chain)
      assert.deepEqual(
        report.disks.map(({ mode }) => mode),
        now.disks.map(() => 'delta'),
      )
      await assertHolds(chain, report.run, await hashesOf(source, now))
      const next = await replicate(chain)
      assert.equal(next.totals.bytesSent, 0)
      await assertHolds(chain, report.run, await hashesOf(source, now))
      await assertHolds(chain, next.run, await hashesOf(source, now))
      const seen = await look(target)
      assert.equal(disksOfVm(seen, replicaOf(seen, chain)).length, now.disks.length)
    })
  }

  test('G1: of two swapped disks one lands on a clone: the other is not taken for what it replaces', async () => {
    const vm = await makeVm(source, [32 * MIB, 64 * MIB], { start: false })
    const chain = chainOf(vm)
    await replicate(chain)
    const seen = await look(target)
    await scribble(disksOfVm(seen, replicaOf(seen, chain))[0] as string)
    const now = await rearrange(vm, { '0': '1', '1': '0' })
    const report = await replicate(chain)
    await assertHolds(chain, report.run, await hashesOf(source, now))
    assertNoLeftovers(await look(source), await look(target), chain, now)
  })

  test('G8: a disk of the replica that somebody attached to another VM is neither written nor removed', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const rescue = (await target.post('/vms', { name: 'rescue', disks: [] })).vm as MadeVm
    const seen = await look(target)
    const [disk] = disksOfVm(seen, replicaOf(seen, chain))
    const vbd = await withXapi(target, async (xapi) => {
      const VM = await xapi.byUuid('VM', rescue.uuid)
      const VDI = await xapi.byUuid('VDI', disk as string)
      const record = { VM, VDI, userdevice: '1', bootable: false, mode: 'RW', type: 'Disk', empty: false, unpluggable: true }
      return xapi.call<Ref<'VBD'>>('VBD.create', [{ ...record, other_config: {}, qos_algorithm_type: '', qos_algorithm_params: {} }])
    })
    await write(vm, '0', 10, 'x')
    const before = await hashOf(target, disk as string)
    await assert.rejects(replicate(chain), { code: 'REPLICA_IN_USE' })
    assert.equal(await hashOf(target, disk as string), before)
    await withXapi(target, (xapi) => xapi.call('VBD.destroy', [vbd]))
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
  })

  test('G4, G8: a replica whose start somebody allowed is theirs: the run is refused, and its disks stay as they are', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const seen = await look(target)
    const replica = replicaOf(seen, chain)
    const [disk] = disksOfVm(seen, replica)
    const block = (operations: object) =>
      withXapi(target, async (xapi) =>
        xapi.call('VM.set_blocked_operations', [await xapi.byUuid('VM', replica?.uuid as string), operations]),
      )
    await block({})
    await scribble(disk as string)
    const before = await hashOf(target, disk as string)
    await write(vm, '0', 10, 'x')
    await assert.rejects(replicate(chain), { code: 'REPLICA_IN_USE' })
    assert.equal(await hashOf(target, disk as string), before)
    await block({ start: 'back to being a replica' })
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.mode, 'delta')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
  })

  const sourceVm = async (vm: MadeVm) => [...(await look(source)).VM.values()].find(({ uuid }) => uuid === vm.uuid)

  test('G7: of two blocked migrations that could be blocked only by half nothing stays', async () => {
    const vm = await makeVm(source, [32 * MIB])
    let calls = 0
    const second: Meddle = async (method, _, go) => {
      if (method === 'VM.add_to_blocked_operations' && calls++ === 1) throw new XapiError('INTERNAL_ERROR', [], method)
      return go()
    }
    await assert.rejects(replicate(chainOf(vm), { meddle: { source: second } }), { code: 'INTERNAL_ERROR' })
    assert.equal(calls, 2)
    assert.deepEqual((await sourceVm(vm))?.blocked_operations, {})
  })

  test('G7: a migration that somebody else blocks while a run begins stays blocked', async () => {
    const vm = await makeVm(source, [32 * MIB])
    await replicate(chainOf(vm), {
      between: () =>
        withXapi(source, async (xapi) => {
          await xapi.call('VM.add_to_blocked_operations', [await xapi.byUuid('VM', vm.uuid), 'pool_migrate', 'theirs'])
        }),
    })
    assert.deepEqual((await sourceVm(vm))?.blocked_operations, { pool_migrate: 'theirs' })
  })

  test('a run whose restore point stands is a success, also when the migration can’t be given back at once', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const refuse: Meddle = async (method, _, go) => {
      if (method === 'VM.remove_from_blocked_operations') throw new XapiError('INTERNAL_ERROR', [], method)
      return go()
    }
    const report = await replicate(chain, { meddle: { source: refuse } })
    assert.ok(report.warnings.some(({ code }) => code === 'migration-still-blocked'))
    await replicate(chain)
    assert.deepEqual((await sourceVm(vm))?.blocked_operations, {})
  })

  test('G3, G5: two targets of one job keep their own bases on the source', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const other = { ...chain, sr: target.srs[1]?.uuid as string }
    assert.ok(other.sr)
    await replicate(chain)
    await replicate(other)
    for (const [nth, one] of [chain, other, chain, other].entries()) {
      await write(vm, '0', 5, `two targets ${nth}`)
      const report = await replicate(one)
      assert.equal(report.disks[0]?.mode, 'delta', report.disks[0]?.reason.text)
      const point = restorePoints(await look(target), one).find(({ run }) => run === report.run)
      assert.equal(await hashOf(target, point?.disks['0'] as string), await hashOf(source, vm.disks[0]?.vdi as string))
    }
  })

  test('G3: a run for one target leaves the snapshot alone that a run for another target of the same job reads', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const other = { ...chain, sr: target.srs[1]?.uuid as string }
    let begun: Promise<unknown> | undefined
    const first = await replicate(chain, {
      meddle: {
        source: async (method, _, go) => {
          const result = await go()
          if (method === 'VM.snapshot' && begun === undefined) {
            begun = replicate(other)
            await begun
          }
          return result
        },
      },
    })
    assert.ok(begun)
    await assertHolds(chain, first.run, await hashesOf(source, vm))
  })

  test('G3: a source snapshot that was renamed but not tagged when the run was killed goes with the next run', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const noNbd: Meddle = async (method, params, go) => {
      if (method === 'VDI.get_nbd_info') return []
      // Killed at the worst moment between the calls that tag the snapshot: this one is the last that was answered.
      if (method === 'VM.set_other_config' && String((params[1] as Record<string, string>)['xo:backup:exported']) === 'true')
        throw new Error('killed')
      return go()
    }
    await replicate(chain, { meddle: { source: noNbd } })
    await replicate(chain)
    const snapshots = [...(await look(source)).VM.values()].filter((one) => one.is_a_snapshot && one.name_label.includes(chain.job))
    assert.deepEqual(
      snapshots.map(({ name_label: name }) => name),
      [],
    )
  })

  test('the identity that XAPI gives to a disk’s content does not travel: storage migration would take the replica for the same content', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const disk = vm.disks[0]?.vdi as string
    await withXapi(source, async (xapi) => {
      const ref = await xapi.byUuid('VDI', disk)
      await xapi.call('VDI.remove_from_other_config', [ref, 'content_id'])
      await xapi.call('VDI.add_to_other_config', [ref, 'content_id', 'of the source'])
      await xapi.call('VDI.add_to_other_config', [ref, 'note', 'travels'])
    })
    await replicate(chain)
    const disks = [...(await look(target)).VDI.values()].filter(({ other_config: config }) => config.note === 'travels')
    assert.equal(disks.length, 2)
    assert.deepEqual(disks.filter(({ other_config: config }) => config.content_id === 'of the source').length, 0)
  })

  const locksLeft = async () => {
    const configs = await withXapi(target, async (xapi) =>
      [...(await xapi.records('SR')).values()].map(({ other_config: config }) => config),
    )
    return configs.flatMap((config) => Object.keys(config).filter((key) => key.startsWith('understudy:')))
  }

  test('G1: of two runs of a chain that are started at once one is refused, and the other’s restore point is right', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    await write(vm, '0', 200, 'at once')
    const lockTiming = { beatMs: 50, patienceMs: 5000 }
    let second: Promise<unknown> | undefined
    // The first has a snapshot and a disk that is being written when the second looks.
    const first = await replicate(chain, {
      lockTiming,
      meddle: {
        target: async (method, params, go) => {
          const result = await go()
          if (method === 'VDI.set_other_config' && 'understudy:writing' in (params[1] as object) && second === undefined) {
            second = replicate(chain, { lockTiming })
            await assert.rejects(second, { code: 'RUN_UNDER_WAY' })
          }
          return result
        },
      },
    })
    assert.ok(second)
    await assertHolds(chain, first.run, await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
    assert.deepEqual(await locksLeft(), [])
  })

  test('G3: the lock of a run that is silent is taken over, and it makes no restore point any more', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    const silent = { beatMs: 600_000, patienceMs: 0 }
    const run = randomUUID()
    let next: Promise<{ run: string }> | undefined
    const superseded = replicate(chain, {
      run,
      lockTiming: silent,
      verify: 'off',
      onEvent: (event) => {
        if (event.kind === 'stage' && event.stage === 'transfer') next = replicate(chain, { lockTiming: { beatMs: 50, patienceMs: 200 } })
      },
      meddle: {
        source: async (method, _, go) => {
          if (method === 'VDI.get_nbd_info') await next
          return go()
        },
      },
    })
    await assert.rejects(superseded, (error: Error & { code?: string }) => error.code !== undefined)
    const report = await next
    const points = restorePoints(await look(target), chain)
    assert.deepEqual(
      points.map((point) => point.run),
      [report?.run],
    )
    await assertHolds(chain, report?.run as string, await hashesOf(source, vm))
    await replicate(chain)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
    assert.deepEqual(await locksLeft(), [])
  })

  test('G3: the lock of a process of this machine that has ended holds nobody up', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
    await once(child, 'exit')
    let mine: string | undefined
    const key = `understudy:running:${chain.job}:${chain.vm}`
    await replicate(chain, {
      meddle: {
        target: async (method, params, go) => {
          if (method === 'SR.add_to_other_config' && mine === undefined) {
            mine = params[2] as string
            const dead = JSON.stringify({ ...JSON.parse(mine), run: 'dead', pid: child.pid })
            await withXapi(target, async (xapi) => xapi.call('SR.add_to_other_config', [params[0], key, dead]))
          }
          return go()
        },
      },
      lockTiming: { beatMs: 5000, patienceMs: 600_000 },
    })
    assert.deepEqual(await locksLeft(), [])
  })

  test('a reader that is still attached to the replica’s disk is waited for', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    await target.post('/settings', { nbdDetachMs: 1500 })
    try {
      await replicate(chain, { verify: 'changed' })
      await write(vm, '0', 10, 'soon')
      const report = await replicate(chain, { verify: 'changed' })
      const [planned] = report.plan.disks
      assert.ok(planned?.mode === 'delta' && planned.choice.landing.kind === 'in-place')
      await assertHolds(chain, report.run, await hashesOf(source, vm))
    } finally {
      await target.post('/settings', { nbdDetachMs: 20 })
    }
  })

  test('G2: a disk that somebody else wrote to after a run broke off is not built on', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const vdi = vm.disks[0]?.vdi as string
    await source.post('/guest/write', { vdi, extents: [{ offset: 16 * MIB, length: 32 * MIB }], pattern: { kind: 'random', seed: 'much' } })
    await interrupt(chain)
    const seen = await look(target)
    await scribble(disksOfVm(seen, replicaOf(seen, chain))[0] as string)
    const report = await replicate(chain)
    const [planned] = report.plan.disks
    assert.ok(planned?.mode === 'delta' && planned.choice.landing.kind === 'continue', 'the plan could not know')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('a delta that is interrupted goes on where it stopped when nobody else wrote', async () => {
    const vm = await makeVm(source, [64 * MIB])
    const chain = chainOf(vm)
    await replicate(chain)
    const vdi = vm.disks[0]?.vdi as string
    await source.post('/guest/write', { vdi, extents: [{ offset: 16 * MIB, length: 32 * MIB }], pattern: { kind: 'random', seed: 'much' } })
    await interrupt(chain)
    const seen = await look(target)
    const [disk] = disksOfVm(seen, replicaOf(seen, chain))
    const report = await replicate(chain)
    assert.equal(report.disks[0]?.target, disk)
    await assertHolds(chain, report.run, await hashesOf(source, vm))
  })

  test('G1: storage whose new disks hold old data is refused', async () => {
    const vm = await makeVm(source, [32 * MIB])
    const chain = chainOf(vm)
    const sr = target.pool.db.byUuid('SR', chain.sr) as string
    const { type, sm_config: config } = target.pool.db.get('SR', sr)
    target.pool.db.update('SR', sr, { type: 'lvm', sm_config: {} })
    try {
      await assert.rejects(replicate(chain), { code: 'SR_NOT_USABLE' })
      assert.equal(replicaOf(await look(target), chain), undefined)
    } finally {
      target.pool.db.update('SR', sr, { type: type as string, sm_config: config ?? {} })
    }
  })
})
