import { Anchor, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { runningActivitiesQuery } from '../../api/queries.ts'
import type { Activity } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { activityPath } from '../../parts/paths.ts'
import type { Column } from '../../parts/rows.tsx'
import { Span } from '../../parts/span.tsx'
import { TEXTS } from '../../texts/en.ts'
import { ActivityBadge } from './activity-badge.tsx'

const T = TEXTS.activities

export function subjectInWords({ subject: { plan, vm, seed, jobName } }: Activity): string {
  return plan?.name ?? vm?.name ?? seed ?? jobName ?? '–'
}

/** Lists are asked for when one comes or ends; what it is at meanwhile is told by events. */
function Now({ activity: listed }: { readonly activity: Activity }) {
  const running = useQuery(runningActivitiesQuery).data
  const { error, stage, waitingFor, endedAt } = (listed.endedAt === null && running?.find(({ id }) => id === listed.id)) || listed
  return <Text size="xs">{error?.message ?? (endedAt === null ? (waitingFor ?? stage?.text ?? '') : '')}</Text>
}

export const ACTIVITY_COLUMNS: readonly Column<Activity>[] = [
  {
    key: 'what',
    head: T.columns.what,
    cell: (activity) => (
      <Anchor component={Link} to={activityPath(activity.id)} size="sm" fw={600}>
        {T.kinds[activity.kind]}: {subjectInWords(activity)}
      </Anchor>
    ),
  },
  { key: 'state', head: T.columns.state, kind: 'tight', cell: (activity) => <ActivityBadge activity={activity} /> },
  {
    key: 'now',
    kind: 'wide',
    head: T.columns.now,
    cell: (activity) => <Now activity={activity} />,
  },
  { key: 'by', head: T.columns.by, cell: ({ by, cause }) => (cause.kind === 'hand' ? by.name : T.causes[cause.kind]) },
  { key: 'when', head: T.columns.when, kind: 'tight', cell: ({ startedAt, queuedAt }) => <Age time={startedAt ?? queuedAt} /> },
  {
    key: 'took',
    head: T.columns.took,
    kind: 'number',
    cell: ({ startedAt, endedAt }) => (startedAt === null ? '–' : <Span from={startedAt} to={endedAt} />),
  },
  { key: 'id', head: T.columns.id, cell: ({ id }) => <CopyId id={id} of="activity" /> },
]
