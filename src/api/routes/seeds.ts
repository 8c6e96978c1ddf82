import { route } from '../route.ts'
import { activity } from '../schema/activity.ts'
import { closed, id, page } from '../schema/forms.ts'
import * as schema from '../schema/seed.ts'

export const seedRoutes = [
  route({
    method: 'GET',
    path: '/seeds/snapshots',
    needs: 'viewer',
    summary: 'Lists the snapshots of a VM and whether a seed can be made of each, read from the pool at this moment',
    query: closed({ pool: id, vm: id }),
    reply: page(schema.seedSnapshot, 'SeedSnapshotPage'),
    handle: async ({ api, query }) => ({ items: await api.plane.seeds.snapshots(query.pool, query.vm), next: null }),
  }),
  route({
    method: 'POST',
    path: '/seeds/snapshots',
    needs: 'operator',
    summary: 'Takes a snapshot for a seed, with change tracking turned on, as an activity',
    body: schema.takeSnapshot,
    reply: activity,
    status: 202,
    audit: 'seed.snapshot',
    idempotent: true,
    handle: ({ api, body, actor }) => api.plane.seeds.takeSnapshot(body, actor),
  }),
  route({
    method: 'GET',
    path: '/seeds/folders',
    needs: 'viewer',
    summary: "Lists what is in the server's folder for seeds",
    reply: page(schema.seedFolder, 'SeedFolderPage'),
    handle: async ({ api }) => ({ items: await api.plane.seeds.folders(), next: null }),
  }),
  route({
    method: 'DELETE',
    path: '/seeds/folders/:name',
    needs: 'operator',
    summary: "Deletes a seed from the server's folder",
    audit: 'seed.remove',
    async handle({ api, params }) {
      await api.plane.seeds.removeFolder(params.name)
      return undefined
    },
  }),
  route({
    method: 'POST',
    path: '/seeds/exports',
    needs: 'operator',
    summary: "Exports a seed to the server's folder for seeds, as an activity; one that was broken off is gone on with",
    body: schema.seedExport,
    reply: activity,
    status: 202,
    audit: 'seed.export',
    idempotent: true,
    handle: ({ api, body, actor }) => api.plane.seeds.export(body, actor),
  }),
  route({
    method: 'POST',
    path: '/seeds/imports',
    needs: 'operator',
    summary: "Makes a job's replica of a seed in the server's folder and links it, as an activity; its next run sends a delta",
    body: schema.seedImport,
    reply: activity,
    status: 202,
    audit: 'seed.import',
    idempotent: true,
    handle: ({ api, body, actor }) => api.plane.seeds.import(body, actor),
  }),
  route({
    method: 'POST',
    path: '/seeds/check',
    needs: 'operator',
    summary: 'Tells whether a copy made by hand could be linked, before contents are compared; changes nothing',
    body: schema.seedLink,
    reply: schema.seedCheck,
    // Changes nothing, so nothing is recorded.
    handle: ({ api, body }) => api.plane.seeds.check(body),
  }),
  route({
    method: 'POST',
    path: '/seeds/links',
    needs: 'operator',
    summary: 'Compares and links a copy made by hand, as cr-seed does, as an activity; the next run of the job sends a delta',
    body: schema.seedLink,
    reply: activity,
    status: 202,
    audit: 'seed.link',
    idempotent: true,
    handle: ({ api, body, actor }) => api.plane.seeds.link(body, actor),
  }),
  route({
    method: 'GET',
    path: '/seeds/state',
    needs: 'viewer',
    summary: 'Tells how a seed stands that was linked, and what to do, read from the pools at this moment',
    query: closed({ job: id, vm: id, pool: id, sr: id }),
    reply: schema.seedState,
    handle: ({ api, query }) => api.plane.seeds.state(query.job, query.vm, { pool: query.pool, sr: query.sr }),
  }),
]
