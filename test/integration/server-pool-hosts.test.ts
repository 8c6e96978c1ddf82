/** A registered pool of three hosts: known by any of them, and kept when its master is another one. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
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
