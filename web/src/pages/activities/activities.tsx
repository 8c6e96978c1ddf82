import { Button, Group, Select, Stack } from '@mantine/core'
import { ACTIVITY_KINDS, ACTIVITY_STATES } from '../../../../src/core/control/activity.ts'
import { Empty } from '../../parts/empty.tsx'
import { PagedRows } from '../../parts/paged-rows.tsx'
import { useNarrowing } from '../../parts/use-narrowing.ts'
import { TEXTS } from '../../texts/en.ts'
import { ACTIVITY_COLUMNS } from './activity-columns.tsx'

const T = TEXTS.activities

/** Tests, failovers, plans, seeds: what was done besides runs; the filters are in the address. */
export function Activities() {
  const { parameters, narrow, clear } = useNarrowing()
  const kind = ACTIVITY_KINDS.find((one) => one === parameters.get('kind')) ?? null
  const state = ACTIVITY_STATES.find((one) => one === parameters.get('is')) ?? null
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
      <PagedRows
        queryKey={['activities', 'list', kind, state]}
        path="/activities"
        filter={{ ...(kind === null ? {} : { kind: [kind] }), ...(state === null ? {} : { state: [state] }) }}
        label={T.title}
        choose="activities"
        columns={ACTIVITY_COLUMNS}
        keyOf={({ id }) => id}
        empty={
          <Empty text={isNarrowed ? T.noMatch : T.empty}>
            {isNarrowed && (
              <Button variant="default" onClick={() => clear({ tab: 'activities' })}>
                {TEXTS.runs.clear}
              </Button>
            )}
          </Empty>
        }
      />
    </Stack>
  )
}
