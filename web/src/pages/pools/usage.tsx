import { Group, Progress, Text } from '@mantine/core'
import type { InventorySr } from '../../api/types.ts'
import { TEXTS } from '../../texts/en.ts'

/** How full a storage repository is. */
export function Usage({ sr }: { readonly sr: InventorySr }) {
  const share = sr.size > 0 ? Math.min(100, (sr.used / sr.size) * 100) : 0
  return (
    <Group gap="xs" wrap="nowrap">
      <Progress
        value={share}
        w={120}
        color={share > 95 ? 'red' : share > 85 ? 'yellow' : 'blue'}
        aria-label={`${sr.name}: ${TEXTS.pools.sr.used}`}
      />
      <Text size="xs" className="figures">
        {share.toFixed(0)} %
      </Text>
    </Group>
  )
}
