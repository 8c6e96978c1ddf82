import { Paper } from '@mantine/core'
import { effectiveSettings } from '../../../../src/core/control/job.ts'
import type { Job } from '../../api/types.ts'
import { exact } from '../../parts/measures.ts'
import { selectorInWords } from '../../parts/timing.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'

import { healthCheckInWords } from './health-check.tsx'

const T = TEXTS.form.advanced

/** What the job does and how, in words. */
export function JobSettingsList({ job, names }: { readonly job: Job; readonly names: Names }) {
  const settings = effectiveSettings(job.settings)
  const words = {
    pool: names.pool,
    vm: (pool: string, uuid: string) => names.vm(pool, uuid)?.name ?? uuid,
  }
  const { include, exclude } = job.selection
  const yes = (value: boolean) => (value ? 'yes' : 'no')
  const facts: readonly (readonly [string, string])[] = [
    [TEXTS.jobs.selection, include.map((one) => selectorInWords(one, words)).join('; ')],
    ...(exclude.length === 0
      ? []
      : [[TEXTS.jobs.selection, `${TEXTS.jobs.except} ${exclude.map((one) => selectorInWords(one, words)).join('; ')}`] as const]),
    [TEXTS.jobs.columns.targets, job.targets.map(names.target).join(', ')],
    [T.verify, T.verifyModes[settings.verify]],
    [T.broken, T.brokenModes[settings.onBrokenChain]],
    [T.limits, settings.limits.join(', ') || '–'],
    [T.networks, `${Object.keys(settings.networks).length}`],
    [T.rpo, settings.rpoMinutes === null ? T.rpoHint : String(settings.rpoMinutes)],
    [T.vmsAtOnce, String(settings.vmsAtOnce)],
    [T.disksAtOnce, String(settings.disksAtOnce)],
    [T.retries, String(settings.retries)],
    [T.timeout, String(settings.timeoutMinutes)],
    [T.wait, String(settings.waitMinutes)],
    [T.memory, yes(settings.memory)],
    [T.insecure, yes(settings.allowInsecureNbd)],
    [T.notify, yes(settings.notify)],
    [TEXTS.form.health.title, healthCheckInWords(settings.healthCheck)],
    ['Created', exact(job.createdAt)],
    ['Changed', exact(job.updatedAt)],
  ]
  return (
    <Paper withBorder p="sm">
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={`${name} ${value}`} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Paper>
  )
}
