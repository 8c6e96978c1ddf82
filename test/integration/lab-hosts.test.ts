/** Simulated pools of several hosts: who serves what, and what becomes of a pool whose hosts come and go. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { openNbdPool } from '../../src/nbd/pool.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import { XapiError } from '../../src/xapi/errors.ts'
import { jsonRpc } from '../../src/xapi/json-rpc.ts'
import { parseAddress } from '../../src/xapi/pool-url.ts'
import type { RecordOf } from '../../src/xapi/records.generated.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { pinnedConnector } from '../../src/xapi/tls-pinning.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { ControlFailure, type ControlledLabPool, type StartedLab, type StartedPool, spawnLab, startLab } from '../support/lab.ts'
import { connectTo, MIB } from '../support/replicating.ts'

type Described = NonNullable<StartedPool['hosts']>[number] & { readonly state: string }

const options = { pools: ['trio'], hosts: 3, empty: true, password: 'lab password' }

let lab: StartedLab
let xapi: Xapi
const pool = () => lab.pools[0] as StartedPool

/** As they are now, in the order they were made. */
const hosts = async () => (await pool().get('/hosts')).hosts as Described[]
const host = async (number: number) => (await hosts())[number] as Described
const refOf = (uuid: string) => xapi.byUuid('host', uuid)
const failsWith =
  (code: string, ...params: string[]) =>
  (error: unknown) => {
    assert.ok(error instanceof XapiError, String(error))
    assert.deepEqual([error.code, ...error.params.slice(0, params.length)], [code, ...params])
    return true
  }

/** SRs by what they are: the first host's own, another host's own, the shared one. */
async function srOn(number: number | 'shared'): Promise<Ref<'SR'>> {
  const [srs, pbds] = [await xapi.records('SR'), await xapi.records('PBD')]
  const wanted = number === 'shared' ? undefined : await refOf((await host(number)).uuid)
  for (const [ref, sr] of srs) {
    if (sr.shared !== (number === 'shared')) continue
    if (wanted === undefined || sr.PBDs.some((pbd) => pbds.get(pbd)?.host === wanted)) return ref
  }
  throw new Error(`no SR ${number}`)
}

async function makeDisk(sr: Ref<'SR'>, size = 8 * MIB): Promise<Ref<'VDI'>> {
  const record = { SR: sr, virtual_size: size, name_label: 'disk', type: 'user', sharable: false, read_only: false, other_config: {} }
  return xapi.call<Ref<'VDI'>>('VDI.create', [record])
}

async function makeVm(sr: Ref<'SR'>, more: object = {}): Promise<Ref<'VM'>> {
  const { uuid } = await xapi.record('SR', sr)
  const disks = [{ size: 4 * MIB, content: 'pattern', fill: MIB, sr: uuid }]
  const { vm } = await pool().post('/vms', { name: 'guest', disks, tools: true, ...more })
  return xapi.byUuid('VM', vm.uuid as string)
}

const until = (vm: Ref<'VM'>, done: (record: RecordOf['VM']) => boolean) =>
  xapi.waitFor('VM', vm, (record) => record !== undefined && done(record), { timeoutMs: 60_000 })

/** Power state, and the uuid of the host where it is. */
async function stateOf(vm: Ref<'VM'>): Promise<[string, string | undefined]> {
  const { power_state, resident_on } = await xapi.record('VM', vm)
  return [power_state, (await xapi.records('host')).get(resident_on)?.uuid]
}

/** A client of one host alone, that trusts it alone. */
const clientOf = ({ url, fingerprint }: Described) =>
  connectXapi({ url, user: 'root', password: 'lab password', trust: trustListed([fingerprint]) })

const start = async () => {
  lab = await startLab(options)
  xapi = await connectTo(pool())
}
const end = async () => {
  await xapi.close()
  await lab.close()
}

describe('a pool of three hosts', () => {
  before(start)
  after(end)

  test('each host has an address, a certificate, an NBD server, a control domain, interfaces and storage of its own', async () => {
    const all = await hosts()
    assert.deepEqual(
      all.map(({ address, master }) => [address, master]),
      [
        ['127.0.0.1', true],
        ['127.0.0.2', false],
        ['127.0.0.3', false],
      ],
    )
    assert.equal(new Set(all.map(({ url }) => new URL(url).port)).size, 1)
    assert.equal(new Set(all.map(({ fingerprint }) => fingerprint)).size, 3)
    assert.deepEqual(
      all.map(({ nbd }) => nbd?.host),
      ['127.0.0.1', '127.0.0.2', '127.0.0.3'],
    )
    assert.deepEqual(
      pool().hosts,
      all.map(({ state, ...rest }) => {
        assert.equal(state, 'up')
        return rest
      }),
    )
    const [records, domains, pifs, srs] = [
      await xapi.records('host'),
      await xapi.records('VM'),
      await xapi.records('PIF'),
      await xapi.records('SR'),
    ]
    assert.equal(records.size, 3)
    for (const [ref, record] of records) {
      const domain = domains.get(record.control_domain)
      assert.deepEqual([domain?.resident_on, domain?.is_control_domain, domain?.power_state], [ref, true, 'Running'])
      assert.deepEqual(record.PIFs.map((pif) => pifs.get(pif)?.device).sort(), ['eth0', 'eth1'])
      assert.equal(pifs.get(record.PIFs.find((pif) => pifs.get(pif)?.management) as Ref<'PIF'>)?.IP, record.address)
      assert.equal(record.PBDs.length, 2)
    }
    assert.equal(new Set([...pifs.values()].map(({ MAC }) => MAC)).size, 6)
    assert.deepEqual([...srs.values()].map(({ shared, PBDs }) => [shared, PBDs.length]).sort(), [
      [false, 1],
      [false, 1],
      [false, 1],
      [true, 3],
    ])
  })

  test('a host that is not the master serves nobody, and tells where the master is', async () => {
    const { address, url, fingerprint } = await host(1)
    const { address: master } = await host(0)
    assert.notEqual(address, master)
    const ask = (method: string, params: unknown[]) => rpc(url, fingerprint, method, params)
    assert.deepEqual(await ask('session.login_with_password', ['root', 'lab password']), ['HOST_IS_SLAVE', master])
    assert.deepEqual(await ask('VM.get_all', [xapi.session]), ['HOST_IS_SLAVE', master])
    assert.deepEqual(await ask('VM.get_all', ['OpaqueRef:nobody']), ['SESSION_INVALID', 'OpaqueRef:nobody'])
  })

  test('a session of one host is good there, and nowhere else', async () => {
    const [slave, other] = [await host(1), await host(2)]
    const refused = await rpc(slave.url, slave.fingerprint, 'session.slave_local_login_with_password', ['root', 'wrong'])
    assert.equal((refused as string[])[0], 'SESSION_AUTHENTICATION_FAILED')
    const session = await rpc(slave.url, slave.fingerprint, 'session.slave_local_login_with_password', ['root', 'lab password'])
    assert.equal(((await rpc(slave.url, slave.fingerprint, 'host.get_all', [session])) as string[]).length, 3)
    for (const place of [other, await host(0)])
      assert.deepEqual(await rpc(place.url, place.fingerprint, 'host.get_all', [session]), ['SESSION_INVALID', session])
    await rpc(slave.url, slave.fingerprint, 'session.local_logout', [session])
    assert.deepEqual(await rpc(slave.url, slave.fingerprint, 'host.get_all', [session]), ['SESSION_INVALID', session])
  })

  test('a client that knows one host alone is led to the master, whose certificate that host vouches for', async () => {
    const client = await clientOf(await host(2))
    try {
      const master = await host(0)
      assert.equal(client.url, master.url)
      assert.equal(client.fingerprint, master.fingerprint)
      assert.equal((await client.records('host')).size, 3)
    } finally {
      await client.close()
    }
  })

  test('transfers are served by a host that sees the disk, with a certificate that the pool vouches for', async () => {
    const disk = await makeDisk(await srOn(1))
    const data = Buffer.alloc(MIB, 7)
    const upload = await xapi.importVdi({ vdi: disk, format: 'raw', length: data.length })
    await upload.write(data.subarray(0, 65536))
    const [attached] = (await xapi.record('VDI', disk)).VBDs
    const domain = (await xapi.record('VBD', attached as Ref<'VBD'>)).VM
    assert.equal((await xapi.record('VM', domain)).resident_on, await refOf((await host(1)).uuid))
    await upload.write(data.subarray(65536))
    await upload.finish()
    const download = await xapi.exportVdi({ vdi: disk, format: 'raw' })
    const chunks: Buffer[] = []
    for await (const chunk of download.chunks) chunks.push(chunk)
    await download.finished()
    assert.ok(Buffer.concat(chunks).subarray(0, MIB).equals(data))
  })

  test('NBD is told of every host that sees the disk, each with its own certificate, and attaches there', async () => {
    const infos = (disk: Ref<'VDI'>) =>
      xapi.call<{ address: string; port: number; cert: string; subject: string; exportname: string }[]>('VDI.get_nbd_info', [disk])
    const own = await infos(await makeDisk(await srOn(2)))
    assert.deepEqual(
      own.map(({ address }) => address),
      ['127.0.0.3'],
    )
    const disk = await makeDisk(await srOn('shared'))
    const shared = await infos(disk)
    assert.deepEqual(
      shared.map(({ address, subject }) => [address, subject]),
      [
        ['127.0.0.1', 'trio-host'],
        ['127.0.0.2', 'trio-host-2'],
        ['127.0.0.3', 'trio-host-3'],
      ],
    )
    for (const [index, info] of shared.entries()) {
      assert.equal(info.cert, await xapi.call('host.get_server_certificate', [await refOf((await host(index)).uuid)]))
      const reader = await openNbdPool({ candidates: [info], size: 8 * MIB })
      assert.equal((await reader.read(0, 4096)).length, 4096)
      const [vbd] = (await xapi.record('VDI', disk)).VBDs
      const { resident_on } = await xapi.record('VM', (await xapi.record('VBD', vbd as Ref<'VBD'>)).VM)
      assert.equal(resident_on, await refOf((await host(index)).uuid))
      await reader.close()
      await xapi.waitFor('VDI', disk, (record) => record?.VBDs.length === 0, { timeoutMs: 60_000 })
      // Each certificate is that host's alone.
      const wrong = { ...info, cert: (shared[(index + 1) % 3] as { cert: string }).cert }
      await assert.rejects(openNbdPool({ candidates: [wrong], size: 8 * MIB, tries: 1 }), { code: 'NBD_CERTIFICATE_MISMATCH' })
    }
    // A host that does not see the disk hangs up.
    const elsewhere = { ...(own[0] as (typeof own)[number]), address: '127.0.0.1', cert: (shared[0] as { cert: string }).cert }
    await assert.rejects(openNbdPool({ candidates: [elsewhere], size: 8 * MIB, tries: 1 }), { code: 'NBD_CLOSED' })
  })

  test('a VM starts where its disks are seen, and where it would like to be', async () => {
    const [second, third] = [await host(1), await host(2)]
    const bound = await makeVm(await srOn(1), { start: true })
    assert.deepEqual(await stateOf(bound), ['Running', second.uuid])
    const free = await makeVm(await srOn('shared'))
    await xapi.call('VM.set_affinity', [free, await refOf(third.uuid)])
    await xapi.call('VM.start', [free, false, false])
    assert.deepEqual(await stateOf(free), ['Running', third.uuid])
    assert.deepEqual(await xapi.call('VM.get_possible_hosts', [bound]), [await refOf(second.uuid)])
    await xapi.call('VM.hard_shutdown', [bound])
    const sr = await srOn(1)
    await assert.rejects(xapi.call('VM.start_on', [bound, await refOf(third.uuid), false, false]), failsWith('VM_REQUIRES_SR', bound, sr))
    await xapi.call('VM.hard_shutdown', [free])
  })

  test('a VM that migrates says so for as long as it takes, goes on writing, and is elsewhere afterwards', async () => {
    const [first, second] = [await host(0), await host(1)]
    const vm = await makeVm(await srOn('shared'))
    await xapi.call('VM.start_on', [vm, await refOf(first.uuid), false, false])
    await pool().post('/settings', { migrateMs: 400 })
    const moving = xapi.callAsync('VM.pool_migrate', [vm, await refOf(second.uuid), {}])
    await until(vm, (record) => Object.values(record.current_operations).includes('pool_migrate'))
    const { uuid } = await xapi.record('VM', vm)
    assert.ok((await pool().post('/guest/random', { vm: uuid, count: 2 })).bytes > 0)
    await moving
    assert.deepEqual(await stateOf(vm), ['Running', second.uuid])
    assert.deepEqual((await xapi.record('VM', vm)).current_operations, {})
    await xapi.call('VM.add_to_blocked_operations', [vm, 'pool_migrate', 'kept here'])
    await assert.rejects(xapi.call('VM.pool_migrate', [vm, await refOf(first.uuid), {}]), failsWith('OPERATION_BLOCKED', vm, 'kept here'))
    const bound = await makeVm(await srOn(0), { start: true })
    await assert.rejects(xapi.call('VM.pool_migrate', [bound, await refOf(second.uuid), {}]), failsWith('VM_REQUIRES_SR', bound))
    assert.deepEqual(await stateOf(bound), ['Running', first.uuid])
    for (const one of [vm, bound]) await xapi.call('VM.hard_shutdown', [one])
    await pool().post('/settings', { migrateMs: 0 })
  })
})

describe('hosts that go away', () => {
  beforeEach(start)
  afterEach(end)

  test('after a power cut the database is the last to know: VMs look as if they ran, until the host is back or given up', async () => {
    await pool().post('/settings', { hostDeadMs: 300 })
    const lost = await host(1)
    const ref = await refOf(lost.uuid)
    const [sr, shared] = [await srOn(1), await srOn('shared')]
    const [bound, free] = [await makeVm(sr, { start: true }), await makeVm(shared)]
    await xapi.call('VM.start_on', [free, ref, false, false])
    const { uuid } = await xapi.record('VM', free)
    await pool().post(`/hosts/${lost.uuid}/stop`)
    await assert.rejects(rpc(lost.url, lost.fingerprint, 'VM.get_all', ['']))
    await assert.rejects(
      pool().post('/guest/random', { vm: uuid, count: 1 }),
      (error: unknown) => error instanceof ControlFailure && error.status === 409 && /its host is away/.test(error.message),
    )
    assert.equal((await xapi.record('VM', free)).power_state, 'Running')
    const { metrics } = await xapi.record('host', ref)
    await xapi.waitFor('host_metrics', metrics, (record) => record?.live === false, { timeoutMs: 60_000 })
    await assert.rejects(xapi.call('VM.hard_shutdown', [free]), failsWith('HOST_OFFLINE', ref))
    await assert.rejects(xapi.call('VM.start_on', [await makeVm(shared), ref, false, false]), failsWith('HOST_NOT_LIVE'))
    await assert.rejects(makeDisk(sr), failsWith('HOST_OFFLINE', ref))
    const [boundDisk] = [...(await xapi.records('VBD')).values()].filter(({ VM, type }) => VM === bound && type === 'Disk')
    await assert.rejects(xapi.exportVdi({ vdi: boundDisk?.VDI as Ref<'VDI'>, format: 'raw' }))
    await makeDisk(shared)
    // Given up: its VMs can be started elsewhere.
    await xapi.call('host.declare_dead', [ref])
    assert.deepEqual([...(await stateOf(free))], ['Halted', undefined])
    await xapi.call('VM.start', [free, false, false])
    assert.equal((await stateOf(free))[0], 'Running')
    await pool().post(`/hosts/${lost.uuid}/start`)
    assert.equal((await xapi.record('host_metrics', metrics)).live, true)
    assert.equal((await xapi.record('host', ref)).enabled, true)
    await makeDisk(sr)
    assert.equal((await xapi.record('VM', bound)).power_state, 'Halted')
    await xapi.call('VM.start', [bound, false, false])
    assert.deepEqual(await stateOf(bound), ['Running', lost.uuid])
  })

  test('storage is unplugged host by host, and a dead host can be removed with what only it saw', async () => {
    const [first, lost] = [await host(0), await host(2)]
    const [sr, own] = [await srOn('shared'), await srOn(2)]
    const vm = await makeVm(sr)
    await xapi.call('VM.start_on', [vm, await refOf(first.uuid), false, false])
    const ref = await refOf(lost.uuid)
    const pbds = await xapi.records('PBD')
    const pbdOf = (at: Ref<'host'>) => [...pbds].find(([, pbd]) => pbd.SR === sr && pbd.host === at)?.[0]
    await xapi.call('PBD.unplug', [pbdOf(ref)])
    await assert.rejects(xapi.call('PBD.unplug', [pbdOf(await refOf(first.uuid))]), failsWith('VDI_IN_USE'))
    await assert.rejects(xapi.call('VM.pool_migrate', [vm, ref, {}]), failsWith('VM_REQUIRES_SR', vm, sr))
    await xapi.call('PBD.plug', [pbdOf(ref)])
    await assert.rejects(xapi.call('host.destroy', [ref]), failsWith('HOST_IS_LIVE', ref))
    await pool().post(`/hosts/${lost.uuid}/stop`)
    await xapi.call('host.destroy', [ref])
    assert.equal((await hosts()).length, 2)
    assert.deepEqual((await xapi.record('SR', own)).PBDs, [])
    assert.equal((await xapi.record('SR', sr)).PBDs.length, 2)
    await assert.rejects(makeDisk(own), failsWith('SR_NO_PBDS', own))
  })

  test('before the master has noticed, what needs the host fails as a connection that fails', async () => {
    const lost = await host(2)
    const ref = await refOf(lost.uuid)
    const sr = await srOn(2)
    const disk = await makeDisk(await srOn('shared'))
    await pool().post(`/hosts/${lost.uuid}/stop`)
    await assert.rejects(makeDisk(sr), failsWith('CANNOT_CONTACT_HOST', ref))
    await assert.rejects(xapi.call('VDI.get_nbd_info', [disk]), failsWith('CANNOT_CONTACT_HOST', ref))
  })

  test('a host that is shut down by calls leaves nothing running and its storage unplugged, and comes back', async () => {
    const gone = await host(1)
    const ref = await refOf(gone.uuid)
    const vm = await makeVm(await srOn('shared'))
    await xapi.call('VM.start_on', [vm, ref, false, false])
    await assert.rejects(xapi.call('host.shutdown', [ref]), failsWith('HOST_NOT_DISABLED'))
    await xapi.call('host.disable', [ref])
    await assert.rejects(xapi.call('host.shutdown', [ref]), failsWith('HOST_IN_USE', ref))
    await xapi.call('host.evacuate', [ref])
    assert.notEqual((await stateOf(vm))[1], gone.uuid)
    await xapi.call('host.shutdown', [ref])
    const { metrics, PBDs } = await xapi.record('host', ref)
    await xapi.waitFor('host_metrics', metrics, (record) => record?.live === false, { timeoutMs: 60_000 })
    for (const pbd of PBDs) assert.equal((await xapi.record('PBD', pbd)).currently_attached, false)
    await assert.rejects(makeDisk(await srOn(1)), failsWith('SR_NO_PBDS'))
    await pool().post(`/hosts/${gone.uuid}/start`)
    for (const pbd of PBDs) assert.equal((await xapi.record('PBD', pbd)).currently_attached, true)
    await makeDisk(await srOn(1))
  })

  test('a transfer on a host that goes away fails, and the task says so', async () => {
    const disk = await makeDisk(await srOn(1))
    const upload = await xapi.importVdi({ vdi: disk, format: 'raw', chunked: true })
    await pool().post(`/hosts/${(await host(1)).uuid}/stop`)
    await assert.rejects(async () => {
      for (;;) await upload.write(Buffer.alloc(65536))
    })
    await upload.abort()
    assert.deepEqual((await xapi.record('VDI', disk)).VBDs, [])
  })

  test('after a boot, VMs with auto_poweron are started where the pool wants it, and blocked ones are not (R11)', async () => {
    const booted = await host(1)
    const sr = await srOn('shared')
    const wanted = await makeVm(sr, { other_config: { auto_poweron: 'true' } })
    const replica = await makeVm(sr, { other_config: { auto_poweron: 'true' } })
    const other = await makeVm(sr)
    for (const operation of ['start', 'start_on']) await xapi.call('VM.add_to_blocked_operations', [replica, operation, 'replica'])
    await pool().post(`/hosts/${booted.uuid}/reboot`)
    assert.equal((await xapi.record('VM', wanted)).power_state, 'Halted')
    const [ref] = await xapi.call<Ref<'pool'>[]>('pool.get_all', [])
    await xapi.call('pool.add_to_other_config', [ref, 'auto_poweron', 'true'])
    await pool().post(`/hosts/${booted.uuid}/reboot`)
    assert.equal((await xapi.record('VM', wanted)).power_state, 'Running')
    assert.equal((await xapi.record('VM', replica)).power_state, 'Halted')
    assert.equal((await xapi.record('VM', other)).power_state, 'Halted')
  })

  test('HA restarts what was lost and should run, through the same checks as anybody: a blocked start stays blocked', async () => {
    await pool().post('/settings', { hostDeadMs: 100 })
    const lost = await host(2)
    const [sr, place] = [await srOn('shared'), await refOf(lost.uuid)]
    const [vital, best, plain, blocked] = [await makeVm(sr), await makeVm(sr), await makeVm(sr), await makeVm(sr)] as const
    await xapi.call('pool.enable_ha', [[sr], {}])
    for (const vm of [vital, blocked]) await xapi.call('VM.set_ha_restart_priority', [vm, 'restart'])
    await xapi.call('VM.set_ha_restart_priority', [best, 'best-effort'])
    for (const vm of [vital, best, plain, blocked]) await xapi.call('VM.start_on', [vm, place, false, false])
    for (const operation of ['start', 'start_on']) await xapi.call('VM.add_to_blocked_operations', [blocked, operation, 'replica'])
    await pool().post(`/hosts/${lost.uuid}/stop`)
    for (const vm of [vital, best]) await until(vm, ({ power_state, resident_on }) => power_state === 'Running' && resident_on !== place)
    for (const vm of [plain, blocked]) await until(vm, ({ power_state }) => power_state === 'Halted')
    const messages = [...(await xapi.records('message')).values()]
    const { uuid } = await xapi.record('VM', blocked)
    assert.deepEqual(
      messages.filter(({ name }) => name === 'HA_PROTECTED_VM_RESTART_FAILED').map(({ obj_uuid }) => obj_uuid),
      [uuid],
    )
  })
})

describe('a master that changes', () => {
  beforeEach(start)
  afterEach(end)

  test('the same client follows to the new master: the old one vouches for it, sessions are new', async () => {
    const vm = await makeVm(await srOn('shared'), { start: true })
    const [old, next] = [await host(0), await host(1)]
    const session = xapi.session
    await xapi.call('pool.designate_new_master', [await refOf(next.uuid)])
    await waitForMaster(next.uuid)
    assert.equal((await xapi.record('VM', vm)).power_state, 'Running')
    assert.equal(xapi.url, next.url)
    assert.equal(xapi.fingerprint, next.fingerprint)
    assert.notEqual(xapi.session, session)
    assert.deepEqual(await rpc(old.url, old.fingerprint, 'session.login_with_password', ['root', 'lab password']), [
      'HOST_IS_SLAVE',
      next.address,
    ])
    assert.deepEqual(await rpc(next.url, next.fingerprint, 'VM.get_all', [session]), ['SESSION_INVALID', session])
    const [ref] = await xapi.call<Ref<'pool'>[]>('pool.get_all', [])
    assert.equal((await xapi.record('pool', ref as Ref<'pool'>)).master, await refOf(next.uuid))
  })

  test('while toolstacks start again every call is told that the host still boots', async () => {
    const next = await host(2)
    await pool().post('/settings', { hostBootMs: 600 })
    await pool().post('/pool/designate_new_master', { host: next.uuid })
    for (const { url, fingerprint, state } of await hosts()) {
      assert.equal(state, 'booting')
      assert.equal(await statusOf(`${url}/export_raw_vdi?session_id=${xapi.session}&vdi=any`), 401)
      assert.deepEqual(await rpc(url, fingerprint, 'session.login_with_password', ['root', 'lab password']), ['HOST_STILL_BOOTING'])
    }
    // The client waits and gets there.
    assert.equal((await xapi.records('host')).size, 3)
    assert.equal(xapi.url, next.url)
  })

  test('a master that is gone is replaced by a host in emergency mode, and comes back as one that is not the master', async () => {
    await pool().post('/settings', { hostDeadMs: 100 })
    const [old, next] = [await host(0), await host(1)]
    const lostMaster = await refOf(old.uuid)
    await pool().post(`/hosts/${old.uuid}/stop`)
    const ask = (method: string, params: unknown[]) => rpc(next.url, next.fingerprint, method, params)
    assert.deepEqual(await ask('session.login_with_password', ['root', 'lab password']), ['HOST_STILL_BOOTING'])
    const local = await ask('session.slave_local_login_with_password', ['root', 'lab password'])
    await ask('pool.emergency_transition_to_master', [local])
    await waitForMaster(next.uuid)
    await xapi.close()
    xapi = await clientOf(next)
    const { metrics } = await xapi.record('host', lostMaster)
    await xapi.waitFor('host_metrics', metrics, (record) => record?.live === false, { timeoutMs: 60_000 })
    await pool().post(`/hosts/${old.uuid}/start`)
    assert.deepEqual(await rpc(old.url, old.fingerprint, 'session.login_with_password', ['root', 'lab password']), [
      'HOST_IS_SLAVE',
      next.address,
    ])
    assert.equal((await xapi.record('host_metrics', metrics)).live, true)
  })

  async function waitForMaster(uuid: string): Promise<void> {
    for (const deadline = Date.now() + 60_000; ; ) {
      const found = (await hosts()).find(({ master, state }) => master && state === 'up')
      if (found?.uuid === uuid) return
      assert.ok(Date.now() < deadline, 'the master changes')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
})

test('a pool that is opened again has its hosts, certificates, ports, master and what was away', async () => {
  const data = mkdtempSync(join(tmpdir(), 'lab-hosts-'))
  try {
    const first = await startLab({ ...options, data })
    const [trio] = first.pools as [StartedPool]
    const before = (await trio.get('/hosts')).hosts as [Described, Described, Described]
    await trio.post('/pool/designate_new_master', { host: before[1].uuid })
    await trio.post(`/hosts/${before[2].uuid}/stop`)
    await first.close()
    const second = await startLab({ data })
    const found = (await (second.pools as [StartedPool])[0].get('/hosts')).hosts as Described[]
    await second.close()
    assert.deepEqual(
      found,
      before.map((one, index) => ({ ...one, master: index === 1, state: index === 2 ? 'down' : 'up' })),
    )
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
})

test('a pool of one host reboots like any: its guests are halted, and it answers again', async () => {
  const small = await startLab({ pools: ['solo'], empty: true, password: 'lab password' })
  try {
    const [solo] = small.pools as [StartedPool]
    assert.equal(solo.hosts, undefined)
    const { vm } = await solo.post('/vms', { name: 'guest', disks: [], start: true })
    const [only] = (await solo.get('/hosts')).hosts as [Described]
    await solo.post(`/hosts/${only.uuid}/reboot`)
    const client = await connectTo(solo)
    assert.equal((await client.record('VM', await client.byUuid('VM', vm.uuid))).power_state, 'Halted')
    await client.close()
    await assert.rejects(solo.post('/hosts/00000000-0000-0000-0000-000000000000/stop'), { status: 404 })
  } finally {
    await small.close()
  }
})

test('a wait for events does not hold up a change of the master, nor a master that goes away', async () => {
  const quick = await startLab(options)
  const [trio] = quick.pools as [StartedPool]
  const client = await connectTo(trio)
  try {
    const all = (await trio.get('/hosts')).hosts as [Described, Described, Described]
    for (const change of [
      () => trio.post('/pool/designate_new_master', { host: all[1].uuid }),
      () => trio.post(`/hosts/${all[1].uuid}/reboot`),
    ]) {
      const [ref] = await client.call<Ref<'pool'>[]>('pool.get_all', [])
      const waiting = client.waitFor('pool', ref as Ref<'pool'>, ({ name_label } = {} as never) => name_label === 'changed', {
        timeoutMs: 60_000,
      })
      const told = waiting.then(
        () => 'changed',
        (error: Error) => error.name,
      )
      const since = performance.now()
      await change()
      assert.ok(performance.now() - since < 3_000, 'it takes no time')
      // Either it goes on at the new master, or it fails as any wait whose connection broke.
      await client.call('pool.set_name_label', [ref, 'changed'])
      assert.match(await told, /^(changed|XapiConnectionError)$/)
      await client.call('pool.set_name_label', [ref, 'trio'])
    }
  } finally {
    await client.close()
    await quick.close()
  }
})

test('understudy lab --hosts describes every host, finds them again after kill -9, and refuses numbers that are none', async () => {
  const spawned = await spawnLab(['--pools', 'duo', '--hosts', '2', '--empty', '--no-nbd'])
  try {
    const [duo] = spawned.pools as [ControlledLabPool]
    assert.deepEqual(
      duo.hosts?.map(({ name, address, master, nbd }) => [name, address, master, nbd]),
      [
        ['duo-host', '127.0.0.1', true, null],
        ['duo-host-2', '127.0.0.2', false, null],
      ],
    )
    assert.deepEqual([duo.url, duo.fingerprint], [duo.hosts?.[0]?.url, duo.hosts?.[0]?.fingerprint])
    await spawned.kill('SIGKILL')
    await spawned.restart()
    assert.deepEqual(spawned.pools[0]?.hosts, duo.hosts)
  } finally {
    await spawned.close()
  }
  for (const number of ['0', '65', 'many']) await assert.rejects(spawnLab(['--pools', 'duo', '--hosts', number]), /hosts/)
})

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, rejectUnauthorized: false }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode))
    }).on('error', reject)
  })
}

/** One call to one host, and nowhere else: the result, or code and parameters of the failure. */
async function rpc(url: string, fingerprint: string, method: string, params: unknown[]): Promise<unknown> {
  const connector = pinnedConnector(trustListed([fingerprint]))
  const one = jsonRpc(connector, parseAddress(url), 5_000)
  try {
    return await one.request(method, params, { timeoutMs: 60_000 })
  } catch (error) {
    if (error instanceof XapiError) return [error.code, ...error.params]
    throw error
  } finally {
    one.close()
    connector.close()
  }
}
