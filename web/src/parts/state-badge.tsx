import { Badge } from '@mantine/core'
import {
  CheckCircledIcon,
  CircleIcon,
  CrossCircledIcon,
  ExclamationTriangleIcon,
  EyeNoneIcon,
  PauseIcon,
  SwitchIcon,
} from '@radix-ui/react-icons'
import type { ProtectionState } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'

/** Colour only for the state of protection, and always with a shape and a word. */
export const STATE_LOOK = {
  protected: { color: 'teal', Icon: CheckCircledIcon },
  'at-risk': { color: 'yellow', Icon: ExclamationTriangleIcon },
  missed: { color: 'red', Icon: CrossCircledIcon },
  pending: { color: 'gray', Icon: CircleIcon },
  paused: { color: 'gray', Icon: PauseIcon },
  'failed-over': { color: 'violet', Icon: SwitchIcon },
  unprotected: { color: 'gray', Icon: EyeNoneIcon },
} as const satisfies Record<ProtectionState, object>

export function StateBadge({ state }: { readonly state: ProtectionState }) {
  const { color, Icon } = STATE_LOOK[state]
  return (
    <Badge variant="light" color={color} leftSection={<Icon width={12} height={12} aria-hidden />} tt="none" fw={600}>
      {TEXTS.protection[state]}
    </Badge>
  )
}
