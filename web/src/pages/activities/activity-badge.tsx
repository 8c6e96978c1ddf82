import { Badge } from '@mantine/core'
import { CheckCircledIcon, CircleIcon, CrossCircledIcon, ExclamationTriangleIcon, MinusCircledIcon, PlayIcon } from '@radix-ui/react-icons'
import type { Activity, ActivityState } from '../../api/types.ts'
import { TEXTS } from '../../texts/en.ts'

const LOOK = {
  queued: { color: 'gray', Icon: CircleIcon },
  running: { color: 'blue', Icon: PlayIcon },
  done: { color: 'teal', Icon: CheckCircledIcon },
  failed: { color: 'red', Icon: CrossCircledIcon },
  cancelled: { color: 'gray', Icon: MinusCircledIcon },
  interrupted: { color: 'yellow', Icon: ExclamationTriangleIcon },
} as const satisfies Record<ActivityState, object>

/** Carried out, and found something bad: a test that did not come up, contents that differ. */
export function isBad({ result }: Activity): boolean {
  switch (result?.kind) {
    case 'verify':
      return !result.equal
    case 'test-failover':
      return result.outcome !== 'ready'
    case 'failover':
    case 'planned-failover':
      return result.ready === false
    case 'plan':
      return !result.ok
    default:
      return false
  }
}

export function ActivityBadge({ activity }: { readonly activity: Activity }) {
  const bad = activity.state === 'done' && isBad(activity)
  const { color, Icon } = bad ? LOOK.failed : LOOK[activity.state]
  return (
    <Badge variant="light" color={color} leftSection={<Icon width={12} height={12} aria-hidden />} tt="none" fw={600}>
      {bad ? TEXTS.activities.bad : TEXTS.activities.states[activity.state]}
    </Badge>
  )
}
