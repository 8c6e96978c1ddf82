/** Stands for what is about to come. */
import type { ErrorCode } from '../core/errors/registry.ts'
import { Failure } from '../core/failure.ts'
import type { ControlPlane } from './control-plane.ts'

/** What will be told. */
export const CODES: readonly ErrorCode[] = [
  'ACTIVITY_NOT_FOUND',
  'ACTIVITY_OVER',
  'VM_BUSY',
  'CONFIRMATION_NEEDED',
  'SOURCE_POOL_UNKNOWN',
  'RECOVERY_PLAN_NOT_FOUND',
  'RECOVERY_PLAN_CHANGED',
  'SEED_FOLDER_NOT_FOUND',
  'SEEDS_NOT_KEPT',
  'ACTIVITY_BROKEN',
]

const later = (): never => {
  throw new Failure('UNEXPECTED', 'this server can not do that yet')
}

export const notYet: Pick<ControlPlane, 'activities' | 'failover' | 'plans' | 'seeds'> = {
  activities: { list: async () => ({ items: [], next: null }), get: later, report: later, cancel: later, continue: later },
  failover: { status: async () => [], preview: later, start: later },
  plans: { list: async () => [], get: later, create: later, update: later, remove: later, check: later, preview: later, start: later },
  seeds: {
    snapshots: later,
    takeSnapshot: later,
    folders: async () => [],
    removeFolder: later,
    export: later,
    import: later,
    check: later,
    link: later,
    state: later,
  },
}
