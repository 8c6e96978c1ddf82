/** The server's own lab: two simulated pools to try everything with. */
import type { RunFailure } from './run-record.ts'

/** `failed`: it is there, and does not run; it can be started again or removed. */
export type LabState = 'none' | 'starting' | 'running' | 'failed' | 'removing'

export interface LabStatus {
  /** Whether this server can have one. */
  readonly offered: boolean
  readonly state: LabState
  /** What is being done; null: nothing. */
  readonly step: string | null
  /** Our ids of its pools, the one with VMs first. */
  readonly pools: readonly string[]
  /** The job that was made with it; null: there is none. */
  readonly job: string | null
  readonly error: RunFailure | null
}

export const NO_LAB: LabStatus = { offered: false, state: 'none', step: null, pools: [], job: null, error: null }
