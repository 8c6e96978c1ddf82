import { Group, Progress, Stack, Text } from '@mantine/core'
import type { Activity } from '../../api/types.ts'
import { bytes, duration } from '../../parts/measures.ts'
import { TEXTS } from '../../texts/en.ts'

/** What an activity is busy with. */
export function ActivityProgress({ activity: { state, stage, waitingFor, progress, kind } }: { readonly activity: Activity }) {
  const doing = waitingFor ?? stage?.text ?? TEXTS.activities.states[state]
  const share =
    progress === null || progress.bytesExpected === null || progress.bytesExpected === 0
      ? null
      : Math.min(100, (progress.bytesDone / progress.bytesExpected) * 100)
  return (
    <Stack gap={4}>
      <Text size="sm">{doing}</Text>
      {progress !== null && (
        <div>
          <Group justify="space-between" gap="xs" wrap="nowrap">
            <Text size="xs" truncate>
              {progress.what}
            </Text>
            <Text size="xs" c="dimmed" className="figures">
              {progress.bytesExpected === null
                ? bytes(progress.bytesDone)
                : TEXTS.runs.expected(bytes(progress.bytesDone), bytes(progress.bytesExpected))}
              {progress.bytesPerSecond !== null && ` · ${bytes(progress.bytesPerSecond)}/s`}
              {progress.secondsLeft !== null && ` · ${duration(progress.secondsLeft)}`}
            </Text>
          </Group>
          <Progress value={share ?? 100} striped={share === null} size="sm" aria-label={TEXTS.activities.kinds[kind]} />
        </div>
      )}
    </Stack>
  )
}
