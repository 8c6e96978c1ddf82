import Type from 'typebox'
import { route } from '../route.ts'
import * as schema from '../schema/activity.ts'
import { page } from '../schema/forms.ts'

export const activityRoutes = [
  route({
    method: 'GET',
    path: '/activities',
    needs: 'viewer',
    summary: 'Lists long operations that are no runs, newest first: tests, failovers, plans, seeds, reading back',
    query: schema.activityFilter,
    reply: page(schema.activity, 'ActivityPage'),
    handle: ({ api, query }) => api.plane.activities.list(query),
  }),
  route({
    method: 'GET',
    path: '/activities/:id',
    needs: 'viewer',
    summary: 'Shows an activity with its timeline and report',
    reply: schema.activityDetail,
    handle: ({ api, params }) => api.plane.activities.get(params.id),
  }),
  route({
    method: 'GET',
    path: '/activities/:id/report.md',
    needs: 'viewer',
    summary: 'Gives the report of an activity as a document to keep, in Markdown',
    reply: Type.String(),
    replyType: 'text/markdown',
    async handle({ api, params, reply }) {
      const text = await api.plane.activities.report(params.id)
      return reply.type('text/markdown; charset=utf-8').send(text)
    },
  }),
  route({
    method: 'POST',
    path: '/activities/:id/cancel',
    needs: 'operator',
    summary: 'Cancels an activity; it ends soon after, and takes back what has to be',
    reply: schema.activity,
    status: 202,
    makes: '/activities',
    audit: 'activity.cancel',
    handle: ({ api, params, actor }) => api.plane.activities.cancel(params.id, actor),
  }),
  route({
    method: 'POST',
    path: '/activities/:id/continue',
    needs: 'operator',
    summary: 'Goes on with an activity that was interrupted, from what the pools say; gives the new one',
    reply: schema.activity,
    status: 202,
    makes: '/activities',
    audit: 'activity.continue',
    idempotent: true,
    handle: ({ api, params, actor }) => api.plane.activities.continue(params.id, actor),
  }),
]
