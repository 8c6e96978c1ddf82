/** Conditions of a simulated pool that hold until they are cleared: no chunked import, an older XAPI, a full SR, disks that stay in use. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Refstring, Row } from '../../src/lab/pool.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { exported, type FaultyPool, faultyPool, frame, imported, MIB } from '../support/faulty-pool.ts'
import { needs } from '../support/programs.ts'

const run = promisify(execFile)
let lab: FaultyPool
before(async () => {
  lab = await faultyPool()
})
after(() => lab[Symbol.asyncDispose]())
beforeEach(() => lab.faults.clearAll())

const code = (wanted: string) => (error: unknown) => error instanceof XapiError && error.code === wanted

/** An import by curl: the status it got, and how its task ended. */
async function put(ref: Ref<'VDI'>, data: string): Promise<{ status: string; task: unknown; error: unknown }> {
  const task = await lab.xapi.call<string>('task.create', ['import', ''])
  const url = `${lab.started.url}/import_raw_vdi?session_id=${lab.xapi.session}&vdi=${ref}&task_id=${task}&format=raw&chunked=true`
  const { stdout } = await run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', '-X', 'PUT', '--data-binary', data, url])
  for (;;) {
    const row = lab.pool.db.get('task', task)
    if (row.status !== 'pending') return { status: stdout, task: row.status, error: row.error_info }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('a pool without chunked import', () => {
  test('refuses it as XAPI refuses chunks of other formats', needs('curl'), async () => {
    const { ref } = await lab.newDisk()
    await lab.set({ kind: 'no-chunked-import' })
    assert.deepEqual(await put(ref, 'x'), { status: '404', task: 'failure', error: ['INTERNAL_ERROR', 'Cannot handle chunked VHD'] })
    await assert.rejects(imported(lab.xapi, ref, frame(0, Buffer.alloc(512, 1))))
    assert.equal(lab.pool.storage.disk(ref).read(0, 512)[0], 0)
  })

  test('ignores the parameter, and takes the frames for the disk', needs('curl'), async () => {
    const { ref, uuid } = await lab.newDisk()
    await lab.set({ kind: 'no-chunked-import', how: 'ignore', match: { vdi: uuid } })
    assert.equal((await put(ref, 'abc')).task, 'success')
    assert.equal(lab.pool.storage.disk(ref).read(0, 512).toString('latin1', 0, 3), 'abc')
    const other = await lab.newDisk()
    await imported(lab.xapi, other.ref, frame(0, Buffer.alloc(512, 1)))
    assert.equal(lab.pool.storage.disk(other.ref).read(0, 512)[0], 1)
  })

  test('accepts it and fails with an I/O error', needs('curl'), async () => {
    const { ref } = await lab.newDisk()
    await lab.set({ kind: 'no-chunked-import', how: 'io-error' })
    const { task, error } = await put(ref, 'abc')
    assert.deepEqual([task, error], ['failure', ['VDI_IO_ERROR', 'Device I/O errors']])
  })
})

describe('an older XAPI', () => {
  test('does not know later fields and messages, and destroys no task that has not ended', async () => {
    const [vm] = await lab.xapi.call<string[]>('VM.get_all', [])
    assert.ok('groups' in (await lab.xapi.call<Row>('VM.get_record', [vm])))
    await lab.set({ kind: 'older-xapi' })
    assert.ok(!('groups' in (await lab.xapi.call<Row>('VM.get_record', [vm]))))
    const all = Object.values(await lab.xapi.call<Record<string, Row>>('VM.get_all_records', []))
    assert.ok(all.length > 0 && all.every((row) => !('groups' in row) && 'blocked_operations' in row))
    const { events } = await lab.xapi.call<{ events: { snapshot: Row }[] }>('event.from', [['vm'], '', 1])
    assert.ok(events.length > 0 && events.every(({ snapshot }) => !('groups' in snapshot)))
    await assert.rejects(lab.xapi.call('VM.get_groups', [vm]), code('MESSAGE_METHOD_UNKNOWN'))
    await assert.rejects(lab.xapi.call('VDI.revert', ['x', 'y']), code('MESSAGE_METHOD_UNKNOWN'))
    const task = await lab.xapi.call('task.create', ['mine', ''])
    await assert.rejects(lab.xapi.call('task.destroy', [task]), code('OPERATION_NOT_ALLOWED'))
    await lab.xapi.call('task.set_status', [task, 'cancelled'])
    await lab.xapi.call('task.destroy', [task])
  })

  test('keeps allowed_operations as they were when blocked_operations change, until it is told to look', async () => {
    const [template] = lab.pool.db.refs('VM').filter((ref) => lab.pool.db.get('VM', ref).is_a_template === true)
    const vm = await lab.xapi.call<string>('VM.clone', [template, 'vm'])
    await lab.set({ kind: 'older-xapi' })
    const allows = async () => (await lab.xapi.call<string[]>('VM.get_allowed_operations', [vm])).includes('clone')
    assert.equal(await allows(), true)
    await lab.xapi.call('VM.add_to_blocked_operations', [vm, 'clone', 'no'])
    assert.equal(await allows(), true)
    await assert.rejects(lab.xapi.call('VM.clone', [vm, 'x']), code('OPERATION_BLOCKED'))
    await lab.xapi.call('VM.update_allowed_operations', [vm])
    assert.equal(await allows(), false)
    await lab.xapi.call('VM.remove_from_blocked_operations', [vm, 'clone'])
    assert.equal(await allows(), false)
    lab.faults.clearAll()
    await lab.xapi.call('VM.update_allowed_operations', [vm])
    assert.equal(await allows(), true)
  })
})

test('an SR that is full after n bytes: writes fail as on a full file system, new disks with its own error', async () => {
  const { ref } = await lab.newDisk(64 * MIB)
  const uuid = lab.started.srs[0]?.uuid
  await lab.set({ kind: 'sr-full', bytes: 9 * MIB, match: { sr: uuid } })
  const frames = Array.from({ length: 16 }, (_, n) => frame(n * 2 * MIB, Buffer.alloc(2 * MIB, 1)))
  await assert.rejects(imported(lab.xapi, ref, ...frames), code('VDI_IO_ERROR'))
  const disk = lab.pool.storage.disk(ref)
  assert.deepEqual([disk.read(6 * MIB, 512)[0], disk.read(10 * MIB, 512)[0]], [1, 0])
  await assert.rejects(lab.newDisk(64 * MIB), code('SR_BACKEND_FAILURE_44'))
  assert.deepEqual(lab.fired().slice(-1), ['sr-full'])
  lab.faults.clearAll()
  await imported(lab.xapi, ref, ...frames)
  assert.equal(disk.read(30 * MIB, 512)[0], 1)
})

test("dom0's attachment lingers: the disk is in use for a while after the transfer", async () => {
  const { ref, uuid } = await lab.newDisk()
  await lab.set({ kind: 'linger', seconds: 30, match: { vdi: uuid } })
  const reading = exported(lab.xapi, ref)
  while (lab.fired().at(-1) !== 'linger') await new Promise(setImmediate)
  await assert.rejects(lab.xapi.call('VDI.destroy', [ref]), code('VDI_IN_USE'))
  assert.equal((lab.pool.db.get('VDI', ref).VBDs as readonly Refstring[]).length, 1)
  lab.faults.clearAll()
  await reading
  await lab.xapi.call('VDI.destroy', [ref])
})

test('VDI_IN_USE for seconds after a detach, although no VBD is left', async () => {
  const { ref, uuid } = await lab.newDisk()
  await lab.set({ kind: 'vdi-in-use', seconds: 2, match: { vdi: uuid } })
  const since = performance.now()
  await imported(lab.xapi, ref, frame(0, Buffer.alloc(512, 1)))
  for (;;) {
    if (lab.fired().at(-1) === 'vdi-in-use') break
    await new Promise(setImmediate)
  }
  assert.deepEqual(lab.pool.db.get('VDI', ref).VBDs, [])
  await assert.rejects(lab.xapi.call('VDI.destroy', [ref]), code('VDI_IN_USE'))
  await assert.rejects(lab.xapi.call('VDI.resize', [ref, String(32 * MIB)]), code('VDI_IN_USE'))
  for (;;) {
    const gone = await lab.xapi.call('VDI.destroy', [ref]).then(
      () => true,
      (error) => !code('VDI_IN_USE')(error),
    )
    if (gone) break
    assert.ok(performance.now() - since < 60_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.ok(performance.now() - since >= 2000)
})

describe('through the control address', () => {
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const url = new URL(path, lab.started.control)
    const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    // biome-ignore lint/suspicious/noExplicitAny: answers are as different as the requests
    return { status: response.status, body: (await response.json()) as any }
  }

  test('faults are set, listed, told when they struck, and cleared, one or all', async () => {
    const made = await ask('POST', '/faults', { kind: 'error', code: 'SR_FULL', match: { method: 'SR.get_all' } })
    const { id } = made.body.fault
    assert.deepEqual((await ask('GET', '/faults')).body.faults, [made.body.fault])
    const [last] = (await ask('GET', '/faults/fired')).body.fired.slice(-1)
    await assert.rejects(lab.xapi.call('SR.get_all', []), code('SR_FULL'))
    const { fired } = (await ask('GET', `/faults/fired?since=${last?.number ?? 0}`)).body
    assert.deepEqual(
      fired.map(({ fault, kind, what }: Row) => [fault, kind, what]),
      [[id, 'error', 'SR.get_all']],
    )
    assert.equal((await ask('DELETE', `/faults/${id}`)).status, 200)
    assert.deepEqual(await ask('DELETE', `/faults/${id}`), { status: 404, body: { error: `there is no fault ${id}` } })
    await ask('POST', '/faults', { kind: 'older-xapi' })
    await ask('POST', '/faults', { kind: 'network', roundTripMs: 1 })
    assert.equal((await ask('DELETE', '/faults')).status, 200)
    assert.deepEqual((await ask('GET', '/faults')).body.faults, [])
    const wrong = await ask('POST', '/faults', { kind: 'stall', match: { connection: 'nbd' } })
    assert.deepEqual(wrong, { status: 400, body: { error: 'seconds needs to be a number from 0 to 86400' } })
  })

  test('/calls tells what was asked since, in order, without parameters', async () => {
    const { last } = (await ask('GET', '/calls')).body
    const { ref } = await lab.newDisk()
    await exported(lab.xapi, ref)
    const { calls, dropped } = (await ask('GET', `/calls?since=${last}`)).body
    assert.equal(dropped, 0)
    assert.deepEqual(calls.map(({ method }: Row) => method).slice(0, 2), ['VDI.create', 'VDI.get_uuid'])
    assert.ok(calls.some(({ method }: Row) => method === 'export_raw_vdi'))
    assert.ok(!JSON.stringify(calls).includes('OpaqueRef'))
    assert.equal((await ask('GET', '/calls?since=x')).status, 400)
  })

  test('a restart by fault answers when the pool is back, and the faults are still there', async () => {
    const network = (await ask('POST', '/faults', { kind: 'network', roundTripMs: 1 })).body.fault
    const { status } = await ask('POST', '/faults', { kind: 'restart' })
    assert.equal(status, 200)
    assert.ok(Array.isArray(await lab.xapi.call('SR.get_all', [])))
    await ask('POST', '/pool/restart')
    assert.equal((await ask('GET', '/faults')).body.faults[0].id, network.id)
  })
})
