/** The picture of a plan that runs, or ran: how each VM stands, what it is at, and how long that took. */
import { Badge, Text } from '@mantine/core'
import { CheckCircledIcon, CircleIcon, CrossCircledIcon, ExclamationTriangleIcon, MinusCircledIcon, PlayIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { planQuery } from '../../api/queries.ts'
import type { Activity, PlanVmProgress } from '../../api/types.ts'
import { duration } from '../../parts/measures.ts'
import { Span } from '../../parts/span.tsx'
import { Told } from '../../parts/told.tsx'
import { TEXTS } from '../../texts/en.ts'
import { type PicturedGroup, type PicturedVm, PlanPicture } from './plan-picture.tsx'

const T = TEXTS.plans

const LOOK = {
  waiting: { look: 'plain', color: 'gray', Icon: CircleIcon },
  working: { look: 'now', color: 'blue', Icon: PlayIcon },
  up: { look: 'good', color: 'teal', Icon: CheckCircledIcon },
  failed: { look: 'bad', color: 'red', Icon: CrossCircledIcon },
  skipped: { look: 'plain', color: 'gray', Icon: MinusCircledIcon },
  stopped: { look: 'bad', color: 'yellow', Icon: ExclamationTriangleIcon },
  never: { look: 'plain', color: 'gray', Icon: MinusCircledIcon },
} as const satisfies Record<keyof typeof T.vmStates, object>

/** What was under way, or waited, when the run ended. */
const standsAt = ({ state }: PlanVmProgress, hasEnded: boolean): keyof typeof LOOK =>
  !hasEnded ? state : state === 'working' ? 'stopped' : state === 'waiting' ? 'never' : state

export function PlanRunPicture({ activity, vms }: { readonly activity: Activity; readonly vms: readonly PlanVmProgress[] }) {
  const hasEnded = activity.endedAt !== null
  // It may have been changed or removed since: only what is told besides the run's own VMs comes of it.
  const plan = useQuery({ ...planQuery(activity.subject.plan?.id ?? ''), enabled: activity.subject.plan !== null && !hasEnded }).data
  const groups = [...new Set(vms.map(({ group }) => group))].map((name): PicturedGroup => {
    const own = vms.filter(({ group }) => group === name)
    const spec = plan?.groups.find((group) => group.name === name)
    const state = groupState(own)
    return {
      name,
      state: hasEnded ? undefined : (
        <Text size="xs" c="dimmed">
          {T.groupStates[state]}
        </Text>
      ),
      before: [
        ...(spec !== undefined && spec.delaySeconds > 0 ? [T.waits(duration(spec.delaySeconds))] : []),
        ...(spec?.before == null ? [] : [T.runsBefore(spec.before)]),
      ],
      behind: spec?.after == null ? [] : [T.runsAfter(spec.after)],
      vms: own.map((vm) => pictured(vm, hasEnded)),
    }
  })
  return <PlanPicture groups={groups} />
}

function pictured(vm: PlanVmProgress, hasEnded: boolean): PicturedVm {
  const at = standsAt(vm, hasEnded)
  const { look, color, Icon } = LOOK[at]
  return {
    key: vm.vm,
    name: vm.name,
    look,
    state: (
      <Badge variant="light" color={color} leftSection={<Icon width={12} height={12} aria-hidden />} tt="none" fw={600} flex="none">
        {T.vmStates[at]}
      </Badge>
    ),
    text: (
      <>
        <Told text={vm.text} />
        {vm.startedAt !== null && (vm.endedAt !== null || !hasEnded) && (
          <Text size="xs" c="dimmed" className="figures">
            {vm.endedAt === null ? TEXTS.activities.since : TEXTS.activities.took} <Span from={vm.startedAt} to={vm.endedAt} />
          </Text>
        )}
      </>
    ),
  }
}

function groupState(vms: readonly PlanVmProgress[]): keyof typeof T.groupStates {
  if (vms.some(({ state }) => state === 'working')) return 'working'
  if (vms.every(({ state }) => state === 'waiting')) return 'waiting'
  if (vms.every(({ state }) => state === 'up')) return 'up'
  return vms.some(({ state }) => state === 'waiting') ? 'working' : 'failed'
}
