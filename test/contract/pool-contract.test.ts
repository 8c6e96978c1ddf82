/**
 * What the engine relies on of XAPI, tried on a simulated pool, and on a real one when the environment names it (docs/contract-suite.md): first
 * the doctor's checks, then what only a developer wants to know.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import { END_FRAME, frameHeader } from '../../src/block/chunked-frame.ts'
import { decodeChangedBlocks } from '../../src/replication/block-source.ts'
import { isGone, whenDetached } from '../../src/replication/destroy.ts'
import type { CheckReport } from '../../src/replication/doctor/check.ts'
import { CHECKS, runDoctor } from '../../src/replication/doctor/doctor.ts'
import { scratchOwner } from '../../src/replication/doctor/scratch.ts'
import { GRANULE, MIB, readBack, writeRandom } from '../../src/replication/doctor/scratch-disk.ts'
import { makeVm } from '../../src/replication/doctor/vm-checks.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type ContractCandidate, type ContractPool, contractPools, type MadeDisk } from '../support/contract-pool.ts'

/** A real pool takes its time, above all to let go of disks. */
const LIMIT = { timeout: 900_000 }

/** Speeds are no contract. */
const TRIED = CHECKS.filter(({ id }) => !['write-speed', 'read-speed', 'latency', 'clock'].includes(id))

const refused = (code: string, params?: readonly string[]) => (error: unknown) =>
  error instanceof XapiError && error.code === code && (params === undefined || params.every((param, nth) => error.params[nth] === param))

for (const candidate of contractPools()) {
  describe(`what the doctor tries, on ${candidate.name}`, LIMIT, () => {
    const reports = new Map<string, CheckReport>()
    before(async () => {
      const pool = await candidate.open()
      try {
        const owner = scratchOwner(randomUUID())
        const { sides } = await runDoctor({ pools: [pool.bench.pool], owner, signal: pool.signal, checks: TRIED })
        for (const report of sides[0]?.checks ?? []) reports.set(report.id, report)
      } finally {
        await pool.close()
      }
    })
    for (const { id, title } of [...TRIED, { id: 'nothing-left', title: 'Nothing left behind' }]) {
      test(`${title} (${id})`, (t) => {
        const { outcome, detail } = reports.get(id) ?? { outcome: 'failed', detail: 'it was not tried' }
        if (candidate.mustHaveAll) assert.equal(outcome, 'ok', detail)
        else if (outcome === 'not-run' || outcome === 'warning') t.skip(detail)
        else assert.equal(outcome, 'ok', detail)
      })
    }
  })
  describe(`what the engine relies on, on ${candidate.name}`, LIMIT, () => reliedOn(candidate))
}

function reliedOn(candidate: ContractCandidate): void {
  let pool: ContractPool
  let xapi: Xapi
  before(async () => {
    pool = await candidate.open()
    xapi = pool.bench.connected as Xapi
  })
  afterEach(() => pool.removeAll())
  after(() => pool?.close())

  const signal = new AbortController().signal
  const write = (disk: MadeDisk, ...granules: readonly number[]) =>
    writeRandom(
      pool.bench,
      disk,
      [...granules].sort((a, b) => a - b).map((nth) => ({ offset: nth * GRANULE, length: GRANULE })),
      signal,
    )
  const snapshotOf = async (ref: Ref<'VDI'>) =>
    (await whenDetached(xapi, ref, signal, () => xapi.callAsync('VDI.snapshot', [ref, {}]))) as Ref<'VDI'>
  const contentOf = async (ref: Ref<'VDI'>, size: number) => (await readBack(pool.bench, ref, size, signal)).content
  const assertContent = async (ref: Ref<'VDI'>, expected: Buffer, what: string) =>
    assert.ok((await contentOf(ref, expected.length)).equals(expected), what)
  const destroy = (ref: Ref<'VDI'>) => whenDetached(xapi, ref, signal, () => xapi.call('VDI.destroy', [ref]))

  async function vmWithDisk(): Promise<{ vm: Ref<'VM'>; disk: MadeDisk }> {
    const disk = await pool.makeDisk()
    pool.bench.scratch = disk
    await makeVm.run(pool.bench, signal)
    return { vm: pool.bench.vm as Ref<'VM'>, disk }
  }

  /** Tracking is a matter of licence and storage: a real pool may lack it. */
  async function tracked(t: TestContext, disk: MadeDisk): Promise<boolean> {
    try {
      await xapi.callAsync('VDI.enable_cbt', [disk.ref])
      return true
    } catch (error) {
      if (candidate.mustHaveAll || !(error instanceof XapiError)) throw error
      t.skip(`no change tracking here: ${error.code}`)
      return false
    }
  }

  async function changed(from: Ref<'VDI'>, to: Ref<'VDI'>, size: number): Promise<number[]> {
    const list = () => xapi.callAsync('VDI.list_changed_blocks', [from, to])
    const bitmap = decodeChangedBlocks(String(await whenDetached(xapi, to, signal, list)), size)
    return Array.from({ length: size / GRANULE }, (_, nth) => nth).filter((nth) => ((bitmap[nth >> 3] as number) >> (7 - (nth & 7))) & 1)
  }

  test('a session that the pool has ended is replaced by the client, and the call goes through', async () => {
    const { session } = xapi
    await xapi.call('session.logout', [])
    assert.ok((await xapi.records('SR')).size > 0)
    assert.notEqual(xapi.session, session)
  })

  test('objects that are gone, or never were, are told by HANDLE_INVALID and UUID_INVALID', async () => {
    const { ref } = await pool.makeDisk()
    const { uuid } = await xapi.record('VDI', ref)
    await destroy(ref)
    await assert.rejects(xapi.record('VDI', ref), refused('HANDLE_INVALID', ['VDI', ref]))
    for (const none of [uuid, randomUUID()]) await assert.rejects(xapi.byUuid('VDI', none), isGone)
  })

  test('a key is added once: the second to come is refused, and removing what is not there is no error', async () => {
    const { ref } = await pool.makeDisk()
    await xapi.call('VDI.add_to_other_config', [ref, 'understudy:contract', 'one'])
    await assert.rejects(xapi.call('VDI.add_to_other_config', [ref, 'understudy:contract', 'two']), refused('MAP_DUPLICATE_KEY'))
    await xapi.call('VDI.remove_from_other_config', [ref, 'understudy:contract'])
    await xapi.call('VDI.remove_from_other_config', [ref, 'understudy:contract'])
    assert.equal((await xapi.record('VDI', ref)).other_config['understudy:contract'], undefined)
  })

  test('records are found by several uuids in one call', async () => {
    const disks = [await pool.makeDisk(), await pool.makeDisk()]
    const uuids = await Promise.all(disks.map(async ({ ref }) => (await xapi.record('VDI', ref)).uuid))
    const wanted = [...uuids, randomUUID()].map((uuid) => `field "uuid" = "${uuid}"`).join(' or ')
    const found = await xapi.call<Record<string, RecordOf['VDI']>>('VDI.get_all_records_where', [wanted])
    assert.deepEqual(Object.keys(found).sort(), disks.map(({ ref }) => String(ref)).sort())
  })

  test('a task that fails says so with the code and parameters that the plain call gives', async () => {
    const { vm } = await vmWithDisk()
    const reason = (await xapi.record('VM', vm)).blocked_operations.start as string
    for (const how of ['call', 'callAsync'] as const)
      await assert.rejects(xapi[how]('VM.start', [vm, true, false]), refused('OPERATION_BLOCKED', [vm, reason]), how)
  })

  test('an object that goes away is told by an event to whoever waits for it', async () => {
    const { ref } = await pool.makeDisk()
    const watching = Promise.withResolvers<void>()
    const isGoneNow = (record: RecordOf['VDI'] | undefined) => {
      watching.resolve()
      return record === undefined
    }
    const gone = xapi.waitFor('VDI', ref, isGoneNow, { timeoutMs: 120_000 })
    gone.catch(watching.reject)
    await watching.promise
    await destroy(ref)
    await gone
  })

  test('a snapshot of a disk names what it is of, inherits name and keys, and holds its moment whatever comes later', async () => {
    const disk = await pool.makeDisk()
    await write(disk, 1, 2, 100)
    const first = { ref: await snapshotOf(disk.ref), content: Buffer.from(disk.content) }
    await write(disk, 2, 3)
    const second = { ref: await snapshotOf(disk.ref), content: Buffer.from(disk.content) }
    await write(disk, 100)
    const [record, of] = [await xapi.record('VDI', first.ref), await xapi.record('VDI', disk.ref)]
    assert.deepEqual([record.is_a_snapshot, record.snapshot_of, record.name_label], [true, disk.ref, of.name_label])
    assert.deepEqual(Object.keys(record.other_config).sort(), Object.keys(of.other_config).sort())
    await assertContent(first.ref, first.content, 'the first snapshot')
    await assertContent(disk.ref, disk.content, 'the disk')
    await destroy(first.ref)
    await assertContent(second.ref, second.content, 'the second, after the first went')
    const clone = (await xapi.callAsync('VDI.clone', [second.ref, {}])) as Ref<'VDI'>
    assert.equal((await xapi.record('VDI', clone)).is_a_snapshot, false)
    await assertContent(clone, second.content, 'a clone of the second')
    const written = { ...disk, ref: clone, content: Buffer.from(second.content) }
    await write(written, 50)
    await assertContent(clone, written.content, 'the clone, written')
    await assertContent(second.ref, second.content, 'the second, after its clone was written')
  })

  test('change tracking: lists over one and over several snapshots, also once their data is gone; never backwards', async (t) => {
    const disk = await pool.makeDisk()
    if (!(await tracked(t, disk))) return
    await write(disk, 0)
    const a = await snapshotOf(disk.ref)
    await write(disk, 3, 7)
    const b = await snapshotOf(disk.ref)
    await write(disk, 7, disk.size / GRANULE - 1)
    const c = await snapshotOf(disk.ref)
    assert.ok((await xapi.record('VDI', b)).cbt_enabled, 'a snapshot of a tracked disk is tracked')
    const last = disk.size / GRANULE - 1
    for (const data of ['with their data', 'without']) {
      assert.deepEqual(await changed(a, b, disk.size), [3, 7], `a to b, ${data}`)
      assert.deepEqual(await changed(b, c, disk.size), [7, last], `b to c, ${data}`)
      assert.deepEqual(await changed(a, c, disk.size), [3, 7, last], `a to c, ${data}`)
      await assert.rejects(changed(c, a, disk.size), XapiError, `backwards, ${data}`)
      if (data === 'without') break
      for (const ref of [a, b]) await whenDetached(xapi, ref, signal, () => xapi.call('VDI.data_destroy', [ref]))
    }
    for (const ref of [a, b]) assert.equal((await xapi.record('VDI', ref)).type, 'cbt_metadata')
    await assertContent(c, disk.content, 'the one that kept its data')
    await assert.rejects(contentOf(a, disk.size), XapiError, 'there is nothing to read any more')
    await assert.rejects(xapi.call('VDI.data_destroy', [disk.ref]), XapiError, 'a disk is not reduced to its record')
  })

  test('change tracking: what a disk grew by is zeroes, and is not listed', async (t) => {
    const disk = await pool.makeDisk()
    if (!(await tracked(t, disk))) return
    await write(disk, 0)
    const before = await snapshotOf(disk.ref)
    await whenDetached(xapi, disk.ref, signal, () => xapi.callAsync('VDI.resize', [disk.ref, disk.size + 4 * MIB]))
    const size = (await xapi.record('VDI', disk.ref)).virtual_size
    const grown = { ref: disk.ref, size, content: Buffer.concat([disk.content, Buffer.alloc(size - disk.size)]) }
    await write(grown, 5, size / GRANULE - 1)
    const afterwards = await snapshotOf(disk.ref)
    assert.deepEqual(await changed(before, afterwards, size), [5, size / GRANULE - 1])
    await assertContent(afterwards, grown.content, 'the grown disk')
  })

  /** Frames of (offset, bytes), one import. */
  async function importFrames(ref: Ref<'VDI'>, frames: readonly (readonly [offset: number, data: Buffer])[], end: 'finish' | 'abort') {
    const stream = await xapi.importVdi({ vdi: ref, format: 'raw', chunked: true, signal })
    try {
      for (const [offset, data] of frames) await stream.write(frameHeader(offset, data.length), data)
      if (end === 'abort') return await stream.abort()
      await stream.write(END_FRAME)
      await stream.finish()
    } catch (error) {
      await stream.abort()
      throw error
    }
  }

  test('a chunked import writes any sectors in any order, the later frame wins, and all else stays as it was', async () => {
    const disk = await pool.makeDisk()
    await write(disk, 0, 1, 20, 100)
    const frames = [
      [disk.size - 512, Buffer.alloc(512, 1)],
      [GRANULE - 512, Buffer.alloc(1024, 2)],
      [20 * GRANULE + 4096, Buffer.alloc(3 * 512, 3)],
      [20 * GRANULE + 4608, Buffer.alloc(512, 4)],
      [3 * MIB, Buffer.alloc(MIB + 512, 5)],
    ] as const
    await importFrames(disk.ref, frames, 'finish')
    for (const [offset, data] of frames) data.copy(disk.content, offset)
    await assertContent(disk.ref, disk.content, 'after the import')
    await importFrames(disk.ref, [], 'finish')
    await assertContent(disk.ref, disk.content, 'after an import of nothing')
  })

  test('two imports into one disk at once come out right', async () => {
    const disk = await pool.makeDisk()
    const half = disk.size / 2
    const parts = [0, 1].map((nth) =>
      Array.from({ length: 8 }, (_, at) => [nth * half + at * GRANULE, Buffer.alloc(GRANULE, 10 * nth + at + 1)] as const),
    )
    await Promise.all(parts.map((frames) => importFrames(disk.ref, frames, 'finish')))
    for (const [offset, data] of parts.flat()) data.copy(disk.content, offset)
    await assertContent(disk.ref, disk.content, 'both parts')
  })

  test('an import that is broken off fails its task, lets go of the disk, and leaves what it did not name', async () => {
    const disk = await pool.makeDisk()
    await write(disk, 0, 64)
    await importFrames(disk.ref, [[MIB, Buffer.alloc(GRANULE, 7)]], 'abort')
    const found = await contentOf(disk.ref, disk.size)
    found.copy(disk.content, MIB, MIB, MIB + GRANULE)
    assert.ok(found.equals(disk.content), 'all but the part that was under way')
    await write(disk, 16, 17)
    await assertContent(disk.ref, disk.content, 'written again')
  })

  test('a disk under import is not destroyed, and can be afterwards', async () => {
    const disk = await pool.makeDisk()
    const stream = await xapi.importVdi({ vdi: disk.ref, format: 'raw', chunked: true, signal })
    await stream.write(frameHeader(0, 512), Buffer.alloc(512, 1))
    await assert.rejects(
      async () => {
        // It takes a moment until the control domain has it.
        await xapi.waitFor('VDI', disk.ref, (record) => (record?.VBDs.length ?? 1) > 0, { timeoutMs: 60_000 })
        await xapi.call('VDI.destroy', [disk.ref])
      },
      refused('VDI_IN_USE', [disk.ref]),
    )
    await stream.write(END_FRAME)
    await stream.finish()
    await destroy(disk.ref)
    await assert.rejects(xapi.record('VDI', disk.ref), isGone)
  })

  test('G4: what blocks an operation is kept by neither snapshot nor clone, and comes back with a revert', async () => {
    const { vm, disk } = await vmWithDisk()
    await write(disk, 9)
    const snapshot = (await whenDetached(xapi, disk.ref, signal, () =>
      xapi.callAsync('VM.snapshot', [vm, 'understudy doctor contract']),
    )) as Ref<'VM'>
    const clone = (await xapi.callAsync('VM.clone', [snapshot, 'understudy doctor contract clone'])) as Ref<'VM'>
    for (const ref of [snapshot, clone]) assert.deepEqual((await xapi.record('VM', ref)).blocked_operations, {})
    const before = await xapi.record('VM', vm)
    assert.deepEqual(Object.keys(before.blocked_operations).sort(), ['start', 'start_on'])
    await xapi.call('VM.set_blocked_operations', [vm, {}])
    await whenDetached(xapi, disk.ref, signal, () => xapi.callAsync('VM.revert', [snapshot]))
    assert.deepEqual((await xapi.record('VM', vm)).blocked_operations, before.blocked_operations)
    const [vbd] = (await xapi.record('VM', vm)).VBDs
    const { VDI: now } = await xapi.record('VBD', vbd as Ref<'VBD'>)
    await assertContent(now, disk.content, 'the disk after the revert')
  })

  test('a blocked operation is blocked under its own name only', async () => {
    const { vm, disk } = await vmWithDisk()
    await xapi.call('VM.set_blocked_operations', [vm, { start: 'a', start_on: 'b', snapshot: 'c' }])
    const take = () => xapi.callAsync('VM.snapshot', [vm, 'understudy doctor contract'])
    await assert.rejects(whenDetached(xapi, disk.ref, signal, take), refused('OPERATION_BLOCKED', [vm, 'c']))
    await xapi.call('VM.remove_from_blocked_operations', [vm, 'snapshot'])
    const snapshot = (await take()) as Ref<'VM'>
    const record = await xapi.record('VM', snapshot)
    assert.deepEqual([record.is_a_snapshot, record.is_a_template, record.snapshot_of], [true, true, vm])
  })

  test('a snapshot of a VM leaves out the disks that are named, and its disks name what they are of', async () => {
    const { vm, disk } = await vmWithDisk()
    const other = await pool.makeDisk()
    const vbd = await xapi.record('VBD', (await xapi.record('VM', vm)).VBDs[0] as Ref<'VBD'>)
    await xapi.call('VBD.create', [
      {
        ...{ VM: vm, VDI: other.ref, userdevice: '1', bootable: false, mode: 'RW', type: 'Disk', empty: false, unpluggable: true },
        ...{ other_config: {}, qos_algorithm_type: vbd.qos_algorithm_type, qos_algorithm_params: {} },
      },
    ])
    const snapshot = (await xapi.callAsync('VM.snapshot', [vm, 'understudy doctor contract', [other.ref]])) as Ref<'VM'>
    const { VBDs } = await xapi.record('VM', snapshot)
    const [only, ...more] = await Promise.all(VBDs.map((ref) => xapi.record('VBD', ref)))
    assert.deepEqual([only?.userdevice, more], ['0', []])
    assert.equal((await xapi.record('VDI', only?.VDI as Ref<'VDI'>)).snapshot_of, disk.ref)
  })

  test('a VM that goes leaves its disks, and a disk that goes takes its attachments', async () => {
    const { vm, disk } = await vmWithDisk()
    const [vbd] = (await xapi.record('VM', vm)).VBDs
    await destroy(disk.ref)
    await assert.rejects(xapi.record('VBD', vbd as Ref<'VBD'>), refused('HANDLE_INVALID', ['VBD', vbd as string]))
    const second = await vmWithDisk()
    await xapi.call('VM.destroy', [second.vm])
    assert.deepEqual((await xapi.record('VDI', second.disk.ref)).VBDs, [])
  })
}
