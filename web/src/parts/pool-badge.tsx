import { Badge } from '@mantine/core'
import { CheckCircledIcon, CrossCircledIcon, ExclamationTriangleIcon, MinusCircledIcon, UpdateIcon } from '@radix-ui/react-icons'
import type { PoolState } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'

const LOOK = {
  connecting: { color: 'gray', Icon: UpdateIcon },
  connected: { color: 'teal', Icon: CheckCircledIcon },
  away: { color: 'yellow', Icon: ExclamationTriangleIcon },
  refused: { color: 'red', Icon: CrossCircledIcon },
  disabled: { color: 'gray', Icon: MinusCircledIcon },
} as const satisfies Record<PoolState, object>

export function PoolBadge({ state }: { readonly state: PoolState }) {
  const { color, Icon } = LOOK[state]
  return (
    <Badge variant="light" color={color} leftSection={<Icon width={12} height={12} aria-hidden />} tt="none" fw={600}>
      {TEXTS.poolState[state]}
    </Badge>
  )
}
