import { Badge } from '@mantine/core'
import {
  CheckCircledIcon,
  CircleIcon,
  CrossCircledIcon,
  ExclamationTriangleIcon,
  MinusCircledIcon,
  PauseIcon,
  PlayIcon,
} from '@radix-ui/react-icons'
import type { RunState, VmRunState } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'

const LOOK = {
  queued: { color: 'gray', Icon: CircleIcon },
  waiting: { color: 'gray', Icon: PauseIcon },
  running: { color: 'blue', Icon: PlayIcon },
  success: { color: 'teal', Icon: CheckCircledIcon },
  partial: { color: 'yellow', Icon: ExclamationTriangleIcon },
  failed: { color: 'red', Icon: CrossCircledIcon },
  cancelled: { color: 'gray', Icon: MinusCircledIcon },
  interrupted: { color: 'yellow', Icon: ExclamationTriangleIcon },
  skipped: { color: 'gray', Icon: MinusCircledIcon },
} as const satisfies Record<RunState | VmRunState, object>

export function RunBadge({ state }: { readonly state: RunState | VmRunState }) {
  const { color, Icon } = LOOK[state]
  return (
    <Badge variant="light" color={color} leftSection={<Icon width={12} height={12} aria-hidden />} tt="none" fw={600}>
      {TEXTS.runState[state]}
    </Badge>
  )
}
