/** Archives that can't be made or taken: what is answered, how the task ends, and that nothing is left behind. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Row } from '../../src/lab/pool.ts'
import { tasksOf } from '../../src/lab/tasks/tasks.ts'
import { decodeTarHeader, encodeTarHeader, paddingAfter, TAR_BLOCK, TAR_END } from '../../src/lab/xva/tar-header.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'
import { taskEnded, type XvaFiles, xvaFiles } from '../support/xva-transfers.ts'

const MiB = 1 << 20
type Member = readonly [name: string, content: Buffer]

let lab: StartedLab
let paris: StartedPool
let files: XvaFiles
let vm: string
let members: Member[]

before(async () => {
  lab = await startLab({ pools: ['paris'], empty: true, password: 'lab password' })
  ;[paris] = lab.pools as [StartedPool]
  files = xvaFiles()
  const made = await paris.post('/vms', { name: 'source', disks: [{ size: 8 * MiB, content: 'pattern', fill: 3 * MiB }] })
  vm = paris.pool.db.byUuid('VM', made.vm.uuid) as string
  await files.get(paris, { ref: vm }, 'good.xva')
  members = membersOf(await readFile(files.path('good.xva')))
})
after(async () => {
  files?.remove()
  await lab?.close()
})

function membersOf(archive: Buffer): Member[] {
  const out: Member[] = []
  for (let at = 0; ; ) {
    const header = decodeTarHeader(archive.subarray(at, at + TAR_BLOCK))
    if (!header) return out
    at += TAR_BLOCK
    out.push([header.name, archive.subarray(at, at + header.size)])
    at += header.size + paddingAfter(header.size)
  }
}

const archiveOf = (all: readonly Member[]) =>
  Buffer.concat([
    ...all.flatMap(([name, content]) => [encodeTarHeader(name, content.length), content, Buffer.alloc(paddingAfter(content.length))]),
    TAR_END,
  ])

/** The objects of the pool that an import makes. */
function inventory(): Record<string, number> {
  const classes = ['VM', 'VDI', 'VBD', 'VIF', 'network', 'VM_metrics', 'VM_guest_metrics', 'VBD_metrics', 'VIF_metrics', 'VTPM', 'secret']
  return Object.fromEntries(classes.map((name) => [name, paris.pool.db.refs(name).length]))
}

/** Imports an archive that has to be refused: the error, after nothing was left. */
async function refused(archive: Buffer, query: Readonly<Record<string, string>> = {}, ...args: string[]): Promise<readonly string[]> {
  await writeFile(files.path('bad.xva'), archive)
  const before = inventory()
  const { task } = await files.put(paris, query, 'bad.xva', ...args)
  assert.equal(task.status, 'failure')
  assert.deepEqual(inventory(), before)
  return task.error
}

const changed = (change: (member: Member, index: number) => Member | readonly Member[]) =>
  archiveOf(
    members.flatMap((member, index) => {
      const now = change(member, index)
      return typeof now[0] === 'string' ? [now as Member] : (now as Member[])
    }),
  )

const inXml = (from: string | RegExp, to: string) =>
  changed(([name, content]) => [name, name === 'ova.xml' ? Buffer.from(content.toString().replace(from, to)) : content])

const flipped = (content: Buffer, at: number) => {
  const copy = Buffer.from(content)
  copy.writeUInt8(content.readUInt8(at) ^ 1, at)
  return copy
}

test('a changed bit in a disk is refused, in plain and in compressed archives, and passed over with force', needs('curl'), async () => {
  const archive = changed(([name, content]) => [name, /\/00000001$/.test(name) ? flipped(content, 1234) : content])
  for (const form of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
    const [code, text] = await refused(form)
    assert.equal(code, 'IMPORT_ERROR')
    assert.match(text ?? '', /checksum/)
  }
  await writeFile(files.path('forced.xva'), archive)
  const { task } = await files.put(paris, { force: 'true' }, 'forced.xva')
  assert.deepEqual([task.status, task.result.length], ['success', 1])
})

test('the older checksums are taken, and refused when they do not fit', needs('curl'), async () => {
  const older = (sum: (data: Buffer) => Buffer) => {
    let data = Buffer.alloc(0)
    return changed(([name, content]) => {
      if (name.endsWith('.xxhash')) return [name.replace('.xxhash', '.checksum'), sum(data)]
      data = content as Buffer<ArrayBuffer>
      return [name, content]
    })
  }
  await writeFile(
    files.path('older.xva'),
    older((data) => Buffer.from(createHash('sha1').update(data).digest('hex'))),
  )
  assert.equal((await files.put(paris, {}, 'older.xva')).task.status, 'success')
  assert.equal((await refused(older(() => Buffer.from('0'.repeat(40)))))[0], 'IMPORT_ERROR')
})

test('pieces that are missing, out of order, of another disk, too long or no pieces are refused', needs('curl'), async () => {
  const good = archiveOf(members)
  const code = async (archive: Buffer) => (await refused(archive))[0]
  assert.equal(await code(archiveOf(members.slice(0, -2))), 'IMPORT_ERROR_PREMATURE_EOF')
  assert.equal(await code(archiveOf(members.slice(0, 1))), 'IMPORT_ERROR_PREMATURE_EOF')
  assert.equal(await code(archiveOf(members.filter(([name]) => !name.endsWith('.xxhash')))), 'IMPORT_ERROR')
  assert.equal(await code(changed(([name, content]) => [name.replace(/^Ref:\d+/, 'Ref:99'), content])), 'IMPORT_ERROR')
  assert.equal(await code(changed(([name, content]) => [name.replace(/^(Ref:\d+)\/00000002/, '$1/00000000'), content])), 'IMPORT_ERROR')
  assert.equal(await code(changed(([name, content]) => [name.replace(/0000000(\d)/, '0000100$1'), content])), 'IMPORT_ERROR')
  const huge = Buffer.concat([
    good.subarray(0, good.indexOf(members[1]?.[0] as string)),
    encodeTarHeader(members[1]?.[0] as string, 2 ** 33 - 1),
  ])
  assert.equal(await code(huge), 'IMPORT_ERROR')
  assert.equal(await code(Buffer.concat([huge.subarray(0, -TAR_BLOCK), Buffer.alloc(TAR_BLOCK, 'x')])), 'IMPORT_ERROR')
})

test('what is no archive ends too early; a first file of another name is named only inside compression', needs('curl'), async () => {
  const other = changed(([name, content]) => [name === 'ova.xml' ? 'other.xml' : name, content])
  assert.deepEqual(await refused(other), ['IMPORT_ERROR_PREMATURE_EOF'])
  assert.deepEqual(await refused(gzipSync(other)), ['IMPORT_ERROR_UNEXPECTED_FILE', 'ova.xml', 'other.xml'])
  assert.deepEqual(await refused(Buffer.alloc(5000, 'nothing')), ['IMPORT_ERROR_PREMATURE_EOF'])
  assert.deepEqual(await refused(Buffer.alloc(5000)), ['IMPORT_ERROR_PREMATURE_EOF'])
  assert.deepEqual(await refused(zstdCompressSync(archiveOf(members)).subarray(0, 100_000)), ['IMPORT_ERROR_PREMATURE_EOF'])
})

test('records that can not be understood are refused', needs('curl'), async () => {
  assert.equal((await refused(inXml(/<value>.*/s, '<value>')))[0], 'IMPORT_ERROR')
  assert.deepEqual(await refused(inXml(/(xapi_major<\/name><value>)\d+/, '$199')), ['IMPORT_INCOMPATIBLE_VERSION'])
  assert.equal((await refused(inXml(/(virtual_size<\/name><value>)\d+/, '$1much')))[0], 'IMPORT_ERROR')
  const [code, id] = await refused(inXml(/(<name>SR<\/name><value>)Ref:\d+/, '$1Ref:77'))
  assert.deepEqual([code, id], ['IMPORT_ERROR_FAILED_TO_FIND_OBJECT', 'Ref:77'])
})

test('a client that goes away in the middle leaves nothing', async () => {
  const { pool } = paris
  const archive = archiveOf(members)
  for (const end of [300, TAR_BLOCK + 2000, archive.length - 3 * MiB, archive.length - 2000]) {
    const before = inventory()
    const task = tasksOf(pool).create({ label: 'cut' })
    const login = Buffer.from(`${paris.user}:${paris.password}`).toString('base64')
    const socket = connect({ port: Number(new URL(paris.url).port), host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    socket.write(`PUT /import?task_id=${task} HTTP/1.1\r\nAuthorization: Basic ${login}\r\nContent-Length: ${archive.length}\r\n\r\n`)
    socket.end(archive.subarray(0, end))
    socket.resume()
    assert.deepEqual((await taskEnded(paris, task)).error_info, ['IMPORT_ERROR_PREMATURE_EOF'], `cut at ${end}`)
    assert.deepEqual(inventory(), before)
    socket.destroy()
  }
})

test('a chunked upload gives 403, then the page of status 500', needs('curl'), async () => {
  const { statuses, task } = await files.put(paris, {}, 'good.xva', '--header', 'Transfer-Encoding: chunked')
  assert.deepEqual([statuses, task.error], [[403, 500], ['IMPORT_ERROR_CANNOT_HANDLE_CHUNKED']])
})

test('a VM that runs, is blocked or is not there gives no archive', needs('curl'), async () => {
  const { pool } = paris
  const failure = async (query: Readonly<Record<string, string>>) => {
    const { statuses, task } = await files.get(paris, query, 'none.xva')
    return [statuses, task.status, task.error]
  }
  await pool.invoke('VM.start', vm, false, false)
  assert.deepEqual(await failure({ ref: vm }), [[500], 'failure', ['VM_BAD_POWER_STATE', vm, 'halted, suspended', 'running']])
  await pool.invoke('VM.hard_shutdown', vm)
  await pool.invoke('VM.set_blocked_operations', vm, { export: 'not this one' })
  assert.deepEqual(await failure({ ref: vm }), [[500], 'failure', ['OPERATION_BLOCKED', vm, 'not this one']])
  await pool.invoke('VM.set_blocked_operations', vm, {})
  assert.deepEqual(await failure({ ref: 'OpaqueRef:dead' }), [[], 'failure', ['HANDLE_INVALID', 'VM', 'OpaqueRef:dead']])
  assert.equal((await failure({ uuid: 'dead' }))[1], 'failure')
  assert.deepEqual([pool.db.get('VM', vm).current_operations, dom0Disks()], [{}, []])
})

const dom0Disks = () => (paris.pool.db.get('VM', paris.pool.refs.controlDomain) as Row).VBDs

test('an export whose client goes away or is cancelled ends, and frees the VM', needs('curl'), async () => {
  const { pool } = paris
  const { vm: large } = await paris.post('/vms', { name: 'large', disks: [{ size: 128 * MiB, content: 'pattern', fill: 128 * MiB }] })
  const ref = pool.db.byUuid('VM', large.uuid) as string
  const cut = tasksOf(pool).create({ label: 'cut' })
  const login = Buffer.from(`${paris.user}:${paris.password}`).toString('base64')
  const socket = connect({ port: Number(new URL(paris.url).port), host: '127.0.0.1', rejectUnauthorized: false })
  socket.on('error', () => {})
  socket.write(`GET /export?ref=${ref}&task_id=${cut}&use_compression=gzip HTTP/1.1\r\nAuthorization: Basic ${login}\r\n\r\n`)
  socket.once('data', () => socket.destroy())
  assert.equal(((await taskEnded(paris, cut)).error_info as string[])[0], 'CLIENT_ERROR')
  const freed = async () => {
    for (let tries = 0; tries < 200 && Object.keys(pool.db.get('VM', ref).current_operations as Row).length > 0; tries++)
      await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([pool.db.get('VM', ref).current_operations, dom0Disks()], [{}, []])
  }
  await freed()
  const cancelled = tasksOf(pool).create({ label: 'cancelled' })
  tasksOf(pool).cancel(cancelled)
  const { task } = await files.get(paris, { ref, task_id: cancelled }, 'cancelled.xva')
  assert.deepEqual([task.status, task.error], ['cancelled', ['TASK_CANCELLED', cancelled]])
  await freed()
})
