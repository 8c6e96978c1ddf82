/** What the API takes and answers, by name: the schemas of its document, and parts of them that the page speaks of. */
import type {
  Activity,
  Job,
  JobSettings,
  PlanPreview,
  Pool,
  Protection,
  Run,
  RunReport,
  User,
  VmRun,
  VmRunPlan,
} from './openapi.generated.ts'
import type { Body } from './operations.ts'

export type * from './openapi.generated.ts'

export type Role = User['role']
export type PoolState = Pool['state']
export type ProtectionState = Protection['state']
export type RunState = Run['state']
export type VmRunState = VmRun['state']
export type RunStage = NonNullable<VmRun['stage']>
export type VerifyMode = NonNullable<JobSettings['verify']>
export type ActivityKind = Activity['kind']
export type ActivityState = Activity['state']
export type DiskPlan = VmRunPlan['disks'][number]
export type DiskReport = RunReport['disks'][number]
export type FailoverRequest = Body<'post', '/failover/preview'>
export type PlanRunMode = PlanPreview['mode']
export type JobSpec = Pick<Job, 'name' | 'enabled' | 'selection' | 'targets' | 'settings'>
