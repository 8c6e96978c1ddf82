/**
 * Everything the product can do, as functions: what the API calls, and nothing else does. Users, sessions and tokens are the API's own.
 * Each rejects with `Failure` for what can go wrong (codes in docs/errors.md), and changes nothing then.
 */

import type { Reason } from '../core/base.ts'
import type { Activity, ActivityDetail, ActivityFilter } from '../core/control/activity.ts'
import type { Actor } from '../core/control/audit.ts'
import type { FailoverConfirmation, FailoverPreview, FailoverRequest, FailoverStatus } from '../core/control/failover-request.ts'
import type { Job, JobSpec, Schedule, ScheduleSpec, Selection, Target, Timestamp } from '../core/control/job.ts'
import type { Alert, Channel, ChannelSpec } from '../core/control/notification.ts'
import type { Page, PageRequest, RunFilter, VmRunFilter } from '../core/control/page.ts'
import type { PoolInventory, PoolRecord, PoolStatus } from '../core/control/pool-record.ts'
import type { Protection } from '../core/control/protection.ts'
import type { PlanCheck, PlanPreview, RecoveryPlanRecord, RecoveryPlanSpec, StartPlan } from '../core/control/recovery-plan-record.ts'
import type { RunFigures } from '../core/control/run-figures.ts'
import type { Run, VmRun, VmRunDetail } from '../core/control/run-record.ts'
import type {
  SeedCheckResult,
  SeedExportRequest,
  SeedFolder,
  SeedImportRequest,
  SeedLinkRequest,
  SeedSnapshotInfo,
  SeedState,
} from '../core/control/seed-record.ts'
import type { ServerSettings } from '../core/control/settings.ts'

// Stored as well, so that they are in core; callers find everything here.
export type { Actor } from '../core/control/audit.ts'
export type { Alert, Channel, ChannelSpec } from '../core/control/notification.ts'
export type { Page, PageRequest, RunFilter, VmRunFilter } from '../core/control/page.ts'
export type { MaintenanceWindow, ServerSettings } from '../core/control/settings.ts'

export interface Certificate {
  /** SHA-256, `AB:CD:…` */
  readonly fingerprint: string
  readonly subject: string
  readonly issuer: string
  readonly validFrom: Timestamp
  readonly validTo: Timestamp
}

export interface NewPool {
  readonly name?: string
  readonly url: string
  readonly user: string
  readonly password: string
  /** Of the certificate that somebody looked at and accepted. */
  readonly fingerprint: string
}

export interface PoolOperations {
  /** Looks at the certificate of an address; sends nothing else. */
  certificate(url: string): Promise<Certificate>
  /** Logs in, and remembers the pool. POOL_KNOWN when its uuid is registered already. */
  add(pool: NewPool): Promise<PoolStatus>
  list(): Promise<readonly PoolStatus[]>
  get(id: string): Promise<PoolStatus>
  /** A new address or password is tried before it is stored; a new fingerprint is accepted deliberately. */
  change(id: string, change: Partial<NewPool> & { readonly enabled?: boolean }): Promise<PoolStatus>
  /** POOL_IN_USE while a job names it. */
  remove(id: string): Promise<void>
  /** Logs in anew: what the pool is, how long it takes, what its rights and clock are. */
  test(
    id: string,
  ): Promise<{ readonly ok: boolean; readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly text: string }[] }>
  /** As of the last event. POOL_AWAY when nothing was ever seen of it. */
  inventory(id: string): Promise<PoolInventory>
}

/** A VM that a selection chooses now, and by which of its selectors. */
export interface SelectedVm {
  readonly pool: string
  readonly vm: string
  readonly name: string
  /** What its disks take on their storage; null: it was not seen. */
  readonly bytesAllocated: number | null
  readonly by: string
}

export interface JobOperations {
  list(): Promise<readonly Job[]>
  get(id: string): Promise<Job>
  create(spec: JobSpec & { readonly schedules?: readonly ScheduleSpec[] }): Promise<Job>
  /** `version`: that the change was made of; JOB_CHANGED when somebody else was faster. */
  update(id: string, change: Partial<JobSpec>, version?: number): Promise<Job>
  /** Ends what runs. Replicas stay as they are, and are listed in the answer. */
  remove(id: string): Promise<{ readonly replicasLeft: readonly Protection[] }>
  addSchedule(job: string, spec: ScheduleSpec): Promise<Schedule>
  updateSchedule(job: string, schedule: string, change: Partial<ScheduleSpec>): Promise<Schedule>
  removeSchedule(job: string, schedule: string): Promise<void>
  /** What a selection chooses at this moment, and what it leaves out and why (replicas, excluded). */
  preview(
    selection: Selection,
  ): Promise<{ readonly vms: readonly SelectedVm[]; readonly leftOut: readonly (SelectedVm & { readonly reason: Reason })[] }>
  /** The next ticks of a timing, from now. */
  nextTicks(timing: ScheduleSpec['timing'], count: number): readonly Timestamp[]
  /** Per enabled schedule of the job, its next tick; null: none comes. */
  upcoming(): Promise<readonly { readonly job: string; readonly schedule: string; readonly at: Timestamp | null }[]>
  export(ids?: readonly string[]): Promise<JobsDocument>
  /** Ids in the document are kept when they are free or the same job's (`replace`), else JOB_EXISTS. */
  import(document: JobsDocument, options: { readonly replace: boolean }): Promise<readonly Job[]>
}

export interface JobsDocument {
  readonly format: 'understudy-jobs'
  readonly version: 1
  readonly jobs: readonly Omit<Job, 'turned' | 'createdAt' | 'updatedAt' | 'version'>[]
  /** So that a document read elsewhere names pools that can be matched by uuid. */
  readonly pools: readonly Pick<PoolRecord, 'id' | 'name' | 'url' | 'poolUuid'>[]
}

export interface StartRun {
  readonly job: string
  /** Retention, settings and restore points count for it; left out: the job's first schedule, else the job itself. */
  readonly schedule?: string
  /** Only these VMs (uuids); they have to be chosen by the job. */
  readonly vms?: readonly string[]
  readonly dryRun?: boolean
}

export interface RunOperations {
  start(request: StartRun, by: Actor): Promise<Run>
  /** Resolves when it has been told; the run ends soon after. */
  cancel(run: string, by: Actor): Promise<Run>
  cancelVm(vmRun: string, by: Actor): Promise<VmRun>
  list(filter: RunFilter): Promise<Page<Run>>
  get(id: string): Promise<Run & { readonly vmRuns: readonly VmRun[] }>
  vmRun(id: string): Promise<VmRunDetail>
  vmRuns(filter: VmRunFilter): Promise<Page<VmRun>>
  /** How much was moved, hour by hour, and where it went. */
  figures(): Promise<RunFigures>
}

export interface ProtectionFilter extends PageRequest {
  readonly state?: readonly Protection['state'][]
  readonly job?: string
  readonly pool?: string
  readonly vm?: string
}

export interface RestorePoint {
  readonly uuid: string
  readonly name: string
  /** Time of the source snapshot. */
  readonly takenAt: Timestamp
  readonly job: string
  readonly schedule: string | null
  readonly bytes: number
  readonly complete: boolean
  /** It keeps the memory of its VM: a clone can go on with it. */
  readonly memory: boolean
  /** The last time that it was read back, and what came of it. */
  readonly verified: { readonly at: Timestamp; readonly mode: string; readonly equal: boolean } | null
  /** Its last test failover, by whatever means. */
  readonly tested: { readonly at: Timestamp; readonly outcome: 'ready' | 'not-ready'; readonly seconds: number } | null
}

export interface ReplicaOperations {
  protection(filter: ProtectionFilter): Promise<Page<Protection>>
  counts(): Promise<Readonly<Record<Protection['state'], number>>>
  /** Read from the target pool at this moment. */
  restorePoints(target: Target, vm: string): Promise<readonly RestorePoint[]>
  /** Starts reading it back; an activity that ends with its proof in the events and in the restore point. */
  verify(
    request: { readonly target: Target; readonly restorePoint: string; readonly mode: 'sample' | 'changed' | 'full' },
    by: Actor,
  ): Promise<{ readonly id: string }>
}

export interface ActivityOperations {
  /** Newest first. */
  list(filter: ActivityFilter): Promise<Page<Activity>>
  get(id: string): Promise<ActivityDetail>
  /** A document to keep: what was to be done, what was done when, what proves it. */
  report(id: string): Promise<string>
  /** Resolves when it has been told; it ends soon after, and takes back what has to be. */
  cancel(id: string, by: Actor): Promise<Activity>
  /** Goes on with one that was interrupted, as a new activity. ACTIVITY_OVER */
  continue(id: string, by: Actor): Promise<Activity>
}

export interface FailoverOperations {
  /** Of chains with something to tell; all of a job, a VM or a target pool. Asks the pools. */
  status(filter: { readonly pool?: string; readonly job?: string; readonly vm?: string }): Promise<readonly FailoverStatus[]>
  preview(request: FailoverRequest): Promise<FailoverPreview>
  /** VM_BUSY, CONFIRMATION_NEEDED, and what the preview would fail with; nothing is begun then. */
  start(request: FailoverRequest & FailoverConfirmation, by: Actor): Promise<Activity>
}

export interface PlanOperations {
  list(): Promise<readonly RecoveryPlanRecord[]>
  get(id: string): Promise<RecoveryPlanRecord>
  create(spec: RecoveryPlanSpec): Promise<RecoveryPlanRecord>
  /** RECOVERY_PLAN_CHANGED when somebody else was faster. */
  update(id: string, change: Partial<RecoveryPlanSpec>, version?: number): Promise<RecoveryPlanRecord>
  remove(id: string): Promise<void>
  /** Whether it could be run, as the pools are now. */
  check(spec: RecoveryPlanSpec): Promise<PlanCheck>
  preview(id: string, request: StartPlan): Promise<PlanPreview>
  start(id: string, request: StartPlan, by: Actor): Promise<Activity>
}

export interface SeedOperations {
  /** Snapshots of a VM, newest first. */
  snapshots(pool: string, vm: string): Promise<readonly SeedSnapshotInfo[]>
  /** Turns change tracking on and takes one. */
  takeSnapshot(request: { readonly pool: string; readonly vm: string }, by: Actor): Promise<Activity>
  folders(): Promise<readonly SeedFolder[]>
  /** Only what an export made. */
  removeFolder(name: string): Promise<void>
  export(request: SeedExportRequest, by: Actor): Promise<Activity>
  import(request: SeedImportRequest, by: Actor): Promise<Activity>
  check(request: SeedLinkRequest): Promise<SeedCheckResult>
  link(request: SeedLinkRequest, by: Actor): Promise<Activity>
  /** Of a chain that was seeded. */
  state(job: string, vm: string, target: Target): Promise<SeedState>
}

export interface NotificationOperations {
  channels(): Promise<readonly Channel[]>
  /** `secret`: password of the mail server, key of the webhook's signature; never given back. */
  addChannel(spec: ChannelSpec, secret?: string): Promise<Channel>
  changeChannel(id: string, change: Partial<ChannelSpec>, secret?: string): Promise<Channel>
  removeChannel(id: string): Promise<void>
  /** Sends at once, and tells what the other side said. */
  test(id: string): Promise<{ readonly ok: boolean; readonly text: string }>
  alerts(filter: PageRequest & { readonly open?: boolean }): Promise<Page<Alert>>
}

export interface SettingsOperations {
  get(): Promise<ServerSettings>
  change(change: Partial<ServerSettings>): Promise<ServerSettings>
}

/** Told to whoever listens (SSE): small, so that a listener fetches what it wants to know more of. */
export type ServerEvent =
  | { readonly kind: 'pool'; readonly pool: PoolStatus }
  | { readonly kind: 'pool-removed'; readonly id: string }
  | { readonly kind: 'inventory'; readonly pool: string }
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'job-removed'; readonly id: string }
  | { readonly kind: 'run'; readonly run: Run }
  /** At each change of state or stage, and every second or so while bytes move. */
  | { readonly kind: 'vm-run'; readonly vmRun: VmRun }
  | { readonly kind: 'protection'; readonly protection: Protection }
  /** The list of them has others than before. */
  | { readonly kind: 'protections' }
  | { readonly kind: 'alert'; readonly alert: Alert }
  /** At each change of state or stage, and every second or so while bytes move. */
  | { readonly kind: 'activity'; readonly activity: Activity }
  | { readonly kind: 'plan'; readonly plan: RecoveryPlanRecord }
  | { readonly kind: 'plan-removed'; readonly id: string }
  | {
      readonly kind: 'verified'
      readonly id: string
      readonly restorePoint: string
      readonly equal: boolean
      readonly error: string | null
    }

export interface ControlPlane {
  readonly pools: PoolOperations
  readonly jobs: JobOperations
  readonly runs: RunOperations
  readonly replicas: ReplicaOperations
  readonly activities: ActivityOperations
  readonly failover: FailoverOperations
  readonly plans: PlanOperations
  readonly seeds: SeedOperations
  readonly notifications: NotificationOperations
  readonly settings: SettingsOperations
  /** Called for each event until the function given back is called. */
  onEvent(listener: (event: ServerEvent) => void): () => void
  /** For /readyz and /metrics. */
  health(): {
    readonly ready: boolean
    readonly queued: number
    readonly running: number
    readonly schedulerLagMs: number
    readonly databaseOk: boolean
  }
  /** Begins scheduling. */
  start(): Promise<void>
  /** No new run begins; those under way have `graceMs` to end, then they are cancelled. */
  close(graceMs?: number): Promise<void>
}
