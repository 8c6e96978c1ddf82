import { listAudit } from '../../store/audit/list-audit.ts'
import { productLicences } from '../product-licences.ts'
import { route } from '../route.ts'
import * as access from '../schema/access.ts'
import { page } from '../schema/forms.ts'
import * as schema from '../schema/notification.ts'

const startedAt = new Date().toISOString()

export const serverRoutes = [
  route({
    method: 'GET',
    path: '/server',
    needs: 'viewer',
    summary: 'Shows the version of the server and how it is',
    reply: access.server,
    handle({ api }) {
      const { ready, queued, running, schedulerLagMs } = api.plane.health()
      return { version: api.version, node: process.version, startedAt, ready, queued, running, schedulerLagMs }
    },
  }),
  route({
    method: 'GET',
    path: '/server/licences',
    needs: 'viewer',
    summary: 'Lists the packages that the server is made of, with their licences',
    reply: page(access.licence, 'LicencePage'),
    handle: () => ({ items: productLicences(), next: null }),
  }),
  route({
    method: 'GET',
    path: '/settings',
    needs: 'viewer',
    summary: 'Shows the settings of the server',
    reply: schema.settings,
    handle: ({ api }) => api.plane.settings.get(),
  }),
  route({
    method: 'PATCH',
    path: '/settings',
    needs: 'administrator',
    summary: 'Changes settings of the server; what is left out stays',
    body: schema.settingsChange,
    reply: schema.settings,
    audit: 'settings.change',
    handle: ({ api, body }) => api.plane.settings.change(body),
  }),
  route({
    method: 'GET',
    path: '/audit',
    needs: 'administrator',
    summary: 'Lists who did what, newest first',
    query: access.auditFilter,
    reply: access.auditPage,
    handle: ({ api, query }) => listAudit(api.store.db, query),
  }),
]
