/** How the runs go that a failover makes: as the job's, and read back as far as no byte is to be lost. */
import type { EffectiveSettings, Job } from '../../core/control/job.ts'
import { effectiveSettings } from '../../core/control/job.ts'
import type { RunStage } from '../../core/report.ts'
import type { RunSettings } from '../../replication/failover/reprotect.ts'
import type { ActivityContext } from '../activities/active-activity.ts'
import type { FailoverParts } from './parts.ts'

const DEFAULT_RETENTION = { last: 3 }

const STAGES: Readonly<Record<RunStage, string>> = {
  connect: 'connecting',
  inspect: 'looking at both pools',
  plan: 'planning',
  clean: 'clearing away what an earlier run left',
  snapshot: 'taking a snapshot',
  transfer: 'sending what changed',
  verify: 'reading back what was sent',
  commit: 'making the restore point',
  prune: 'removing what is not kept',
}

/** Without networks: those of the way there are the job's, of the way back they are found. */
export function runSettings({ budget }: Pick<FailoverParts, 'budget'>, job: Job | undefined, context: ActivityContext): RunSettings {
  const { verify, allowInsecureNbd, disksAtOnce, excludeDisks } = settingsOf(job)
  return {
    retention: job?.schedules[0]?.retention ?? DEFAULT_RETENTION,
    verify: verify === 'full' ? 'full' : 'changed',
    budget,
    allowInsecureNbd,
    disksAtOnce,
    excludeDisks: new Set(excludeDisks),
    onRunEvent(event) {
      if (event.kind === 'log') context.log('info', event.message)
      else if (event.kind === 'stage') context.step(event.stage, STAGES[event.stage])
      else context.bytes(event.userdevice, event.what, event.bytesDone, event.bytesExpected ?? null)
    },
  }
}

/** Of its first schedule, whose retention counts. */
export const settingsOf = (job: Job | undefined): EffectiveSettings => effectiveSettings(job?.settings ?? {}, job?.schedules[0]?.settings)
