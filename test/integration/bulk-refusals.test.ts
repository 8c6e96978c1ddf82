/**
 * What the bulk handlers of a simulated pool answer to requests that can't be served: the first status, further replies on the same
 * connection, and the end of the task. Each row restates what a real XAPI 26.1 did.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { type CurlPool, startCurlPool } from '../support/curl-pool.ts'
import { needs } from '../support/programs.ts'

const MiB = 1 << 20
const DEAD = 'OpaqueRef:00000000-0000-4000-8000-000000000bad'
let lab: CurlPool
let disk = ''
let readOnly = ''

before(async () => {
  lab = await startCurlPool()
  disk = await lab.newDisk(4 * MiB)
  readOnly = await lab.newDisk(4 * MiB, { read_only: true })
  await writeFile(lab.file('body'), Buffer.alloc(4096, 7))
})
after(() => lab?.close())

/** Status of the first reply, statuses of those behind it, and how the task ended. */
async function outcome(method: 'GET' | 'PUT', query: Record<string, string>, ...args: string[]) {
  const task = await lab.newTask()
  const path = method === 'GET' ? '/export_raw_vdi' : '/import_raw_vdi'
  const upload = method === 'PUT' ? ['--upload-file', lab.file('body')] : []
  await writeFile(lab.file('answer'), '')
  const { status } = await lab.curl(path, { task_id: task, ...query }, ...upload, '--output', lab.file('answer'), ...args)
  const more = [...(await readFile(lab.file('answer'))).toString('latin1').matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map((match) =>
    Number(match[1]),
  )
  const record = await lab.ended(task)
  return { status: Number(status), more, task: record.status, error: record.error_info[0] ?? '' }
}

const failed = (status: number, more: number[], error: string) => ({ status, more, task: 'failure', error })

test('exports that can not be served', needs('curl'), async () => {
  const vdi = disk
  assert.deepEqual(await outcome('GET', { vdi, format: 'zip' }), failed(404, [], 'INTERNAL_ERROR'))
  assert.deepEqual(await outcome('GET', { vdi, format: '' }), failed(404, [], 'INTERNAL_ERROR'))
  assert.deepEqual(await outcome('GET', {}), failed(500, [], 'RBAC_PERMISSION_DENIED'))
  assert.deepEqual(await outcome('GET', { vdi: DEAD }), failed(500, [], 'RBAC_PERMISSION_DENIED'))
  assert.deepEqual(await outcome('GET', { vdi, format: 'vhd', base: DEAD }), failed(200, [500], 'UUID_INVALID'))
  assert.deepEqual(await outcome('GET', { vdi, format: 'tar' }), failed(200, [500], 'INTERNAL_ERROR'))
  assert.deepEqual(await lab.call('VDI.get_VBDs', disk), [])
})

test('imports that can not be served', needs('curl'), async () => {
  const vdi = disk
  assert.deepEqual(await outcome('PUT', { vdi, format: 'zip' }), failed(404, [], 'INTERNAL_ERROR'))
  assert.deepEqual(await outcome('PUT', { vdi, format: 'vhd', chunked: 'false' }), failed(404, [], 'INTERNAL_ERROR'))
  assert.deepEqual(await outcome('PUT', { vdi }, '--header', 'Transfer-Encoding: identity'), failed(404, [], 'INTERNAL_ERROR'))
  assert.deepEqual(await outcome('PUT', {}), failed(400, [], 'VDI_MISSING'))
  assert.deepEqual(await outcome('PUT', { sr_id: DEAD }), failed(400, [500], 'NO_HOSTS_AVAILABLE'))
  assert.deepEqual(await outcome('PUT', { vdi, sr_uuid: DEAD }), failed(400, [500], 'UUID_INVALID'))
  assert.deepEqual(await outcome('PUT', { sr_id: lab.sr, format: 'vhd' }), failed(400, [], 'INTERNAL_ERROR'))
  assert.deepEqual(await outcome('PUT', { vdi: DEAD }), failed(500, [], 'RBAC_PERMISSION_DENIED'))
  assert.deepEqual(await outcome('PUT', { vdi: readOnly }), failed(200, [400, 500], 'VDI_READONLY'))
  assert.deepEqual(await outcome('PUT', { vdi, format: 'vhd' }), failed(200, [400, 500], 'VDI_IO_ERROR'))
  assert.deepEqual(await lab.call('VDI.get_VBDs', disk), [])
})

test('without good credentials nothing is served and the task stays as it is', needs('curl'), async () => {
  const task = await lab.newTask()
  const query = { vdi: disk, task_id: task }
  const status = async (...args: Parameters<CurlPool['curl']>) => (await lab.anonymous(...args)).status
  const out = ['--output', lab.file('answer')]
  assert.equal(await status('/export_raw_vdi', query, ...out), '401')
  assert.equal(await status('/export_raw_vdi', { ...query, session_id: DEAD }, ...out), '401')
  assert.equal(await status('/export_raw_vdi', query, ...out, '--header', 'Authorization: Basic cm9vdDp3cm9uZw=='), '401')
  assert.equal(await status('/import_raw_vdi', query, ...out, '--upload-file', lab.file('body')), '401')
  assert.equal(await lab.call('task.get_status', task), 'pending')
  assert.equal(await status('/export_raw_vdi', { vdi: disk }, ...out, '--cookie', `session_id=${lab.session}`), '200')
  assert.equal(await status('/export_raw_vdi', { ...query, session_id: lab.session }, ...out), '200')
  assert.equal((await lab.ended(task)).status, 'success')
})

test('a session made for name and password is gone after the transfer', needs('curl'), async () => {
  const before = lab.running.pool.db.refs('session').length
  await lab.curl('/export_raw_vdi', { vdi: disk }, '--output', lab.file('answer'))
  assert.equal(lab.running.pool.db.refs('session').length, before)
})

test('a task that nobody gave is told in the header and gone afterwards', needs('curl'), async () => {
  const { status } = await lab.curl('/export_raw_vdi', { vdi: disk }, '--output', lab.file('answer'), '--dump-header', lab.file('head'))
  assert.equal(status, '200')
  const task = /^task-id:\s*(\S+)/im.exec(await readFile(lab.file('head'), 'latin1'))?.[1]
  assert.match(task ?? '', /^OpaqueRef:/)
  await assert.rejects(lab.call('task.get_record', task), /HANDLE_INVALID/)
})

test('an SR that only another host has attached sends there, with the same query', needs('curl'), async () => {
  const { db, refs } = lab.running.pool
  const [pbd] = db.refs('PBD').filter((ref) => db.get('PBD', ref).SR === lab.sr)
  assert.ok(pbd)
  const host = db.create('host', { name_label: 'other', enabled: true, address: '192.0.2.7' })
  db.update('PBD', pbd, { host })
  try {
    const task = await lab.newTask()
    const { status } = await lab.curl(
      '/export_raw_vdi',
      { vdi: disk, task_id: task, format: 'vhd' },
      '--output',
      lab.file('answer'),
      '--dump-header',
      lab.file('head'),
    )
    assert.equal(status, '302')
    const location = /^location:\s*(\S+)/im.exec(await readFile(lab.file('head'), 'latin1'))?.[1]
    const url = new URL(location ?? '')
    assert.equal(`${url.origin}${url.pathname}`, 'https://192.0.2.7/export_raw_vdi')
    assert.deepEqual(Object.fromEntries(url.searchParams), { vdi: disk, task_id: task, format: 'vhd' })
    assert.equal(await lab.call('task.get_status', task), 'pending')
  } finally {
    db.update('PBD', pbd, { host: refs.host })
    db.delete('host', host)
  }
})
