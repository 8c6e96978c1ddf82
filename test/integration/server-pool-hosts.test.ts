/** A registered pool of three hosts: known by any of them, and kept when its master is another one. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Failure } from '../../src/core/failure.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import { becomes, failsAs, LONG_MS, loginOf, seen, startServer, stateOf, until } from '../support/server-pools.ts'

let lab: StartedLab
before(async () => {
  lab = await startLab({ pools: ['trio'], hosts: 3, empty: true })
})
after(() => lab.close())

const trio = (): StartedPool => lab.pools[0] as StartedPool
const hostOf = (number: number) => (trio().hosts ?? [])[number] as { uuid: string; url: string; fingerprint: string }

test('a pool is added by a host that is not its master, with the certificate of that host alone; by another host it is known', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add({ ...loginOf(trio()), url: hostOf(1).url, fingerprint: hostOf(1).fingerprint, name: 'Trio' })
    const inventory = await seen(server, id)
    assert.deepEqual(inventory.hosts.map((host) => host.isMaster).filter(Boolean), [true])
    assert.equal(stateOf(server, id).counts.hosts, 3)
    for (const number of [0, 2]) {
      const { url, fingerprint } = hostOf(number)
      await assert.rejects(
        server.pools.add({ ...loginOf(trio()), url, fingerprint }),
        (error: Failure) => failsAs('POOL_KNOWN')(error) && error.message.includes('Trio'),
      )
    }
    assert.equal((await server.pools.list()).length, 1)
  } finally {
    await server.close()
  }
})

test('another master, and the registered host dead: the pool is found by its other hosts, by the certificates that it told itself', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(trio()))
    await seen(server, id)
    await trio().post('/pool/designate_new_master', { host: hostOf(1).uuid })
    await trio().post(`/hosts/${hostOf(0).uuid}/stop`)
    await until('connected to another host', () => {
      const master = server.pools.inventoryOf(id)?.hosts.find((host) => host.isMaster)
      return stateOf(server, id).state === 'connected' && master?.uuid === hostOf(1).uuid
    })
    const { vm } = await trio().post('/vms', { name: 'made under the new master', disks: [] })
    await seen(server, id, (inventory) => inventory.vms.some((one) => one.uuid === vm.uuid))
    await server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async (xapi) => void (await xapi.records('host')))
    await trio().post(`/hosts/${hostOf(0).uuid}/start`)
    await becomes(server, id, 'connected')
  } finally {
    await server.close()
  }
})

test('hosts that come or change while it is connected are asked for anew, and stored', async () => {
  const server = await startServer()
  try {
    const { id } = await server.pools.add(loginOf(trio()))
    await seen(server, id, (inventory) => inventory.hosts.length === 3)
    const stored = async () =>
      JSON.parse((await server.store.db.selectFrom('pools').select('known_hosts').executeTakeFirstOrThrow()).known_hosts) as object
    const all = await stored()
    assert.equal(Object.keys(all).length, 3)
    const since = (await trio().get('/calls')).last
    const asked = async () => {
      const { calls } = (await trio().get(`/calls?since=${since}`)) as { calls: { method: string }[] }
      return calls.some(({ method }) => method === 'Certificate.get_all_records')
    }
    // As a host that has just joined: it is enabled last.
    const told = async (message: string) =>
      server.pools.withPool(id, AbortSignal.timeout(LONG_MS), async (xapi) => {
        await xapi.call(message, [await xapi.byUuid('host', hostOf(2).uuid)])
      })
    await told('host.disable')
    try {
      while (!(await asked())) await delay(20)
      assert.deepEqual(await stored(), all)
    } finally {
      await told('host.enable')
    }
  } finally {
    await server.close()
  }
})

test('the server starts while the registered host is dead, and another is master: the pool is found by what is stored of its hosts', async () => {
  const first = await startServer()
  const { id } = await first.pools.add(loginOf(trio()))
  await seen(first, id)
  await first.pools.close()
  const master = (await trio().get('/hosts')).hosts.find((host: { master: boolean }) => host.master)
  const next = hostOf(2).uuid === master?.uuid ? hostOf(1) : hostOf(2)
  await trio().post('/pool/designate_new_master', { host: next.uuid })
  await trio().post(`/hosts/${hostOf(0).uuid}/stop`)
  const second = await startServer(first.store, first.secrets)
  try {
    await becomes(second, id, 'connected')
    assert.equal(stateOf(second, id).url, trio().url)
    const inventory = await seen(second, id)
    assert.equal(inventory.hosts.find((host) => host.isMaster)?.uuid, next.uuid)
  } finally {
    await second.close()
    await trio().post(`/hosts/${hostOf(0).uuid}/start`)
  }
})

test('G10: a stored host that shows another certificate is told nothing, and the next one is tried; none is accepted by it', async () => {
  const first = await startServer()
  const { id } = await first.pools.add(loginOf(trio()))
  await seen(first, id)
  await first.pools.close()
  const { known_hosts } = await first.store.db.selectFrom('pools').select('known_hosts').where('id', '=', id).executeTakeFirstOrThrow()
  const known = JSON.parse(known_hosts) as Record<string, string>
  assert.deepEqual(Object.values(known).sort(), [0, 1, 2].map((number) => hostOf(number).fingerprint).sort())
  const others = Object.keys(known).filter((where) => `https://${where}` !== trio().url)
  const storeHosts = (hosts: object) =>
    first.store.db
      .updateTable('pools')
      .set({ known_hosts: JSON.stringify(hosts) })
      .where('id', '=', id)
      .execute()
  await trio().post(`/hosts/${hostOf(0).uuid}/stop`)
  try {
    // Both of them: nobody is left that may be asked.
    await storeHosts(Object.fromEntries(others.map((where) => [where, 'AA'.repeat(32).match(/../g)?.join(':')])))
    const since = (await trio().get('/calls')).last
    const strict = await startServer(first.store, first.secrets)
    await becomes(strict, id, 'away')
    assert.deepEqual((await trio().get(`/calls?since=${since}`)).calls, [])
    await strict.pools.close()
    await storeHosts({ ...known, [others[0] as string]: 'AA'.repeat(32).match(/../g)?.join(':') })
    const second = await startServer(first.store, first.secrets)
    await becomes(second, id, 'connected')
    await second.pools.close()
  } finally {
    await first.store.close()
    await trio().post(`/hosts/${hostOf(0).uuid}/start`)
  }
})
