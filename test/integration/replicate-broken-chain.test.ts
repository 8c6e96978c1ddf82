/** What happens when a delta is not possible any more: a full copy with its reason, a refusal, or a repair. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import type { StartedPool } from '../support/lab.ts'
import {
  assertHoldsNow,
  assertNoLeftovers,
  type Chain,
  chainBetween,
  look,
  type MadeVm,
  MIB,
  makeVm,
  replicate,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

/** See replicate-resume.test.ts. */
const LOCK = { beatMs: 200, patienceMs: 1500 }

describe('a broken chain', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  /** A VM with a restore point whose base the source has lost, and some writes since. */
  async function broken(): Promise<{ vm: MadeVm; chain: Chain }> {
    const vm = await makeVm(source, [128 * MIB])
    const chain = chainBetween(source, target, vm)
    await replicate(chain)
    await withXapi(source, async (xapi) => {
      for (const [ref, vdi] of await xapi.records('VDI')) {
        if (vdi.type === 'cbt_metadata' && vdi.other_config['xo:backup:job'] === chain.job) await xapi.call('VDI.destroy', [ref])
      }
    })
    await source.post('/guest/random', { vm: vm.uuid, count: 20, seed: randomUUID() })
    return { vm, chain }
  }

  test('G6: a job that asks gets a refusal with the reason, and nothing is touched', async () => {
    const { chain } = await broken()
    const before = await look(target)
    await assert.rejects(replicate(chain, { onBrokenChain: 'refuse' }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'FULL_REFUSED')
      assert.match(error.message, /disk 0: the source has no snapshot or record of changes left/)
      return true
    })
    assert.deepEqual([...(await look(target)).VDI.keys()].sort(), [...before.VDI.keys()].sort())
    const first = await makeVm(source, [64 * MIB])
    await replicate({ ...chain, vm: first.uuid, job: randomUUID() }, { onBrokenChain: 'refuse' })
  })

  test('G2: a repair compares both sides, sends only what differs, and the chain goes on from there', async () => {
    const { vm, chain } = await broken()
    const report = await replicate(chain, { onBrokenChain: 'repair' })
    assert.equal(report.disks[0]?.reason.code, 'repair')
    assert.ok(report.totals.bytesSent <= 1.05 * 20 * 65536, `${report.totals.bytesSent} sent`)
    await assertHoldsNow(chain, report.run, vm)
    await source.post('/guest/random', { vm: vm.uuid, count: 3, seed: randomUUID() })
    const next = await replicate(chain, { onBrokenChain: 'refuse' })
    assert.equal(next.disks[0]?.mode, 'delta')
    await assertHoldsNow(chain, next.run, vm)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('a repair also zeroes what the source no longer holds', async () => {
    const { vm, chain } = await broken()
    const extents = [{ offset: 0, length: 8 * MIB }]
    await source.post('/guest/write', { vm: vm.uuid, extents, pattern: { kind: 'zero' } })
    const report = await replicate(chain, { onBrokenChain: 'repair' })
    assert.equal(report.disks[0]?.reason.code, 'repair')
    await assertHoldsNow(chain, report.run, vm)
  })

  test('a repair whose target went away in the middle is repaired by the next run', async () => {
    const { vm, chain } = await broken()
    await source.post('/guest/random', { vm: vm.uuid, bytes: 48 * MIB, seed: randomUUID() })
    let stopping: Promise<void> | undefined
    const run = replicate(chain, {
      onBrokenChain: 'repair',
      leastSegment: 8 * MIB,
      lockTiming: LOCK,
      onEvent: (event) => {
        if (event.kind === 'disk' && event.bytesDone > 20 * MIB) stopping ??= target.post('/pool/stop')
      },
    })
    await assert.rejects(run)
    await stopping
    await target.post('/pool/start')
    const report = await replicate(chain, { onBrokenChain: 'repair', lockTiming: LOCK })
    assert.equal(report.disks[0]?.reason.code, 'repair')
    await assertHoldsNow(chain, report.run, vm)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('a disk that was moved to another storage is repaired instead of sent again', async () => {
    const vm = await makeVm(source, [64 * MIB], { start: false })
    const chain = chainBetween(source, target, vm)
    await replicate(chain)
    // What a storage migration amounts to: another disk with the same content in the same place.
    const moved = await withXapi(source, async (xapi) => {
      const ref = await xapi.byUuid('VM', vm.uuid)
      const old = await xapi.byUuid('VDI', vm.disks[0]?.vdi as string)
      const sr = await xapi.byUuid('SR', source.srs[1]?.uuid as string)
      const copy = await xapi.call<never>('VDI.copy', [old, sr])
      for (const vbd of (await xapi.record('VM', ref)).VBDs) {
        const record = await xapi.record('VBD', vbd)
        if (record.VDI !== old) continue
        await xapi.call('VBD.destroy', [vbd])
        await xapi.call('VBD.create', [{ ...record, VDI: copy, other_config: {}, currently_attached: false }])
      }
      return (await xapi.record('VDI', copy)).uuid
    })
    const report = await replicate(chain, { onBrokenChain: 'repair' })
    assert.equal(report.disks[0]?.reason.code, 'repair')
    assert.ok(report.totals.bytesSent < MIB, `${report.totals.bytesSent} sent`)
    const now = { uuid: vm.uuid, disks: [{ userdevice: '0', vdi: moved, size: 64 * MIB }] }
    await assertHoldsNow(chain, report.run, now)
    assert.equal((await replicate(chain)).disks[0]?.mode, 'delta')
  })
})
