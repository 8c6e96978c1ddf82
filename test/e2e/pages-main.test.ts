import { lookAtPages } from '../support/every-page.ts'

lookAtPages({
  overview: () => '/',
  replicas: () => '/replicas',
  'a replica': ({ replica }) => replica,
  activity: () => '/activity',
  alerts: () => '/activity?tab=alerts',
  'a run': ({ run }) => `/runs/${run}`,
  'an address that is none': () => '/nowhere',
})
