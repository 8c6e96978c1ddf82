import type { FastifyReply } from 'fastify'
import type { RecoveryPlanRecord } from '../../core/control/recovery-plan-record.ts'
import { versionAsked } from '../register-route.ts'
import { route } from '../route.ts'
import { activity } from '../schema/activity.ts'
import { closed, page, pageRequest } from '../schema/forms.ts'
import * as schema from '../schema/plan.ts'

/** The version is the ETag: what a change names in If-Match. */
function tagged(reply: FastifyReply, plan: RecoveryPlanRecord): RecoveryPlanRecord {
  void reply.header('etag', `"${plan.version}"`)
  return plan
}

// Plans name programs on the manager, which run as the server does: like jobs, administrators make them, operators run them.
export const planRoutes = [
  route({
    method: 'GET',
    path: '/plans',
    needs: 'viewer',
    summary: 'Lists the recovery plans',
    reply: page(schema.plan, 'RecoveryPlanPage'),
    handle: async ({ api }) => ({ items: await api.plane.plans.list(), next: null }),
  }),
  route({
    method: 'POST',
    path: '/plans',
    needs: 'administrator',
    summary: 'Creates a recovery plan',
    body: schema.planSpec,
    reply: schema.plan,
    status: 201,
    audit: 'plan.create',
    idempotent: true,
    handle: async ({ api, body, reply }) => tagged(reply, await api.plane.plans.create(body)),
  }),
  route({
    method: 'POST',
    path: '/plans/check',
    needs: 'viewer',
    summary: 'Tells whether a plan could be run as the pools are now, and what each VM would lose; changes nothing',
    body: schema.planSpec,
    reply: schema.planCheck,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, body }) => api.plane.plans.check(body),
  }),
  route({
    method: 'GET',
    path: '/plans/:id',
    needs: 'viewer',
    summary: 'Shows a recovery plan',
    reply: schema.plan,
    async handle({ api, params, request, reply }) {
      const plan = tagged(reply, await api.plane.plans.get(params.id))
      return request.headers['if-none-match'] === `"${plan.version}"` ? reply.code(304).send() : plan
    },
  }),
  route({
    method: 'PATCH',
    path: '/plans/:id',
    needs: 'administrator',
    summary: 'Changes a recovery plan; what is left out stays',
    body: schema.planChange,
    reply: schema.plan,
    audit: 'plan.change',
    ifMatch: true,
    handle: async ({ api, params, body: { version, ...change }, request, reply }) =>
      tagged(reply, await api.plane.plans.update(params.id, change, versionAsked(request) ?? version)),
  }),
  route({
    method: 'DELETE',
    path: '/plans/:id',
    needs: 'administrator',
    summary: 'Deletes a recovery plan; reports of its runs stay',
    audit: 'plan.remove',
    async handle({ api, params }) {
      await api.plane.plans.remove(params.id)
      return undefined
    },
  }),
  route({
    method: 'POST',
    path: '/plans/:id/preview',
    needs: 'operator',
    summary: 'Tells what running a plan would do, lose and cost; changes nothing',
    body: schema.startPlan,
    reply: schema.planPreview,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, params, body }) => api.plane.plans.preview(params.id, body),
  }),
  route({
    method: 'POST',
    path: '/plans/:id/runs',
    needs: 'operator',
    summary: 'Runs a plan as a test, planned or unplanned, as an activity',
    description: 'Planned and unplanned runs take the name of the plan in `confirm`.',
    body: schema.startPlan,
    reply: activity,
    status: 202,
    makes: '/activities',
    audit: 'plan.run',
    idempotent: true,
    handle: ({ api, params, body, actor }) => api.plane.plans.start(params.id, body, actor),
  }),
  route({
    method: 'GET',
    path: '/plans/:id/runs',
    needs: 'viewer',
    summary: 'Lists the runs of a plan, newest first',
    query: closed(pageRequest),
    reply: page(activity, 'ActivityPage'),
    handle: ({ api, params, query }) => api.plane.activities.list({ ...query, kind: ['plan'], plan: params.id }),
  }),
]
