/** Kinds of what a server tells to whoever listens, as values: the events themselves are in jobs/control-plane.ts. */
export const EVENT_KINDS = [
  'pool',
  'pool-removed',
  'inventory',
  'job',
  'job-removed',
  'run',
  'vm-run',
  'protection',
  'protections',
  'alert',
  'activity',
  'plan',
  'plan-removed',
  'verified',
] as const
