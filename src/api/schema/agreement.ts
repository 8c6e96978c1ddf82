/**
 * The compiler's proof that the API's schemas are the types of the domain: a field added to one and not to the other does not compile.
 * Nothing is left of this file at run time.
 */
import type { Static } from 'typebox'
import type { Activity, ActivityDetail, ActivityFilter } from '../../core/control/activity.ts'
import type { EVENT_KINDS } from '../../core/control/event-kinds.ts'
import type { FailoverConfirmation, FailoverPreview, FailoverRequest, FailoverStatus } from '../../core/control/failover-request.ts'
import type { Job, JobSettings, JobSpec, Schedule, ScheduleSpec, Selection, Target, Timing } from '../../core/control/job.ts'
import type { LabStatus } from '../../core/control/lab-status.ts'
import type { PoolInventory, PoolStatus } from '../../core/control/pool-record.ts'
import type { Protection } from '../../core/control/protection.ts'
import type { PlanCheck, PlanPreview, RecoveryPlanRecord, RecoveryPlanSpec, StartPlan } from '../../core/control/recovery-plan-record.ts'
import type { RunFigures } from '../../core/control/run-figures.ts'
import type { Run, VmRun, VmRunDetail } from '../../core/control/run-record.ts'
import type {
  SeedCheckResult,
  SeedExportRequest,
  SeedFolder,
  SeedImportRequest,
  SeedLinkRequest,
  SeedSnapshotInfo,
  SeedState,
} from '../../core/control/seed-record.ts'
import type { RetentionRule } from '../../core/retention.ts'
import type {
  Alert,
  Certificate,
  Channel,
  ChannelSpec,
  JobsDocument,
  NewPool,
  RestorePoint,
  RunFilter,
  SelectedVm,
  ServerEvent,
  ServerSettings,
  StartRun,
} from '../../jobs/control-plane.ts'
import type { labStatus } from '../routes/lab.ts'
import type * as activity from './activity.ts'
import type * as event from './event.ts'
import type * as failover from './failover.ts'
import type * as job from './job.ts'
import type * as notification from './notification.ts'
import type * as plan from './plan.ts'
import type * as pool from './pool.ts'
import type * as replica from './replica.ts'
import type * as run from './run.ts'
import type { Agreed, Same } from './same-type.ts'
import type * as seed from './seed.ts'

/** The confirmation goes with each kind. */
type Each<Request> = Request extends unknown ? Request & FailoverConfirmation : never

export type SchemasAgree = Agreed<
  [
    Same<Static<typeof job.target>, Target>,
    Same<Static<typeof job.selection>, Selection>,
    Same<Static<typeof job.timing>, Timing>,
    Same<Static<typeof job.retention>, RetentionRule>,
    Same<Static<typeof job.jobSettings>, JobSettings>,
    Same<Static<typeof job.scheduleSpec>, ScheduleSpec>,
    Same<Static<typeof job.scheduleChange>, Partial<ScheduleSpec>>,
    Same<Static<typeof job.schedule>, Schedule>,
    Same<Static<typeof job.jobSpec>, JobSpec>,
    Same<Static<typeof job.jobChange>, Partial<JobSpec & Pick<Job, 'version'>>>,
    Same<Static<typeof job.job>, Job>,
    Same<Static<typeof job.jobsDocument>, JobsDocument>,
    Same<Static<typeof job.preview>['vms'][number], SelectedVm>,
    Same<Static<typeof pool.certificate>, Certificate>,
    Same<Static<typeof pool.newPool>, NewPool>,
    Same<Static<typeof pool.poolStatus>, PoolStatus>,
    Same<Static<typeof pool.inventory>, PoolInventory>,
    Same<Static<typeof run.run>, Run>,
    Same<Static<typeof run.vmRun>, VmRun>,
    Same<Static<typeof run.vmRunDetail>, VmRunDetail>,
    Same<Static<typeof run.startRun>, StartRun>,
    Same<Static<typeof run.runFilter>, RunFilter>,
    Same<Static<typeof run.runFigures>, RunFigures>,
    Same<Static<typeof replica.protection>, Protection>,
    Same<Static<typeof replica.restorePoint>, RestorePoint>,
    Same<Static<typeof activity.activity>, Activity>,
    Same<Static<typeof activity.activityDetail>, ActivityDetail>,
    Same<Static<typeof activity.activityFilter>, ActivityFilter>,
    Same<Static<typeof failover.failoverRequest>, FailoverRequest>,
    Same<Static<typeof failover.startFailover>, Each<FailoverRequest>>,
    Same<Static<typeof failover.failoverPreview>, FailoverPreview>,
    Same<Static<typeof failover.failoverStatus>, FailoverStatus>,
    Same<Static<typeof plan.planSpec>, RecoveryPlanSpec>,
    Same<Static<typeof plan.planChange>, Partial<RecoveryPlanSpec & Pick<RecoveryPlanRecord, 'version'>>>,
    Same<Static<typeof plan.plan>, RecoveryPlanRecord>,
    Same<Static<typeof plan.startPlan>, StartPlan>,
    Same<Static<typeof plan.planCheck>, PlanCheck>,
    Same<Static<typeof plan.planPreview>, PlanPreview>,
    Same<Static<typeof seed.seedSnapshot>, SeedSnapshotInfo>,
    Same<Static<typeof seed.seedFolder>, SeedFolder>,
    Same<Static<typeof seed.seedExport>, SeedExportRequest>,
    Same<Static<typeof seed.seedImport>, SeedImportRequest>,
    Same<Static<typeof seed.seedLink>, SeedLinkRequest>,
    Same<Static<typeof seed.seedCheck>, SeedCheckResult>,
    Same<Static<typeof seed.seedState>, SeedState>,
    Same<Static<typeof notification.channelSpec>, ChannelSpec>,
    Same<Static<typeof notification.channel>, Channel>,
    Same<Static<typeof notification.alert>, Alert>,
    Same<Static<typeof notification.settings>, ServerSettings>,
    Same<Static<typeof event.serverEvent>, ServerEvent>,
    Same<(typeof EVENT_KINDS)[number], ServerEvent['kind']>,
    Same<Static<typeof labStatus>, LabStatus>,
  ]
>
