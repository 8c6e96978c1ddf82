/** Every route of the API, by the heading of its part of the documentation. */
import type { AnyRoute } from '../route.ts'
import { activityRoutes } from './activities.ts'
import { eventRoutes } from './events.ts'
import { failoverRoutes } from './failover.ts'
import { jobRoutes } from './jobs.ts'
import { labRoutes } from './lab.ts'
import { notificationRoutes } from './notifications.ts'
import { planRoutes } from './plans.ts'
import { poolRoutes } from './pools.ts'
import { replicaRoutes } from './replicas.ts'
import { runRoutes } from './runs.ts'
import { seedRoutes } from './seeds.ts'
import { serverRoutes } from './server.ts'
import { sessionRoutes } from './sessions.ts'
import { tokenRoutes } from './tokens.ts'
import { userRoutes } from './users.ts'

export const ALL_ROUTES: Readonly<Record<string, readonly AnyRoute[]>> = {
  'Signing in': sessionRoutes,
  Pools: poolRoutes,
  Jobs: jobRoutes,
  Runs: runRoutes,
  Replicas: replicaRoutes,
  Failover: failoverRoutes,
  'Recovery plans': planRoutes,
  Seeds: seedRoutes,
  Activities: activityRoutes,
  Notifications: notificationRoutes,
  Events: eventRoutes,
  Server: serverRoutes,
  Lab: labRoutes,
  Users: userRoutes,
  Tokens: tokenRoutes,
}
