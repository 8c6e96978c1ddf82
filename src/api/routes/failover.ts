import Type from 'typebox'
import { refuseScripts } from '../auth/scripts.ts'
import { route } from '../route.ts'
import { activity } from '../schema/activity.ts'
import * as schema from '../schema/failover.ts'
import { closed, id, page } from '../schema/forms.ts'

export const failoverRoutes = [
  route({
    method: 'GET',
    path: '/failover/status',
    needs: 'viewer',
    summary: 'Shows what has failed over, tests that are there, and what stopped in the middle, read from the pools at this moment',
    description: 'With `vm` or `job`: their chains, also those with nothing to tell.',
    query: closed({ pool: Type.Optional(id), job: Type.Optional(id), vm: Type.Optional(id) }),
    reply: page(schema.failoverStatus, 'FailoverStatusPage'),
    handle: async ({ api, query }) => ({ items: await api.plane.failover.status(query), next: null }),
  }),
  route({
    method: 'POST',
    path: '/failover/preview',
    needs: 'operator',
    summary: 'Tells what a clone, test, failover, failback or clean-up would do, lose and cost; changes nothing',
    body: schema.failoverRequest,
    reply: schema.failoverPreview,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, body }) => api.plane.failover.preview(body),
  }),
  route({
    method: 'POST',
    path: '/failover',
    needs: 'operator',
    summary: 'Starts a clone, test, failover, failback or clean-up, as an activity',
    description:
      'Failovers (planned or not), undoing, turning round and failback take the name of the VM in `confirm`, as the preview says it. A program on ' +
      'the manager as a check (`script:/PATH`) is for administrators.',
    body: schema.startFailover,
    reply: activity,
    status: 202,
    makes: '/activities',
    audit: 'failover.start',
    idempotent: true,
    handle({ api, body, who, actor }) {
      refuseScripts(who, body)
      return api.plane.failover.start(body, actor)
    },
  }),
]
