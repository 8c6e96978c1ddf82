import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import type { Job } from '../../core/control/job.ts'
import { versionAsked } from '../register-route.ts'
import { route } from '../route.ts'
import { closed, id, page } from '../schema/forms.ts'
import * as schema from '../schema/job.ts'
import { protection } from '../schema/replica.ts'

const IMPORT_BYTES = 16 * 1024 * 1024

/** The version is the ETag: what a change names in If-Match. */
function tagged(reply: FastifyReply, job: Job): Job {
  void reply.header('etag', `"${job.version}"`)
  return job
}

export const jobRoutes = [
  route({
    method: 'GET',
    path: '/jobs',
    needs: 'viewer',
    summary: 'Lists the jobs with their schedules',
    reply: page(schema.job, 'JobPage'),
    handle: async ({ api }) => ({ items: await api.plane.jobs.list(), next: null }),
  }),
  route({
    method: 'POST',
    path: '/jobs',
    needs: 'administrator',
    summary: 'Creates a job, enabled or not, with or without schedules',
    body: schema.newJob,
    reply: schema.job,
    status: 201,
    audit: 'job.create',
    idempotent: true,
    handle: async ({ api, body, reply }) => tagged(reply, await api.plane.jobs.create(body)),
  }),
  route({
    method: 'GET',
    path: '/jobs/:id',
    needs: 'viewer',
    summary: 'Shows a job',
    reply: schema.job,
    async handle({ api, params, request, reply }) {
      const job = tagged(reply, await api.plane.jobs.get(params.id))
      return request.headers['if-none-match'] === `"${job.version}"` ? reply.code(304).send() : job
    },
  }),
  route({
    method: 'PATCH',
    path: '/jobs/:id',
    needs: 'administrator',
    summary: 'Changes a job; what is left out stays',
    body: schema.jobChange,
    reply: schema.job,
    audit: 'job.change',
    ifMatch: true,
    handle: async ({ api, params, body: { version, ...change }, request, reply }) =>
      tagged(reply, await api.plane.jobs.update(params.id, change, versionAsked(request) ?? version)),
  }),
  route({
    method: 'DELETE',
    path: '/jobs/:id',
    needs: 'administrator',
    summary: 'Deletes a job and ends what runs of it; its replicas stay, and are listed',
    reply: closed({ replicasLeft: Type.Array(protection) }, { title: 'DeletedJob' }),
    audit: 'job.remove',
    handle: ({ api, params }) => api.plane.jobs.remove(params.id),
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/enable',
    needs: 'administrator',
    summary: 'Enables a job: its enabled schedules fire from now on',
    reply: schema.job,
    audit: 'job.enable',
    handle: async ({ api, params, reply }) => tagged(reply, await api.plane.jobs.update(params.id, { enabled: true })),
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/disable',
    needs: 'administrator',
    summary: 'Disables a job: what runs goes on, nothing new begins by itself',
    reply: schema.job,
    audit: 'job.disable',
    handle: async ({ api, params, reply }) => tagged(reply, await api.plane.jobs.update(params.id, { enabled: false })),
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/schedules',
    needs: 'administrator',
    summary: 'Adds a schedule to a job',
    body: schema.scheduleSpec,
    reply: schema.schedule,
    status: 201,
    audit: 'schedule.create',
    idempotent: true,
    handle: ({ api, params, body }) => api.plane.jobs.addSchedule(params.id, body),
  }),
  route({
    method: 'PATCH',
    path: '/jobs/:id/schedules/:schedule',
    needs: 'administrator',
    summary: 'Changes a schedule; what is left out stays',
    body: schema.scheduleChange,
    reply: schema.schedule,
    audit: 'schedule.change',
    handle: ({ api, params, body }) => api.plane.jobs.updateSchedule(params.id, params.schedule, body),
  }),
  route({
    method: 'DELETE',
    path: '/jobs/:id/schedules/:schedule',
    needs: 'administrator',
    summary: 'Deletes a schedule; its restore points stay',
    audit: 'schedule.remove',
    async handle({ api, params }) {
      await api.plane.jobs.removeSchedule(params.id, params.schedule)
      return undefined
    },
  }),
  route({
    method: 'POST',
    path: '/jobs/preview',
    needs: 'viewer',
    summary: 'Shows which VMs a selection chooses at this moment, and which it leaves out and why',
    body: schema.selection,
    reply: schema.preview,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, body }) => api.plane.jobs.preview(body),
  }),
  route({
    method: 'POST',
    path: '/jobs/next-ticks',
    needs: 'viewer',
    summary: 'Shows the next times of a timing',
    body: closed({ timing: schema.timing, count: Type.Integer({ minimum: 1, maximum: 100 }) }),
    reply: closed({ ticks: Type.Array(Type.String({ format: 'date-time' })) }, { title: 'Ticks' }),
    // Changes nothing, so nothing is recorded.
    handle: ({ api, body }) => ({ ticks: api.plane.jobs.nextTicks(body.timing, body.count) }),
  }),
  route({
    method: 'GET',
    path: '/jobs/upcoming',
    needs: 'viewer',
    summary: 'Shows when each enabled schedule fires next',
    reply: page(schema.upcoming, 'UpcomingPage'),
    handle: async ({ api }) => ({ items: await api.plane.jobs.upcoming(), next: null }),
  }),
  route({
    method: 'GET',
    path: '/jobs/export',
    needs: 'viewer',
    summary: 'Exports jobs as a document that another server can import',
    query: closed({ id: Type.Optional(Type.Array(id)) }),
    reply: schema.jobsDocument,
    handle: ({ api, query }) => api.plane.jobs.export(query.id),
  }),
  route({
    method: 'POST',
    path: '/jobs/import',
    needs: 'administrator',
    summary: 'Imports jobs; `replace` overwrites those of the same id',
    query: closed({ replace: Type.Optional(Type.Boolean()) }),
    body: schema.jobsDocument,
    reply: page(schema.job, 'JobPage'),
    audit: 'job.import',
    idempotent: true,
    bodyLimit: IMPORT_BYTES,
    handle: async ({ api, query, body }) => ({
      items: await api.plane.jobs.import(body, { replace: query.replace ?? false }),
      next: null,
    }),
  }),
]
