import { Paper } from '@mantine/core'
import { effectiveSettings } from '../../../../src/core/control/job.ts'
import type { Job } from '../../api/types.ts'
import { duration, exact } from '../../parts/measures.ts'
import { selectorInWords } from '../../parts/timing.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import { healthCheckInWords } from './health-check.tsx'
import { diskInWords } from './left-out-disks.tsx'

const T = TEXTS.form.advanced

/** What the job does and how, in words. */
export function JobSettingsList({ job, names }: { readonly job: Job; readonly names: Names }) {
  const settings = effectiveSettings(job.settings)
  const words = {
    pool: names.pool,
    vm: (pool: string, uuid: string) => names.vm(pool, uuid)?.name ?? uuid,
  }
  const { include, exclude } = job.selection
  const networks = new Map(names.inventories.flatMap((inventory) => inventory.networks.map(({ uuid, name }) => [uuid, name])))
  const networkName = (uuid: string) => networks.get(uuid) ?? uuid
  const diskName = (uuid: string) => {
    const vm = names.vms.find(({ disks }) => disks.some((disk) => disk.uuid === uuid))
    const disk = vm?.disks.find((one) => one.uuid === uuid)
    return vm === undefined || disk === undefined ? uuid : diskInWords(vm.name, disk)
  }
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
    [T.leftOut, settings.excludeDisks.map(diskName).join('; ') || T.leftOutNone],
    [
      T.networks,
      Object.entries(settings.networks)
        .map(([from, to]) => T.networkOf(networkName(from), to === null ? T.networkNone : networkName(to)))
        .join('; ') || T.networkAuto,
    ],
    [T.rpoAsked, settings.rpoMinutes === null ? T.rpoOfSchedules : duration(settings.rpoMinutes * 60)],
    [T.vmsAtOnce, String(settings.vmsAtOnce)],
    [T.disksAtOnce, String(settings.disksAtOnce)],
    [T.retries, String(settings.retries)],
    [T.timeoutShort, duration(settings.timeoutMinutes * 60)],
    [T.waitShort, duration(settings.waitMinutes * 60)],
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
