/** VMs as archives, within a pool and between two: curl carries them, tar and Python's tarfile read them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { setVtpmContents } from '../../src/lab/classes/vtpm-contents.ts'
import type { Row } from '../../src/lab/pool.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'
import { type XvaFiles, xvaFiles } from '../support/xva-transfers.ts'

const MiB = 1 << 20
const run = promisify(execFile)

let lab: StartedLab
let paris: StartedPool
let oslo: StartedPool
let files: XvaFiles
let number = 0

before(async () => {
  lab = await startLab({ pools: ['paris', 'oslo'], empty: true, password: 'lab password' })
  ;[paris, oslo] = lab.pools as [StartedPool, StartedPool]
  files = xvaFiles()
  for (const { pool } of [paris, oslo]) pool.db.update('pool', pool.refs.pool, { restrictions: { restrict_vtpm: 'false' } })
})
after(async () => {
  files?.remove()
  await lab?.close()
})

/** A halted VM with two disks, the first of them with data in its front and a little at its end. */
async function someVm(options: object = {}): Promise<string> {
  const name = `vm ${++number}`
  const { vm } = await paris.post('/vms', {
    name,
    tools: true,
    disks: [
      { size: 24 * MiB, content: 'pattern', fill: 5 * MiB + 512, seed: name, name: `${name} root` },
      { size: 8 * MiB, content: 'empty', name: `${name} data` },
    ],
    ...{ networks: ['Pool-wide network associated with eth1'], other_config: { note: 'a & <b>' }, tags: ['kept'] },
    ...options,
  })
  return paris.pool.db.byUuid('VM', vm.uuid) as string
}

const record = ({ pool }: StartedPool, ref: string) => pool.invoke('VM.get_record', ref) as Promise<Row>
const one = (transfer: { task: { result: readonly string[]; status: string; error: readonly string[] } }) => {
  assert.deepEqual([transfer.task.status, transfer.task.error, transfer.task.result.length], ['success', [], 1])
  return transfer.task.result[0] as string
}

/** Position, size and hash of each of a VM's disks. */
async function disks(at: StartedPool, vm: string): Promise<unknown[]> {
  const { db } = at.pool
  const rows = (db.get('VM', vm).VBDs as string[]).map((vbd) => db.get('VBD', vbd)).filter((vbd) => vbd.type === 'Disk')
  rows.sort((a, b) => String(a.userdevice).localeCompare(String(b.userdevice)))
  return Promise.all(
    rows.map(async ({ userdevice, VDI }) => {
      const { uuid, virtual_size, name_label } = db.get('VDI', VDI as string)
      return { userdevice, virtual_size, name_label, hash: (await at.post('/disk/hash', { vdi: uuid })).sha256 }
    }),
  )
}

const vifs = ({ pool }: StartedPool, vm: Row) => (vm.VIFs as string[]).map((vif) => pool.db.get('VIF', vif))

for (const use_compression of ['false', 'gzip', 'zstd']) {
  test(`a VM comes out of an archive as it went in, in another pool (compression: ${use_compression})`, needs('curl'), async () => {
    const vm = await someVm()
    const sent = await files.get(paris, { ref: vm, use_compression }, 'vm.xva')
    assert.deepEqual([sent.statuses, sent.task.status, sent.task.error], [[200], 'success', []])
    const first = (await readFile(files.path('vm.xva'))).subarray(0, 7)
    const beginning = { false: Buffer.from('ova.xml'), gzip: Buffer.from([0x1f, 0x8b]), zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) }
    assert.ok(first.indexOf(beginning[use_compression as 'gzip']) === 0)

    const head = await readFile(files.path('head'), 'latin1')
    assert.match(head, /^HTTP\/1\.0 200 OK\r\n/)
    assert.match(head, /content-type: application\/octet-stream\r\n/)
    assert.match(head, /task-id: OpaqueRef:/)
    assert.doesNotMatch(head, /content-length/i)

    // In the same pool it becomes another VM beside it.
    const beside = one(await files.put(paris, {}, 'vm.xva'))
    assert.deepEqual(await disks(paris, beside), await disks(paris, vm))
    assert.ok(diskRows(paris, beside).every(({ uuid }) => !diskRows(paris, vm).some((disk) => disk.uuid === uuid)))

    const received = await files.put(oslo, {}, 'vm.xva')
    assert.deepEqual(received.statuses, [200])
    assert.equal((received.task.row.other_config as Row).object_creation, 'complete')
    const made = one(received)
    assert.deepEqual(await disks(oslo, made), await disks(paris, vm))
    const [before, now] = [await record(paris, vm), await record(oslo, made)]
    for (const field of [
      'name_label',
      'tags',
      'memory_static_max',
      'VCPUs_max',
      'platform',
      'HVM_boot_params',
      'domain_type',
      'bios_strings',
    ])
      assert.deepEqual(now[field], before[field], field)
    assert.deepEqual([now.power_state, now.is_a_template, now.current_operations, now.version], ['Halted', false, {}, 0])
    const [config, configBefore] = [now.other_config as Row, before.other_config as Row]
    assert.equal(config.note, 'a & <b>')
    assert.match(String(config.import_task), /^OpaqueRef:/)
    assert.notEqual(now.uuid, before.uuid)
    assert.notEqual(config.mac_seed, configBefore.mac_seed)
    assert.notEqual(now.generation_id === '' ? 'none' : now.generation_id, before.generation_id)
    const [[vif], [vifBefore]] = [vifs(oslo, now), vifs(paris, before)] as [[Row], [Row]]
    assert.notEqual(vif.MAC, vifBefore.MAC)
    assert.equal(vif.MAC_autogenerated, true)
    assert.equal(oslo.pool.db.get('network', vif.network as string).name_label, 'Pool-wide network associated with eth1')
    const kinds = (at: StartedPool, row: Row) =>
      (row.VBDs as string[]).map((vbd) => at.pool.db.get('VBD', vbd)).map(({ type, empty }) => [type, empty])
    assert.deepEqual(kinds(oslo, now).sort(), kinds(paris, before).sort())
    // It is a VM like any other.
    await oslo.pool.invoke('VM.start', made, false, false)
    await oslo.pool.invoke('VM.hard_shutdown', made)
  })
}

test('tar lists a plain archive, and Python reads every piece with its checksum in order', needs('curl', 'python3'), async () => {
  const vm = await someVm()
  await files.get(paris, { ref: vm }, 'listed.xva')
  const { stdout } = await run('tar', ['tvf', files.path('listed.xva')])
  assert.match(stdout.split('\n')[0] ?? '', /^-r-------- .* ova\.xml$/)
  const script =
    'import tarfile,sys,json,hashlib\nt=tarfile.open(sys.argv[1])\n' +
    'print(json.dumps([[m.name,m.size,hashlib.sha256(t.extractfile(m).read()).hexdigest()] for m in t]))'
  const members = JSON.parse((await run('python3', ['-c', script, files.path('listed.xva')])).stdout) as [string, number, string][]
  const pieces = members.slice(1).filter(([name]) => !name.endsWith('.xxhash'))
  const ids = [...new Set(pieces.map(([name]) => name.split('/')[0] as string))]
  assert.equal(ids.length, 2)
  // Of the first disk 5 MiB and a sector hold data, and of either the first and the last piece come in any case.
  const numbers = ids.map((id) => pieces.filter(([name]) => name.startsWith(`${id}/`)).map(([name]) => Number(name.split('/')[1])))
  assert.deepEqual(numbers, [
    [0, 1, 2, 3, 4, 5, 23],
    [0, 7],
  ])
  assert.ok(pieces.every(([, size]) => size === MiB))
  assert.deepEqual(
    members.slice(1).map(([name]) => name),
    pieces.flatMap(([name]) => [name, `${name}.xxhash`]),
  )
  assert.equal(members.filter(([name, size]) => name.endsWith('.xxhash') && size === 16).length, pieces.length)
  const vdi = diskRows(paris, vm)[0]?.uuid
  const { sha256 } = await paris.post('/disk/hash', { vdi, extents: [{ offset: MiB, length: MiB }] })
  assert.equal(pieces.find(([name]) => name === `${ids[0]}/00000001`)?.[2], sha256)
})

const diskRows = ({ pool }: StartedPool, vm: string) =>
  (pool.db.get('VM', vm).VBDs as string[])
    .map((vbd) => pool.db.get('VBD', vbd))
    .filter((vbd) => vbd.type === 'Disk')
    .map((vbd) => pool.db.get('VDI', vbd.VDI as string))

test(
  'with restore a VM keeps uuid, seed, MAC and devices, takes the place of an older one, and refuses a newer or running one',
  needs('curl'),
  async () => {
    const vm = await someVm()
    const before = await record(paris, vm)
    await files.get(paris, { ref: vm }, 'kept.xva')
    const restore = () => files.put(oslo, { restore: 'true' }, 'kept.xva')
    const made = one(await restore())
    const now = await record(oslo, made)
    assert.deepEqual([now.uuid, now.version], [before.uuid, 1])
    assert.equal((now.other_config as Row).mac_seed, (before.other_config as Row).mac_seed)
    assert.deepEqual(
      vifs(oslo, now).map(({ MAC, uuid }) => [MAC, uuid]),
      vifs(paris, before).map(({ MAC, uuid }) => [MAC, uuid]),
    )
    assert.deepEqual(await disks(oslo, made), await disks(paris, vm))

    const again = await restore()
    assert.deepEqual(again.task.error, ['VM_TO_IMPORT_IS_NOT_NEWER_VERSION', made, '1', '0'])
    // What was refused left no disk without a VM.
    assert.equal(
      oslo.pool.db.refs('VDI').length,
      oslo.pool.db.refs('VDI').filter((vdi) => (oslo.pool.db.get('VDI', vdi).VBDs as string[]).length > 0).length,
    )
    await oslo.pool.invoke('VM.start', made, false, false)
    assert.deepEqual((await restore()).task.error, ['VM_BAD_POWER_STATE', made, 'Halted', 'Running'])
    await oslo.pool.invoke('VM.hard_shutdown', made)

    oslo.pool.db.update('VM', made, { version: -1 })
    const replaced = one(await restore())
    assert.notEqual(replaced, made)
    assert.equal(oslo.pool.db.find('VM', made), undefined)
    assert.equal((await record(oslo, replaced)).uuid, before.uuid)

    // Another VM with the same seed stands in the way.
    const clone = (await oslo.pool.invoke('VM.clone', replaced, 'another')) as string
    oslo.pool.db.update('VM', clone, { other_config: { mac_seed: (before.other_config as Row).mac_seed as string } })
    assert.deepEqual((await restore()).task.error, ['DUPLICATE_MAC_SEED', String((before.other_config as Row).mac_seed)])
  },
)

test('a snapshot becomes a VM of its own and a template stays one', needs('curl'), async () => {
  const vm = await someVm()
  const expected = await disks(paris, vm)
  const snapshot = (await paris.pool.invoke('VM.snapshot', vm, 'at noon')) as string
  await files.get(paris, { uuid: String((await record(paris, snapshot)).uuid) }, 'snapshot.xva')
  const made = await record(oslo, one(await files.put(oslo, {}, 'snapshot.xva')))
  assert.deepEqual([made.name_label, made.is_a_snapshot, made.is_a_template], ['at noon', false, true])
  assert.deepEqual([made.snapshot_of, made.parent, made.snapshot_time], ['OpaqueRef:NULL', 'OpaqueRef:NULL', '19700101T00:00:00Z'])
  assert.deepEqual(await disks(oslo, oslo.pool.db.byUuid('VM', String(made.uuid)) as string), expected)

  await paris.pool.invoke('VM.set_is_a_template', vm, true)
  await files.get(paris, { ref: vm }, 'template.xva')
  const template = await record(oslo, one(await files.put(oslo, {}, 'template.xva')))
  assert.deepEqual([template.is_a_template, template.generation_id], [true, (await record(paris, vm)).generation_id])
})

test('a suspended VM is exported with its memory when asked, and goes on in the other pool', needs('curl'), async () => {
  const vm = await someVm({ start: true, memory: 64 * MiB })
  const { pool } = paris
  await pool.invoke('VM.suspend', vm)
  const image = pool.db.get('VM', vm).suspend_VDI as string
  pool.storage.disk(image).write(3 * MiB, Buffer.alloc(MiB, 'memory'))
  const { uuid } = pool.db.get('VDI', image)
  const memory = (await paris.post('/disk/hash', { vdi: uuid })).sha256

  await files.get(paris, { ref: vm, preserve_power_state: 'true', use_compression: 'zstd' }, 'suspended.xva')
  const made = one(await files.put(oslo, {}, 'suspended.xva'))
  const now = await record(oslo, made)
  assert.equal(now.power_state, 'Suspended')
  const there = oslo.pool.db.get('VDI', now.suspend_VDI as string)
  assert.deepEqual([there.type, (await oslo.post('/disk/hash', { vdi: there.uuid })).sha256], ['suspend', memory])
  assert.deepEqual(await disks(oslo, made), await disks(paris, vm))
  await oslo.pool.invoke('VM.resume', made, false, false)
  assert.equal((await record(oslo, made)).power_state, 'Running')
  await oslo.pool.invoke('VM.clean_shutdown', made)

  await files.get(paris, { ref: vm }, 'halted.xva')
  const halted = await record(oslo, one(await files.put(oslo, {}, 'halted.xva')))
  assert.deepEqual([halted.power_state, halted.suspend_VDI], ['Halted', 'OpaqueRef:NULL'])
})

test('contents of a VTPM, NVRAM and BIOS strings come along', needs('curl'), async () => {
  const vm = await someVm()
  const { pool } = paris
  await pool.invoke('VM.set_NVRAM', vm, { 'EFI-variables': 'dmFycw==' })
  await pool.invoke('VM.set_bios_strings', vm, { 'bios-vendor': 'Somebody' })
  const vtpm = (await pool.invoke('VTPM.create', vm, true)) as string
  setVtpmContents(pool, vtpm, Buffer.from('a secret').toString('base64'))
  await files.get(paris, { ref: vm }, 'tpm.xva')
  for (const restore of ['false', 'true']) {
    const made = await record(oslo, one(await files.put(oslo, { restore }, 'tpm.xva')))
    const [there] = made.VTPMs as [string]
    assert.equal(await oslo.pool.invoke('VTPM.get_contents', there), Buffer.from('a secret').toString('base64'))
    assert.equal(oslo.pool.db.get('VTPM', there).uuid === pool.db.get('VTPM', vtpm).uuid, restore === 'true')
    assert.deepEqual(made.NVRAM, { 'EFI-variables': 'dmFycw==' })
    assert.equal((made.bios_strings as Row)['bios-vendor'], 'Somebody')
  }
})

test('networks are found by name, then by bridge, and made where there is neither', needs('curl'), async () => {
  const { pool } = paris
  await pool.invoke('network.create', { name_label: 'only here', bridge: 'xenbr1x', other_config: {} })
  await pool.invoke('network.create', { name_label: 'nowhere else', bridge: '', other_config: { a: 'b' } })
  const renamed = (await oslo.pool.invoke('network.create', { name_label: 'another name', bridge: 'xenbr1x', other_config: {} })) as string
  const vm = await someVm({ networks: ['only here', 'nowhere else', 'Pool-wide network associated with eth0'] })
  await files.get(paris, { ref: vm }, 'networks.xva')
  const made = await record(oslo, one(await files.put(oslo, {}, 'networks.xva')))
  const networks = vifs(oslo, made).sort((a, b) => Number(a.device) - Number(b.device))
  const [first, second, third] = networks.map(({ network }) => network as string) as [string, string, string]
  assert.equal(first, renamed)
  const fresh = oslo.pool.db.get('network', second)
  assert.deepEqual([fresh.name_label, (fresh.other_config as Row).a], ['nowhere else', 'b'])
  assert.equal(oslo.pool.db.get('network', third).name_label, 'Pool-wide network associated with eth0')
})

test('the SR is the one asked for, by reference or uuid, else the default one', needs('curl'), async () => {
  const vm = await someVm()
  await files.get(paris, { ref: vm }, 'sr.xva')
  const { db, refs } = oslo.pool
  const [local, nfs] = ['Local storage', 'NFS storage'].map((name) => db.refs('SR').find((sr) => db.get('SR', sr).name_label === name)) as [
    string,
    string,
  ]
  const srsOf = (made: string) => new Set(diskRows(oslo, made).map(({ SR }) => SR))
  assert.deepEqual(srsOf(one(await files.put(oslo, { sr_id: nfs }, 'sr.xva'))), new Set([nfs]))
  assert.deepEqual(srsOf(one(await files.put(oslo, { sr_uuid: String(db.get('SR', nfs).uuid) }, 'sr.xva'))), new Set([nfs]))
  assert.deepEqual(srsOf(one(await files.put(oslo, {}, 'sr.xva'))), new Set([local]))
  db.update('pool', refs.pool, { default_SR: 'OpaqueRef:NULL' })
  const refused = await files.put(oslo, {}, 'sr.xva')
  db.update('pool', refs.pool, { default_SR: local })
  assert.deepEqual([refused.statuses, refused.task.error[0]], [[500], 'RBAC_PERMISSION_DENIED'])
  assert.match(refused.task.error[2] ?? '', /DEFAULT_SR_NOT_FOUND/)
})

test('records alone move a VM whose disks are there already', needs('curl'), async () => {
  const vm = await someVm()
  const { pool } = paris
  const snapshot = (await pool.invoke('VM.snapshot', vm, 'point')) as string
  const sent = await files.get(paris, { ref: vm }, 'records.xva', '/export_metadata')
  assert.deepEqual([sent.statuses, sent.task.status], [[200], 'success'])
  await run('tar', ['tf', files.path('records.xva')])
  assert.equal((await files.put(oslo, {}, 'records.xva', 'metadata')).task.error[0], 'VDI_CONTENT_ID_MISSING')
  const before = await record(paris, vm)
  const rows = diskRows(paris, vm).map(({ uuid }) => uuid)
  await pool.invoke('VM.destroy', snapshot)
  await pool.invoke('VM.destroy', vm)
  const restored = await files.put(paris, { restore: 'true' }, 'records.xva', 'metadata')
  const made = await record(paris, one(restored))
  assert.equal(made.uuid, before.uuid)
  const disksNow = diskRows(paris, restored.task.result[0] as string).map(({ uuid }) => uuid)
  assert.deepEqual([disksNow, rows.length], [rows, 2])
  assert.deepEqual(
    (made.snapshots as string[]).map((ref) => pool.db.get('VM', ref).name_label),
    ['point'],
  )
})
