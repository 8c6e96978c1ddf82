import { Button, Group, Select, Stack } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'
import { ACTIVITY_KINDS, ACTIVITY_STATES, type Activity } from '../../../../src/core/control/activity.ts'
import { get } from '../../api/client.ts'
import type { Page } from '../../api/queries.ts'
import { Empty } from '../../parts/empty.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { ACTIVITY_COLUMNS } from './activity-columns.tsx'

const T = TEXTS.activities

/** Tests, failovers, plans, seeds: what was done besides runs; the filters are in the address. */
export function Activities() {
  const [parameters, setParameters] = useSearchParams()
  const kind = parameters.get('kind')
  const state = parameters.get('is')
  const activities = useInfiniteQuery({
    queryKey: ['activities', 'list', kind, state],
    queryFn: ({ pageParam }) =>
      get<Page<Activity>>('/activities', {
        limit: 100,
        after: pageParam,
        ...(kind === null ? {} : { kind: [kind] }),
        ...(state === null ? {} : { state: [state] }),
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
  })
  const narrow = (key: string, value: string | null) => {
    const changed = new URLSearchParams(parameters)
    if (value === null) changed.delete(key)
    else changed.set(key, value)
    setParameters(changed, { replace: true })
  }
  const rows = activities.data?.pages.flatMap(({ items }) => items) ?? []
  const isNarrowed = kind !== null || state !== null
  return (
    <Stack gap="sm">
      <Group>
        <Select
          aria-label={T.filterKind}
          placeholder={T.anyKind}
          clearable
          searchable
          data={ACTIVITY_KINDS.map((value) => ({ value, label: T.kinds[value] }))}
          value={kind}
          onChange={(value) => narrow('kind', value)}
          w={240}
        />
        <Select
          aria-label={TEXTS.runs.filterState}
          placeholder={TEXTS.runs.anyState}
          clearable
          data={ACTIVITY_STATES.map((value) => ({ value, label: T.states[value] }))}
          value={state}
          onChange={(value) => narrow('is', value)}
          w={160}
        />
      </Group>
      <ProblemNote error={activities.error} />
      {activities.isPending && <Waiting />}
      {activities.data !== undefined && rows.length === 0 && (
        <Empty text={isNarrowed ? T.noMatch : T.empty}>
          {isNarrowed && (
            <Button variant="default" onClick={() => setParameters({ tab: 'activities' }, { replace: true })}>
              {TEXTS.runs.clear}
            </Button>
          )}
        </Empty>
      )}
      {rows.length > 0 && <Rows label={T.title} choose="activities" columns={ACTIVITY_COLUMNS} rows={rows} keyOf={({ id }) => id} />}
      {activities.hasNextPage && (
        <Group>
          <Button variant="default" loading={activities.isFetchingNextPage} onClick={() => activities.fetchNextPage()}>
            {TEXTS.runs.more}
          </Button>
        </Group>
      )}
    </Stack>
  )
}
