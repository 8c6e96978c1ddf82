import { lookAtPages } from '../support/every-page.ts'

lookAtPages({
  jobs: () => '/jobs',
  'a new job': () => '/jobs/new',
  'VMs of a job': ({ job }) => `/jobs/${job}`,
  'schedules of a job': ({ job }) => `/jobs/${job}?tab=schedules`,
  'settings of a job': ({ job }) => `/jobs/${job}?tab=settings`,
  'seed of a job': ({ job }) => `/jobs/${job}?tab=seed`,
  'seed by hand': ({ job }) => `/jobs/${job}?tab=seed&way=hand`,
  'runs of a job': ({ job }) => `/jobs/${job}?tab=runs`,
})
