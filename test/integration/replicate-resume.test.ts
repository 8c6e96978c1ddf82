/** Transfers that break off and are taken up again. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { StartedPool } from '../support/lab.ts'
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
  replicaOf,
  replicate,
  withTwoPools,
  withXapi,
} from '../support/replicating.ts'

const SEGMENT = 8 * MIB
/** A run whose target went away can't give its lock back: the next one need not wait long for a sign of it. */
const LOCK = { beatMs: 200, patienceMs: 1500 }

/** Each waits for a pool that is away, several times over. */
const PATIENCE = { timeout: 300_000 }

describe('interrupted transfers', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  async function made(fill: number): Promise<{ vm: MadeVm; chain: Chain }> {
    const { vm } = await source.post('/vms', { name: 'big', start: true, disks: [{ size: 2 * fill, content: 'pattern', fill, seed: 'x' }] })
    return { vm, chain: chainBetween(source, target, vm) }
  }

  /** A run whose target goes away once `share` of its bytes are through; the target comes back. */
  async function interrupted(chain: Chain, share: number): Promise<void> {
    let stopping: Promise<void> | undefined
    const run = replicate(chain, {
      leastSegment: SEGMENT,
      lockTiming: LOCK,
      verify: 'off',
      onEvent: (event) => {
        if (event.kind !== 'disk' || event.bytesExpected === undefined || event.bytesDone < share * event.bytesExpected) return
        stopping ??= chain.target.post('/pool/stop')
      },
    })
    await assert.rejects(run)
    await stopping
    await chain.target.post('/pool/start')
  }

  test('a first copy cut at 90 % resumes with at most 12 % of the bytes', PATIENCE, async () => {
    const { vm, chain } = await made(512 * MIB)
    const expected = await hashesOf(source, vm)
    await interrupted(chain, 0.9)
    // What the guest writes meanwhile belongs to the next delta.
    await source.post('/guest/random', { vm: vm.uuid, count: 50, seed: 'meanwhile' })
    const resumed = await replicate(chain, { leastSegment: SEGMENT, lockTiming: LOCK })
    assert.equal(resumed.disks[0]?.reason.code, 'resumed')
    assert.ok(resumed.totals.bytesSent <= 0.12 * 512 * MIB, `${resumed.totals.bytesSent} bytes sent`)
    await assertHolds(chain, resumed.run, expected)
    const next = await replicate(chain)
    assert.equal(next.disks[0]?.mode, 'delta')
    assert.equal(next.totals.changedBytes, 50 * 65536)
    await assertHolds(chain, next.run, await hashesOf(source, vm))
    const seen = await look(target)
    assertProtected(seen, chain)
    assertNoLeftovers(await look(source), seen, chain, vm)
  })

  test('a large delta resumes as well, onto the same disk', PATIENCE, async () => {
    const { vm, chain } = await made(64 * MIB)
    await replicate(chain)
    const { bytes } = (await source.post('/guest/random', { vm: vm.uuid, bytes: 96 * MIB, seed: 'large' })) as { bytes: number }
    const expected = await hashesOf(source, vm)
    await interrupted(chain, 0.7)
    await source.post('/guest/random', { vm: vm.uuid, count: 20, seed: 'later' })
    const resumed = await replicate(chain, { leastSegment: SEGMENT, lockTiming: LOCK })
    assert.equal(resumed.disks[0]?.reason.code, 'resumed')
    assert.equal(resumed.disks[0]?.mode, 'delta')
    assert.ok(resumed.totals.bytesSent <= 0.45 * bytes, `${resumed.totals.bytesSent} of ${bytes}`)
    await assertHolds(chain, resumed.run, expected)
    const next = await replicate(chain)
    await assertHolds(chain, next.run, await hashesOf(source, vm))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('without the interrupted snapshot it is a new copy, with the reason said', PATIENCE, async () => {
    const { vm, chain } = await made(128 * MIB)
    await interrupted(chain, 0.6)
    const seen = await look(source)
    await withXapi(source, async (xapi) => {
      for (const [ref, record] of seen.VM) if (record.name_label.startsWith(`understudy ${chain.job}`)) await xapi.call('VM.destroy', [ref])
    })
    const report = await replicate(chain, { lockTiming: LOCK })
    assert.equal(report.disks[0]?.reason.code, 'first-copy-interrupted')
    await assertHolds(chain, report.run, await hashesOf(source, vm))
  })

  test('G2: what somebody else wrote to the disk after the interruption is not built on', PATIENCE, async () => {
    const { vm, chain } = await made(64 * MIB)
    await replicate(chain)
    await source.post('/guest/random', { vm: vm.uuid, bytes: 64 * MIB, region: { offset: 0, length: 96 * MIB }, seed: 'large' })
    const expected = await hashesOf(source, vm)
    await interrupted(chain, 0.7)
    const seen = await look(target)
    await withXapi(target, async (xapi) => {
      const disk = await xapi.byUuid('VDI', disksOfVm(seen, replicaOf(seen, chain))[0] as string)
      const stream = await xapi.importVdi({ vdi: disk, format: 'raw', chunked: true })
      const frame = Buffer.alloc(12)
      // Beyond everything that the guest wrote.
      frame.writeUInt32LE(120 * MIB, 0)
      frame.writeUInt32LE(4096, 8)
      await stream.write(frame, Buffer.alloc(4096, 9), Buffer.alloc(12))
      await stream.finish()
    })
    const report = await replicate(chain, { leastSegment: SEGMENT, lockTiming: LOCK })
    assert.ok(report.disks[0]?.mode === 'delta')
    await assertHolds(chain, report.run, expected)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('a cancelled run leaves nothing behind, also when segments were finished', PATIENCE, async () => {
    const { chain } = await made(256 * MIB)
    const stop = new AbortController()
    const run = replicate(chain, {
      leastSegment: SEGMENT,
      lockTiming: LOCK,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.kind === 'disk' && event.bytesDone > 128 * MIB) stop.abort(new Error('cancelled by the test'))
      },
    })
    await assert.rejects(run, /cancelled by the test/)
    const [left, right] = [await look(source), await look(target)]
    assert.deepEqual(
      [...left.VM.values()].filter(({ name_label: name }) => name.includes(chain.job)),
      [],
    )
    assert.deepEqual(
      [...right.VM.values()].filter(({ other_config: config }) => config['understudy:replica']?.includes(chain.job)),
      [],
    )
    const marked = [...left.VDI.values(), ...right.VDI.values()].filter(({ other_config: config }) =>
      Object.values(config).some((value) => value.includes(chain.job)),
    )
    assert.deepEqual(marked, [])
  })
})
