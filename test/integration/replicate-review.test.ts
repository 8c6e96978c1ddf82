/** What could go wrong with a chain behind its back: other people's hands, other runs, pools that answer late or not at all. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import {
  assertNoLeftovers,
  type Chain,
  hashesOf,
  hashOf,
  look,
  type MadeVm,
  type Meddle,
  MIB,
  makeVm,
  type RunChanges,
  replicate,
  restorePoints,
  withXapi,
} from '../support/replicating.ts'

describe('a chain that others meddle with', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
  })
  after(() => lab.close())

  const chainOf = (vm: MadeVm, more: Partial<Chain> = {}): Chain => {
    return { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID(), ...more }
  }
  const write = (vm: MadeVm, userdevice: string, count: number, seed: string) =>
    source.post('/guest/random', { vm: vm.uuid, userdevice, count, seed }) as Promise<{ bytes: number }>

  async function assertHolds(chain: Chain, run: string, expected: Record<string, string>): Promise<void> {
    const point = restorePoints(await look(chain.target), chain).find((candidate) => candidate.run === run)
    assert.ok(point, `restore point of run ${run}`)
    const found = await Promise.all(Object.entries(point.disks).map(async ([device, vdi]) => [device, await hashOf(chain.target, vdi)]))
    assert.deepEqual(Object.fromEntries(found), expected)
  }

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
})
