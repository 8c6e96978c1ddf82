import { route } from '../route.ts'
import { closed, page } from '../schema/forms.ts'
import * as schema from '../schema/pool.ts'

export const poolRoutes = [
  route({
    method: 'POST',
    path: '/pools/certificate',
    needs: 'administrator',
    summary: 'Looks at the certificate of an address, to compare its fingerprint before it is accepted; no password is sent',
    body: closed({ url: schema.poolUrl }),
    reply: schema.certificate,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, body }) => api.plane.pools.certificate(body.url),
  }),
  route({
    method: 'GET',
    path: '/pools',
    needs: 'viewer',
    summary: 'Lists the registered pools and their state',
    reply: page(schema.poolStatus, 'PoolPage'),
    handle: async ({ api }) => ({ items: await api.plane.pools.list(), next: null }),
  }),
  route({
    method: 'POST',
    path: '/pools',
    needs: 'administrator',
    summary: 'Registers a pool, after logging in to it',
    body: schema.newPool,
    reply: schema.poolStatus,
    status: 201,
    audit: 'pool.add',
    idempotent: true,
    handle: ({ api, body }) => api.plane.pools.add(body),
  }),
  route({
    method: 'GET',
    path: '/pools/:id',
    needs: 'viewer',
    summary: 'Shows a pool',
    reply: schema.poolStatus,
    handle: ({ api, params }) => api.plane.pools.get(params.id),
  }),
  route({
    method: 'PATCH',
    path: '/pools/:id',
    needs: 'administrator',
    summary: 'Changes a pool',
    description: 'A new address or password is tried before it is stored; a new fingerprint is accepted by naming it.',
    body: schema.poolChange,
    reply: schema.poolStatus,
    audit: 'pool.change',
    handle: ({ api, params, body }) => api.plane.pools.change(params.id, body),
  }),
  route({
    method: 'DELETE',
    path: '/pools/:id',
    needs: 'administrator',
    summary: 'Forgets a pool; POOL_IN_USE while a job names it',
    audit: 'pool.remove',
    async handle({ api, params }) {
      await api.plane.pools.remove(params.id)
      return undefined
    },
  }),
  route({
    method: 'POST',
    path: '/pools/:id/test',
    needs: 'operator',
    summary: 'Tests the connection: logs in anew, and tells what was found',
    reply: schema.poolTest,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, params }) => api.plane.pools.test(params.id),
  }),
  route({
    method: 'GET',
    path: '/pools/:id/inventory',
    needs: 'viewer',
    summary: 'Shows hosts, storage, networks and VMs of a pool, as of its last event',
    reply: schema.inventory,
    handle: ({ api, params }) => api.plane.pools.inventory(params.id),
  }),
]
