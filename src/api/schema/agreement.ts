/**
 * The compiler's proof that the API's schemas are the types of the domain: a field added to one and not to the other does not compile.
 * Nothing is left of this file at run time.
 */
import type { Static } from 'typebox'
import type { Job, JobSettings, JobSpec, Schedule, ScheduleSpec, Selection, Target, Timing } from '../../core/control/job.ts'
import type { PoolInventory, PoolStatus } from '../../core/control/pool-record.ts'
import type { Protection } from '../../core/control/protection.ts'
import type { RunFigures } from '../../core/control/run-figures.ts'
import type { Run, VmRun, VmRunDetail } from '../../core/control/run-record.ts'
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
import type * as event from './event.ts'
import type * as job from './job.ts'
import type * as notification from './notification.ts'
import type * as pool from './pool.ts'
import type * as replica from './replica.ts'
import type * as run from './run.ts'
import type { Agreed, Same } from './same-type.ts'

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
    Same<Static<typeof notification.channelSpec>, ChannelSpec>,
    Same<Static<typeof notification.channel>, Channel>,
    Same<Static<typeof notification.alert>, Alert>,
    Same<Static<typeof notification.settings>, ServerSettings>,
    Same<Static<typeof event.serverEvent>, ServerEvent>,
  ]
>
