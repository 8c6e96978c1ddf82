/** Clones to work on and test failovers: what they are, what they leave, and that the chain does not notice. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { readTestedMark } from '../../src/core/failover/marks.ts'
import { findTests, removeTests } from '../../src/replication/failover/cleanup.ts'
import { clone, hashesNow, optionsFor, rehearse, vmOf } from '../support/failing-over.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  hashesOf,
  look,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  replicate,
  restorePoints,
  withXapi,
} from '../support/replicating.ts'

describe('clones and test failovers', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
    await target.post('/guest/tools', { address: '127.0.0.1' })
  })
  after(() => lab.close())

  const write = (vm: MadeVm, seed: string, count = 20) => source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count, seed })
  /** A VM with two restore points that differ, and what its disks held at each. */
  async function protect(): Promise<{ vm: MadeVm; chain: Chain; states: Record<string, string>[]; points: string[] }> {
    const vm = await makeVm(source, [32 * MIB, 16 * MIB])
    const chain: Chain = { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID() }
    const states = [await hashesOf(source, vm)]
    const first = await replicate(chain)
    await write(vm, 'second')
    states.push(await hashesOf(source, vm))
    const second = await replicate(chain)
    return { vm, chain, states, points: [first.restorePoint.uuid, second.restorePoint.uuid] }
  }
  /** G5, G8: everything is where it was, and the next run is a delta in place. */
  async function assertChainUnharmed({ vm, chain, points }: Awaited<ReturnType<typeof protect>>): Promise<void> {
    const seen = await look(target)
    assert.deepEqual(new Set(restorePoints(seen, chain).map(({ uuid }) => uuid)), new Set(points))
    assertProtected(seen, chain)
    const { bytes } = (await write(vm, randomUUID())) as { bytes: number }
    const next = await replicate(chain)
    for (const disk of next.plan.disks) {
      assert.equal(disk.mode, 'delta')
      assert.equal(disk.mode === 'delta' && disk.choice.landing.kind, 'in-place')
    }
    assert.equal(next.totals.changedBytes, bytes)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  }

  test('a clone holds its restore point, carries no key of the chain, starts, and the next run is a delta in place', async () => {
    const made = await protect()
    const { chain, states, points } = made
    for (const [nth, point] of points.entries()) {
      const report = await clone(chain, { wanted: { kind: 'uuid', uuid: point, sr: undefined }, name: `work ${nth}` })
      const seen = await look(target)
      assert.deepEqual(await hashesNow(target, seen, report.vm.uuid), states[nth])
      const [ref, record] = vmOf(seen, report.vm.uuid)
      assert.equal(record.name_label, `work ${nth}`)
      assert.equal(record.is_a_template, false)
      assert.deepEqual(record.blocked_operations, {})
      assert.ok(!record.tags.includes('Understudy replica'))
      const keys = Object.keys(record.other_config).filter((key) => /^(xo:|understudy:)/.test(key))
      assert.deepEqual(keys, ['understudy:copy'])
      for (const vdi of seen.VDI.values()) {
        if (!vdi.VBDs.some((vbd) => seen.VBD.get(vbd)?.VM === ref)) continue
        assert.deepEqual(
          Object.keys(vdi.other_config).filter((key) => /^(xo:|understudy:)/.test(key)),
          [],
        )
      }
      await withXapi(target, async (xapi) => {
        await xapi.call('VM.start', [ref, false, false])
        // What its user writes, snapshots and all, is the user's.
        await target.post('/guest/random', { vm: report.vm.uuid, count: 5, seed: 'mine' })
        await xapi.call('VM.snapshot', [ref, 'of the clone'])
      })
    }
    await assertChainUnharmed(made)
    await withXapi(target, async (xapi) => {
      const all = [...(await xapi.records('VM'))].filter(([, vm]) => vm.name_label.startsWith('work '))
      for (const [ref] of all) assert.equal(await xapi.call('VM.get_power_state', [ref]), 'Running')
    })
  })

  test('interfaces of a clone: disconnected by default; on the network asked for with a new MAC, or with the old one when asked', async () => {
    const { chain } = await protect()
    const seen = await look(target)
    const vifOf = (uuid: string, from = seen) => [...from.VIF.values()].filter((vif) => from.VM.get(vif.VM)?.uuid === uuid)
    const point = restorePoints(seen, chain)[0]?.uuid as string
    const mac = vifOf(point)[0]?.MAC as string
    const [, network] = await withXapi(
      target,
      async (xapi) => [...(await xapi.records('network'))].find(([, { PIFs }]) => PIFs.length > 0) as [unknown, { uuid: string }],
    )
    const apart = await clone(chain)
    const fresh = await clone(chain, { networks: { kind: 'one', network: network.uuid } })
    const same = await clone(chain, { networks: { kind: 'replica' }, macs: 'keep' })
    const now = await look(target)
    assert.deepEqual(vifOf(apart.vm.uuid, now), [])
    assert.equal(vifOf(fresh.vm.uuid, now).length, 1)
    assert.notEqual(vifOf(fresh.vm.uuid, now)[0]?.MAC, mac)
    assert.equal(vifOf(same.vm.uuid, now)[0]?.MAC, mac)
    assert.equal(same.plan.vifs[0]?.reason.code, 'mac-kept')
    await withXapi(target, async (xapi) => {
      await xapi.call('VM.start', [await xapi.byUuid('VM', same.vm.uuid), false, false])
    })
    const clash = await clone(chain, { networks: { kind: 'replica' }, macs: 'keep' })
    assert.equal(clash.plan.vifs[0]?.reason.code, 'mac-clash', 'a VM that runs there has it by now')
    await assert.rejects(clone(chain, { networks: { kind: 'one', network: randomUUID() } }), { code: 'NETWORK_NOT_FOUND' })
  })

  test('G5, G8: a test failover starts a clone on an isolated network, sees it come up, removes everything; the chain does not notice', async () => {
    const made = await protect()
    const before = await look(target)
    const report = await rehearse(made.chain, { checks: [{ kind: 'tools' }, { kind: 'address' }] })
    assert.equal(report.outcome, 'ready')
    assert.deepEqual(
      report.evidence.map(({ check, ok }) => [check, ok]),
      [
        ['tools', true],
        ['address', true],
      ],
    )
    assert.deepEqual(report.addresses, ['127.0.0.1'])
    assert.ok(report.seconds.total >= report.seconds.clone + report.seconds.start)
    assert.ok(report.lossSeconds >= 0)
    const seen = await look(target)
    assert.deepEqual(new Set(seen.VM.keys()), new Set(before.VM.keys()))
    const managed = (from: typeof seen) => [...from.VDI].filter(([, vdi]) => vdi.managed).map(([ref]) => ref)
    assert.deepEqual(new Set(managed(seen)), new Set(managed(before)))
    await withXapi(target, async (xapi) => {
      const names = [...(await xapi.records('network')).values()].map(({ name_label: name }) => name)
      assert.ok(!names.some((name) => name.startsWith('Isolated')), names.join())
    })
    const tested = [...seen.VM.values()].find(({ uuid }) => uuid === made.points[1])
    assert.equal(readTestedMark(tested?.other_config ?? {})?.outcome, 'ready')
    await assertChainUnharmed(made)
  })

  test('kept for a look it runs with the right bytes, alone on a network without physical interface, until one action removes it', async () => {
    const made = await protect()
    const report = await rehearse(made.chain, { keep: true, wanted: { kind: 'uuid', uuid: made.points[0] as string, sr: undefined } })
    assert.equal(report.removed, false)
    const uuid = report.vm?.uuid as string
    const seen = await look(target)
    assert.deepEqual(await hashesNow(target, seen, uuid), made.states[0])
    assert.equal(vmOf(seen, uuid)[1].power_state, 'Running')
    await withXapi(target, async (xapi) => {
      const [vif] = [...seen.VIF.values()].filter(({ VM }) => VM === vmOf(seen, uuid)[0])
      assert.ok(vif)
      const network = await xapi.record('network', vif.network)
      assert.deepEqual(network.PIFs, [])
      // Safe there: the MAC of the source.
      const point = restorePoints(seen, made.chain)[0]?.uuid as string
      assert.equal(vif.MAC, [...seen.VIF.values()].find(({ VM }) => VM === vmOf(seen, point)[0])?.MAC)
      // Another test of the same chain leaves alone what was kept.
      await rehearse(made.chain)
      assert.deepEqual(
        (await findTests(optionsFor(xapi))).map(({ record }) => record.uuid),
        [uuid],
      )
      const removed = await removeTests(optionsFor(xapi), ({ id }) => id === report.id)
      assert.equal(removed.vms.length, 1)
      assert.equal(removed.networks.length, 1)
    })
    await assertChainUnharmed(made)
  })

  test('a port that answers, and a script that agrees, are evidence; a VM that does not come up is told with what was waited for', async () => {
    const made = await protect()
    const listening = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const { port } = listening.address() as { port: number }
    const ready = await rehearse(made.chain, {
      checks: [
        { kind: 'tcp', port },
        { kind: 'script', path: '/bin/true' },
      ],
    })
    assert.deepEqual(
      ready.evidence.map(({ ok }) => ok),
      [true, true],
    )
    await new Promise((resolve) => listening.close(resolve))
    const silent = await rehearse(made.chain, { checks: [{ kind: 'tcp', port }], timeoutMs: 1500 })
    assert.equal(silent.outcome, 'not-ready')
    assert.match(silent.evidence[0]?.text ?? '', /not in time/)
    assert.equal(silent.removed, true)
    const refused = await rehearse(made.chain, { checks: [{ kind: 'script', path: '/bin/false' }], timeoutMs: 500 })
    assert.match(refused.evidence[0]?.text ?? '', /ended with 1/)
    await assertChainUnharmed(made)
  })

  test('G3: a test that is killed at any call leaves what the next one removes', async () => {
    const made = await protect()
    const before = new Set((await look(target)).VM.keys())
    let calls = 0
    const counting: Meddle = async (_, __, go) => {
      calls++
      return go()
    }
    await rehearse(made.chain, { meddle: counting })
    const methods: string[] = []
    for (let at = 1; at <= calls; at++) {
      let seen = 0
      const dead = new Error('killed')
      // From the fatal call on nothing gets through any more: what a killed process leaves.
      const killer: Meddle = async (method, _, go) => {
        seen++
        if (seen === at) methods.push(method)
        if (seen > at || (seen === at && at % 2 === 0)) throw dead
        const value = await go()
        if (seen >= at) throw dead
        return value
      }
      await rehearse(made.chain, { meddle: killer }).catch(() => undefined)
    }
    assert.ok(methods.includes('VM.clone') && methods.includes('VM.start'), methods.join())
    const report = await rehearse(made.chain)
    assert.equal(report.outcome, 'ready')
    const seen = await look(target)
    assert.deepEqual(new Set(seen.VM.keys()), before)
    const held = new Set([...seen.VM.values()].flatMap(({ VBDs }) => VBDs))
    const loose = [...seen.VDI.values()].filter((vdi) => vdi.managed && !vdi.VBDs.some((vbd) => held.has(vbd)))
    assert.deepEqual(
      loose.map(({ name_label: name }) => name),
      [],
    )
    await assertChainUnharmed(made)
  })
})
