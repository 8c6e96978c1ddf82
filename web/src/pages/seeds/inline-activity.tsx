import { Alert, Anchor, Group, Stack, Text } from '@mantine/core'
import { CrossCircledIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { runningActivitiesQuery } from '../../api/queries.ts'
import type { Activity } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { sentences } from '../../parts/measures.ts'
import { activityPath } from '../../parts/paths.ts'
import { Told } from '../../parts/told.tsx'
import { TEXTS } from '../../texts/en.ts'
import { ActivityBadge } from '../activities/activity-badge.tsx'
import { ActivityProgress } from '../activities/activity-progress.tsx'

/** An activity in the place where it was begun. */
export function InlineActivity({ activity: asked }: { readonly activity: Activity | undefined }) {
  const running = useQuery(runningActivitiesQuery).data
  // What events tell of it is newer than the list.
  const activity = (asked?.endedAt === null ? running?.find(({ id }) => id === asked.id) : undefined) ?? asked
  if (activity === undefined) return null
  return (
    <Stack gap="xs" aria-live="polite">
      <Group gap="xs">
        <ActivityBadge activity={activity} />
        <Anchor component={Link} to={activityPath(activity.id)} size="sm">
          {TEXTS.activities.kinds[activity.kind]}
        </Anchor>
        <Text size="xs" c="dimmed">
          <Age time={activity.startedAt ?? activity.queuedAt} />
        </Text>
      </Group>
      {activity.endedAt === null && <ActivityProgress activity={activity} />}
      {activity.error !== null && (
        <Alert
          color="red"
          variant="light"
          icon={<CrossCircledIcon aria-hidden />}
          title={<Told text={sentences(activity.error.message)} />}
        >
          {sentences(activity.error.hint)}
        </Alert>
      )}
    </Stack>
  )
}
