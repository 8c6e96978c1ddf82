import Type from 'typebox'
import { route } from '../route.ts'
import { closed, id, page } from '../schema/forms.ts'
import * as schema from '../schema/replica.ts'

export const replicaRoutes = [
  route({
    method: 'GET',
    path: '/protections',
    needs: 'viewer',
    summary: 'Lists how well each VM is protected: asked and achieved RPO, one entry a VM, job and target',
    query: schema.protectionFilter,
    reply: page(schema.protection, 'ProtectionPage'),
    handle: ({ api, query }) => api.plane.replicas.protection(query),
  }),
  route({
    method: 'GET',
    path: '/protections/counts',
    needs: 'viewer',
    summary: 'Counts the VMs by their state of protection',
    reply: schema.protectionCounts,
    handle: ({ api }) => api.plane.replicas.counts(),
  }),
  route({
    method: 'GET',
    path: '/restore-points',
    needs: 'viewer',
    summary: 'Lists the restore points of a VM on a target, read from the pool at this moment',
    query: closed({ pool: id, sr: id, vm: id }),
    reply: page(schema.restorePoint, 'RestorePointPage'),
    handle: async ({ api, query }) => ({
      items: await api.plane.replicas.restorePoints({ pool: query.pool, sr: query.sr }, query.vm),
      next: null,
    }),
  }),
  route({
    method: 'POST',
    path: '/verifications',
    needs: 'operator',
    summary: 'Starts reading a restore point back; how it ended is told by an event of kind verified, and in the restore point',
    body: schema.verifyRequest,
    reply: closed({ id: Type.String() }, { title: 'Verification' }),
    status: 202,
    makes: '/activities',
    audit: 'restore-point.verify',
    idempotent: true,
    handle: ({ api, body, actor }) => api.plane.replicas.verify(body, actor),
  }),
]
