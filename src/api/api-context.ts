/** What the API is built of, and what its routes work with. */
import type { ControlPlane } from '../jobs/control-plane.ts'
import type { LabOperations } from '../jobs/try-lab/try-lab.ts'
import type { Store } from '../store/open-store.ts'
import type { Endings } from './auth/endings.ts'
import type { LoginLimiter } from './auth/login-limit.ts'
import type { EventRing } from './events/event-ring.ts'
import type { EventStreams } from './events/event-streams.ts'

export interface ApiParts {
  readonly plane: ControlPlane
  /** Left out: this server has none. */
  readonly lab?: LabOperations
  readonly store: Store
  /** Where one-time links are kept. */
  readonly folder: string
  /** Milliseconds since the epoch */
  readonly now: () => number
  readonly version: string
  /** Whether browsers reach us by TLS, directly or through a proxy: then cookies are marked so. */
  readonly secure: boolean
}

export interface ApiContext extends ApiParts {
  readonly limiter: LoginLimiter
  readonly endings: Endings
  readonly events: EventRing
  readonly streams: EventStreams
}
