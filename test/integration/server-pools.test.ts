/** The registered pools of a server against lab pools: kept connected, seen live, refused when they are not who they were. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Job } from '../../src/core/control/job.ts'
import type { PoolInventory } from '../../src/core/control/pool-record.ts'
import type { Failure } from '../../src/core/failure.ts'
import { PoolService } from '../../src/jobs/pools/pool-service.ts'
import { deleteJob } from '../../src/store/jobs/delete-job.ts'
import { insertJob } from '../../src/store/jobs/insert-job.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { Xapi } from '../../src/xapi/xapi.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { becomes, failsAs, LONG_MS, loginOf, type Server, seen, startServer, stateOf, until } from '../support/server-pools.ts'

let lab: StartedLab
before(async () => {
  lab = await startLab({ pools: ['paris', 'oslo'] })
})
after(() => lab.close())

const paris = (): StartedPool => lab.pools[0] as StartedPool
const oslo = (): StartedPool => lab.pools[1] as StartedPool

async function asAdministrator<T>(pool: StartedPool, use: (xapi: Xapi) => Promise<T>): Promise<T> {
  const { fingerprint } = await certificateOf(pool)
  const xapi = await connectXapi({ ...loginOf(pool), trust: trustListed([fingerprint]) })
  try {
    return await use(xapi)
  } finally {
    await xapi.close()
  }
}

async function certificateOf(pool: StartedPool) {
  const server = await startServer()
  try {
    return await server.pools.certificate(pool.url)
  } finally {
    await server.close()
  }
}

test('G10: a pool is added by what its certificate was seen to be; hosts, storage, networks and VMs are seen', async () => {
  const server = await startServer()
  try {
    const certificate = await server.pools.certificate(paris().url)
    assert.equal(certificate.fingerprint, paris().fingerprint)
    assert.ok(Date.parse(certificate.validTo) > Date.parse(certificate.validFrom))
    assert.match(certificate.subject, /CN=/)
    const added = await server.pools.add(loginOf(paris()))
    assert.deepEqual([added.state, added.error, added.url], ['connected', null, paris().url])
    assert.ok(added.name.length > 0)
    // Whoever adds it is told at once what is in it.
    assert.equal(added.counts.vms, paris().vms.length)
    assert.ok(added.counts.srs > 0)
    const inventory = await seen(server, added.id)
    assert.deepEqual(
      inventory.vms.map((vm) => vm.uuid).sort(),
      paris()
        .vms.map((vm) => vm.uuid)
        .sort(),
    )
    for (const { uuid, name, disks } of paris().vms) {
      const found = inventory.vms.find((vm) => vm.uuid === uuid)
      const size = disks.reduce((sum, disk) => sum + disk.size, 0)
      assert.ok(found && found.bytesAllocated > 0 && found.bytesAllocated <= size, `${found?.bytesAllocated} of ${size}`)
      assert.equal(found?.name, name)
      assert.equal(found?.replicaOf, null)
      assert.deepEqual(
        found?.disks.map((disk) => [disk.userdevice, disk.uuid, disk.size]),
        disks.map((disk) => [disk.userdevice, disk.vdi, disk.size]),
      )
      assert.ok(found?.disks.every((disk) => inventory.srs.some((sr) => sr.uuid === disk.sr)))
      assert.ok((found?.networks.length ?? 0) > 0)
    }
    for (const { uuid } of paris().srs) {
      const sr = inventory.srs.find((one) => one.uuid === uuid)
      assert.ok(sr?.usable && sr.size > 0, sr?.name)
    }
    assert.deepEqual(
      inventory.hosts.map((host) => [host.live, host.isMaster]),
      [[true, true]],
    )
    assert.ok(inventory.networks.some((network) => network.purposes.includes('nbd')))
    const status = stateOf(server, added.id)
    assert.deepEqual(status.counts, { hosts: 1, vms: paris().vms.length, srs: inventory.srs.length })
    assert.match(status.version ?? '', /\d+\.\d+/)
    assert.ok((await server.pools.test(added.id)).ok)
  } finally {
    await server.close()
  }
})

test('G9: nothing of the password is in the database, in a status or in an error', async () => {
  const server = await startServer()
  try {
    const added = await server.pools.add(loginOf(paris()))
    const wrong = await server.pools.add({ ...loginOf(oslo()), password: 'not the password' }).catch((error: Error) => error)
    assert.ok(wrong instanceof Error)
    const rows = JSON.stringify(await server.store.db.selectFrom('pools').selectAll().execute())
    const shown = [rows, JSON.stringify(added), JSON.stringify(await server.pools.list()), JSON.stringify(server.changes), wrong.stack]
    for (const text of shown) assert.ok(!text?.includes(paris().password) && !text?.includes('not the password'))
  } finally {
    await server.close()
  }
})

test('G10: nothing is sent to a pool whose certificate is not the accepted one; nothing is stored of one that refuses', async () => {
  const server = await startServer()
  try {
    const since = (await paris().get('/calls')).last
    const other = 'AB'.repeat(32)
    await assert.rejects(server.pools.add({ ...loginOf(paris()), fingerprint: other }), failsAs('CERTIFICATE_CHANGED'))
    await assert.rejects(server.pools.add({ ...loginOf(paris()), fingerprint: 'not one' }), failsAs('FINGERPRINT_INVALID'))
    assert.deepEqual((await paris().get(`/calls?since=${since}`)).calls, [])
    await assert.rejects(server.pools.add({ ...loginOf(paris()), password: 'wrong' }), failsAs('SESSION_AUTHENTICATION_FAILED'))
    await assert.rejects(server.pools.add({ ...loginOf(paris()), url: 'ftp://pool' }), failsAs('POOL_URL_INVALID'))
    await assert.rejects(server.pools.certificate('https://127.0.0.1:1'), failsAs('POOL_REFUSED'))
    assert.deepEqual(await server.pools.list(), [])
    assert.deepEqual(await server.store.db.selectFrom('pools').selectAll().execute(), [])
  } finally {
    await server.close()
  }
})

test('a pool is registered once, whatever address it is added by', async () => {
  const server = await startServer()
  try {
    const added = await server.pools.add({ ...loginOf(paris()), name: 'first' })
    await assert.rejects(
      server.pools.add({ ...loginOf(paris()), name: 'again', url: paris().url.replace('127.0.0.1', 'localhost') }),
      (error: Failure) => failsAs('POOL_KNOWN')(error) && error.message.includes('first'),
    )
    // At once, before either is stored.
    const both = await Promise.allSettled([server.pools.add(loginOf(oslo())), server.pools.add(loginOf(oslo()))])
    assert.deepEqual(both.map((one) => one.status).sort(), ['fulfilled', 'rejected'])
    assert.equal((await server.pools.list()).length, 2)
    assert.equal((await server.pools.get(added.id)).name, 'first')
  } finally {
    await server.close()
  }
})

test('changes in a pool are seen by events: tags, new VMs, VMs that go, storage; what changes nothing is not told', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(paris()))
    await seen(server, id)
    const vm = paris().vms[0]?.uuid as string
    const tagsOf = (inventory: PoolInventory) => inventory.vms.find((one) => one.uuid === vm)?.tags
    await asAdministrator(paris(), async (xapi) => {
      await xapi.call('VM.add_tags', [await xapi.byUuid('VM', vm), 'gold'])
    })
    await seen(server, id, (inventory) => tagsOf(inventory)?.includes('gold') === true)
    await until('the change is told', () => server.changes.some((change) => change.kind === 'inventory' && change.pool === id))
    const { vm: made } = await paris().post('/vms', { name: 'made', disks: [{ size: 64 * 2 ** 20, content: 'empty' }] })
    const grown = await seen(server, id, (inventory) => inventory.vms.some((one) => one.uuid === made.uuid && one.disks.length === 1))
    assert.equal(stateOf(server, id).counts.vms, grown.vms.length)
    await asAdministrator(paris(), async (xapi) => {
      await xapi.call('VM.remove_tags', [await xapi.byUuid('VM', vm), 'gold'])
      await xapi.call('VM.destroy', [await xapi.byUuid('VM', made.uuid)])
    })
    await seen(server, id, (inventory) => tagsOf(inventory)?.length === 0 && inventory.vms.every((one) => one.uuid !== made.uuid))
  } finally {
    await server.close()
  }
})

test('replicas, ours and those of the original product, are told apart from VMs', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(oslo()))
    const make = async (name: string) => (await oslo().post('/vms', { name, disks: [] })).vm.uuid as string
    const [ours, old, failedOver, plain] = [await make('ours'), await make('old'), await make('failed over'), await make('plain')]
    await asAdministrator(oslo(), async (xapi) => {
      const mark = async (uuid: string, config: Record<string, string>, blocked: boolean) => {
        const ref = await xapi.byUuid('VM', uuid)
        for (const [key, value] of Object.entries(config)) await xapi.call('VM.add_to_other_config', [ref, key, value])
        if (blocked) await xapi.call('VM.add_to_blocked_operations', [ref, 'start', 'a replica'])
      }
      const ourMark = (self: string) => ({ 'understudy:replica': JSON.stringify({ job: 'job', vm: 'source', sr: 'sr', self }) })
      await mark(ours, ourMark(ours), true)
      await mark(failedOver, ourMark(failedOver), false)
      await mark(old, { 'xo:backup:job': 'xo job', 'xo:backup:vm': 'xo source', 'xo:backup:sr': 'sr' }, true)
    })
    const replicaOf = (inventory: PoolInventory, uuid: string) => inventory.vms.find((vm) => vm.uuid === uuid)?.replicaOf
    const inventory = await seen(server, id, (now) => Boolean(replicaOf(now, ours) && replicaOf(now, old)))
    assert.deepEqual(replicaOf(inventory, ours), { job: 'job', vm: 'source' })
    assert.deepEqual(replicaOf(inventory, old), { job: 'xo job', vm: 'xo source' })
    assert.equal(replicaOf(inventory, failedOver), null)
    assert.equal(replicaOf(inventory, plain), null)
  } finally {
    await server.close()
  }
})

test('deletions that the pool forgot to tell are noticed by its counts', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(oslo()))
    await seen(server, id)
    const { vm } = await oslo().post('/vms', { name: 'goes silently', disks: [] })
    await seen(server, id, (inventory) => inventory.vms.some((one) => one.uuid === vm.uuid))
    const { fault } = await oslo().post('/faults', {
      kind: 'lose-events',
      match: { class: 'VM', operation: 'del' },
      count: null,
    })
    await asAdministrator(oslo(), async (xapi) => {
      await xapi.call('VM.destroy', [await xapi.byUuid('VM', vm.uuid)])
      // What makes the pool answer: an event of another VM.
      const [other] = (await xapi.records('VM')).keys()
      await xapi.call('VM.add_tags', [other, `touched ${Date.now()}`])
    })
    await seen(server, id, (inventory) => inventory.vms.every((one) => one.uuid !== vm.uuid))
    await oslo().delete(`/faults/${fault.id}`)
  } finally {
    await server.close()
  }
})

test('a pool that is away is told as such with what it was seen to hold, is back by itself, and no other pool notices', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(paris()))
    const other = await server.pools.add(loginOf(oslo()))
    const held = await seen(server, id)
    await seen(server, other.id)
    const since = stateOf(server, other.id).since
    await paris().stop()
    const away = await becomes(server, id, 'away')
    assert.match(away.error?.code ?? '', /^POOL_(REFUSED|BROKEN|UNREACHABLE)$/)
    assert.ok(away.lastSeenAt !== null)
    assert.deepEqual((await server.pools.inventory(id)).vms, held.vms)
    await assert.rejects(
      server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async () => assert.fail('there is no pool')),
      (error: Failure) => /^POOL_/.test(error.code),
    )
    const tested = await server.pools.test(id)
    assert.deepEqual([tested.ok, tested.checks.length], [false, 1])
    await server.pools.withPool(other.id, AbortSignal.timeout(LONG_MS), async (xapi) => {
      assert.equal((await xapi.records('pool')).size, 1)
    })
    assert.equal(stateOf(server, other.id).since, since)
    await paris().start()
    const back = await becomes(server, id, 'connected')
    assert.equal(back.error, null)
    await server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async (xapi) => void (await xapi.records('pool')))
  } finally {
    await server.close()
  }
})

test('a toolstack that restarts ends no use of the pool, and changes after it are seen', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(paris()))
    await seen(server, id)
    await server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async (xapi) => {
      const before = await xapi.records('VM')
      await paris().post('/pool/restart')
      assert.equal((await xapi.records('VM')).size, before.size)
    })
    const { vm } = await paris().post('/vms', { name: 'after the restart', disks: [] })
    await seen(server, id, (inventory) => inventory.vms.some((one) => one.uuid === vm.uuid))
    await becomes(server, id, 'connected')
  } finally {
    await server.close()
  }
})

test('G10: a changed certificate is refused until somebody accepts it; the password is not sent meanwhile', async () => {
  const server = await startServer()
  try {
    const { id, fingerprints } = await server.pools.add(loginOf(oslo()))
    await seen(server, id)
    const { fault } = await oslo().post('/faults', { kind: 'certificate' })
    await oslo().stop()
    await oslo().start()
    const since = (await oslo().get('/calls')).last
    const refused = await becomes(server, id, 'refused')
    assert.equal(refused.error?.code, 'CERTIFICATE_CHANGED')
    const seenNow = await server.pools.certificate(oslo().url)
    assert.ok(!fingerprints.includes(seenNow.fingerprint))
    assert.ok(refused.error?.message.includes(seenNow.fingerprint), 'the error tells the new one')
    await assert.rejects(
      server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async () => assert.fail('not trusted')),
      failsAs('CERTIFICATE_CHANGED'),
    )
    assert.deepEqual((await oslo().get(`/calls?since=${since}`)).calls, [])
    // Whoever may change pools can't have the stored password sent elsewhere.
    await assert.rejects(
      server.pools.change(id, { url: oslo().url.replace('127.0.0.1', 'localhost'), fingerprint: seenNow.fingerprint }),
      failsAs('POOL_PASSWORD_NEEDED'),
    )
    const accepted = await server.pools.change(id, { fingerprint: seenNow.fingerprint })
    assert.deepEqual(accepted.fingerprints, [seenNow.fingerprint])
    await becomes(server, id, 'connected')
    // The first one again: refused as well, it is not the accepted one any more.
    await oslo().delete(`/faults/${fault.id}`)
    await oslo().stop()
    await oslo().start()
    await becomes(server, id, 'refused')
    await server.pools.change(id, { fingerprint: fingerprints[0] as string })
    await becomes(server, id, 'connected')
  } finally {
    await oslo().delete('/faults')
    await server.close()
  }
})

test('a password that is wrong is refused; a change is tried before it is stored', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(oslo()))
    await assert.rejects(server.pools.change(id, { password: 'wrong' }), failsAs('SESSION_AUTHENTICATION_FAILED'))
    await assert.rejects(
      server.pools.change(id, { url: paris().url, fingerprint: paris().fingerprint, password: paris().password }),
      failsAs('POOL_REPLACED'),
    )
    await assert.rejects(server.pools.change(id, { url: 'https://127.0.0.1:1' }), failsAs('POOL_REFUSED'))
    assert.equal((await server.pools.get(id)).url, oslo().url)
    await becomes(server, id, 'connected')
    const renamed = await server.pools.change(id, { name: 'Oslo', password: oslo().password })
    assert.equal(renamed.name, 'Oslo')
    // As if it had been changed at the pool meanwhile.
    await server.store.transaction((db) =>
      db
        .updateTable('pools')
        .set({ secret: server.secrets.seal(db, { table: 'pools', id }, 'no longer right') })
        .where('id', '=', id)
        .execute(),
    )
    const again = new PoolService({ store: server.store, secrets: server.secrets, clock: { now: () => Date.now() } })
    await again.start()
    try {
      const status = await until('refused', () => again.statuses().find((one) => one.state === 'refused'))
      assert.equal(status.error?.code, 'SESSION_AUTHENTICATION_FAILED')
      await again.change(id, { password: oslo().password })
      await until('connected', () => again.statuses().find((one) => one.state === 'connected'))
    } finally {
      await again.close()
    }
  } finally {
    await server.close()
  }
})

test('a password that is refused is sent three times, not again by runs nor by the next start, and then by somebody who tries it', async () => {
  const first = await startServer()
  const { id } = await first.pools.add(loginOf(oslo()))
  await seen(first, id)
  await first.pools.close()
  const { store, secrets } = first
  const stores = (password: string) =>
    store.transaction((db) =>
      db
        .updateTable('pools')
        .set({ secret: secrets.seal(db, { table: 'pools', id }, password) })
        .where('id', '=', id)
        .execute(),
    )
  const since = (await oslo().get('/calls')).last
  const logins = async () => {
    const { calls } = (await oslo().get(`/calls?since=${since}`)) as { calls: { method: string }[] }
    return calls.filter(({ method }) => method === 'session.login_with_password').length
  }
  // As if it had been changed at the pool meanwhile.
  await stores('no longer right')
  const held = (server: Server) => until('held', () => stateOf(server, id).error?.message.includes('not sent again') && stateOf(server, id))
  const second = await startServer(store, secrets, [10, 10])
  const status = await held(second)
  assert.deepEqual([status.state, status.error?.code], ['refused', 'SESSION_AUTHENTICATION_FAILED'])
  assert.match(status.error?.hint ?? '', /pool edit POOL --new-password.*pool test POOL/)
  assert.equal(await logins(), 3)
  const use = (server: Server) => server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async () => assert.fail('not let in'))
  await assert.rejects(use(second), failsAs('SESSION_AUTHENTICATION_FAILED'))
  await second.pools.close()
  const third = await startServer(store, secrets, [10, 10])
  try {
    await held(third)
    await assert.rejects(use(third), failsAs('SESSION_AUTHENTICATION_FAILED'))
    assert.equal(await logins(), 3)
    assert.equal((await third.pools.test(id)).ok, false)
    assert.equal(await logins(), 4)
    assert.equal((await held(third)).state, 'refused')
    // As if it had been changed back.
    await stores(oslo().password)
    assert.equal((await third.pools.test(id)).ok, true)
    await becomes(third, id, 'connected')
    await until('nothing held against it', () => stateOf(third, id).error === null)
    const row = await store.db.selectFrom('pools').select('login_refusals').where('id', '=', id).executeTakeFirst()
    assert.equal(row?.login_refusals, 0)
  } finally {
    await third.close()
  }
})

test('a pool that answers in the place of another is refused', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(oslo()))
    await server.store.db.updateTable('pools').set({ pool_uuid: '00000000-0000-4000-8000-000000000000' }).where('id', '=', id).execute()
    const again = new PoolService({ store: server.store, secrets: server.secrets, clock: { now: () => Date.now() } })
    await again.start()
    const status = await until('refused', () => again.statuses().find((one) => one.state === 'refused'))
    assert.equal(status.error?.code, 'POOL_REPLACED')
    await again.close()
  } finally {
    await server.close()
  }
})

test('pools are found again by the next start of the server; disabled ones are left alone', async () => {
  const first = await startServer()
  const { id } = await first.pools.add(loginOf(paris()))
  await seen(first, id)
  const disabled = await first.pools.change(id, { enabled: false })
  assert.equal(disabled.state, 'disabled')
  await assert.rejects(
    first.pools.withPool(id, AbortSignal.timeout(LONG_MS), async () => assert.fail('disabled')),
    failsAs('POOL_DISABLED'),
  )
  await first.pools.close()
  const since = (await paris().get('/calls')).last
  const second = await startServer(first.store, first.secrets)
  try {
    assert.equal(stateOf(second, id).state, 'disabled')
    await assert.rejects(second.pools.inventory(id), failsAs('POOL_AWAY'))
    assert.deepEqual((await paris().get(`/calls?since=${since}`)).calls, [])
    await second.pools.change(id, { enabled: true })
    await becomes(second, id, 'connected')
    await seen(second, id)
  } finally {
    await second.close()
  }
})

test('a pool that a job names is not removed; afterwards nothing of it is left', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(paris()))
    const job: Job = {
      id: 'job',
      name: 'Nightly',
      enabled: true,
      selection: { include: [{ kind: 'tag', pool: null, tag: 'gold' }], exclude: [] },
      targets: [{ pool: id, sr: 'sr' }],
      settings: {},
      schedules: [],
      turned: [],
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-01T00:00:00.000Z',
      version: 1,
    }
    await server.store.transaction((db) => insertJob(db, job))
    await assert.rejects(server.pools.remove(id), (error: Failure) => failsAs('POOL_IN_USE')(error) && error.message.includes('Nightly'))
    await becomes(server, id, 'connected')
    await deleteJob(server.store.db, 'job')
    await server.pools.remove(id)
    await assert.rejects(server.pools.get(id), failsAs('POOL_UNKNOWN'))
    await assert.rejects(server.pools.remove(id), failsAs('POOL_UNKNOWN'))
    await assert.rejects(
      server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async () => assert.fail('gone')),
      failsAs('POOL_UNKNOWN'),
    )
    assert.ok(server.changes.some((change) => change.kind === 'pool-removed' && change.id === id))
    await server.pools.add(loginOf(paris()))
  } finally {
    await server.close()
  }
})

test('many uses share one session, and one that waits for a pool that is away gives up when it is told to', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(oslo()))
    await seen(server, id)
    const logins = async () => (await oslo().get('/calls')).calls.filter((call: { method: string }) => call.method.includes('login')).length
    const before = await logins()
    await Promise.all(
      Array.from({ length: 20 }, () =>
        server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async (xapi) => void (await xapi.records('host'))),
      ),
    )
    assert.equal(await logins(), before)
    const stop = new AbortController()
    const fault = await oslo().post('/faults', { kind: 'half-open', match: { method: 'session.login_with_password' }, count: null })
    await oslo().stop()
    await becomes(server, id, 'away')
    await oslo().start()
    const waiting = server.pools.withPool(id, stop.signal, async () => assert.fail('no login comes through'))
    stop.abort(new Error('enough'))
    await assert.rejects(waiting, /enough|POOL_|answer|connection/)
    await oslo().delete(`/faults/${fault.fault.id}`)
    await becomes(server, id, 'connected')
  } finally {
    await server.close()
  }
})
