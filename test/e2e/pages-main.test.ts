import { lookAtPages } from '../support/every-page.ts'

lookAtPages({
  overview: () => '/',
  replicas: () => '/replicas',
  'a replica': ({ replica }) => replica,
  activity: () => '/activity',
  activities: () => '/activity?tab=activities',
  plans: () => '/plans',
  'a new plan': () => '/plans/new',
  alerts: () => '/activity?tab=alerts',
  'a run': ({ run }) => `/runs/${run}`,
  'an address that is none': () => '/nowhere',
})
