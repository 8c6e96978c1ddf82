import { Code, Group, Select, Stack, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { usersQuery } from '../../api/queries.ts'
import type { AuditEntry } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { PagedRows } from '../../parts/paged-rows.tsx'
import { PeriodSelect, periodOf, sinceOf } from '../../parts/period.tsx'
import type { Column } from '../../parts/rows.tsx'
import { useNarrowing } from '../../parts/use-narrowing.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.audit

const COLUMNS: readonly Column<AuditEntry>[] = [
  { key: 'at', head: T.columns.at, kind: 'tight', cell: ({ at }) => <Age time={at} /> },
  { key: 'who', head: T.columns.who, cell: ({ actor }) => (actor.kind === 'user' ? actor.name : `${actor.name} (${actor.kind})`) },
  { key: 'from', head: T.columns.from, kind: 'tight', cell: ({ address }) => address || '–' },
  { key: 'action', head: T.columns.action, kind: 'tight', cell: ({ action }) => action },
  { key: 'object', head: T.columns.object, cell: ({ object }) => object.id || '–' },
  {
    key: 'outcome',
    head: T.columns.outcome,
    cell: ({ outcome }) => (outcome === 'done' ? T.done : <Code>{outcome}</Code>),
  },
]

export function Audit() {
  const { parameters, narrow } = useNarrowing()
  const typed = parameters.get('action') ?? ''
  const typedObject = parameters.get('object') ?? ''
  const [action] = useDebouncedValue(typed.trim(), 300)
  const [object] = useDebouncedValue(typedObject.trim(), 300)
  const actor = parameters.get('actor')
  const period = periodOf(parameters.get('period'))
  const users = useQuery(usersQuery).data ?? []
  const filter = {
    ...(action === '' ? {} : { action }),
    ...(object === '' ? {} : { object }),
    ...(actor === null ? {} : { actor }),
    ...(period === null ? {} : { since: sinceOf(period) }),
  }
  return (
    <Stack>
      <PageHead title={T.title} />
      <Group align="flex-end">
        <TextInput
          label={T.filter}
          placeholder={T.filterHint}
          w={220}
          value={typed}
          onChange={(event) => narrow('action', event.currentTarget.value)}
        />
        <Select
          label={T.filterWho}
          placeholder={T.anybody}
          clearable
          searchable
          w={180}
          data={users.map(({ id, name }) => ({ value: id, label: name }))}
          value={actor}
          onChange={(value) => narrow('actor', value)}
        />
        <TextInput
          label={T.filterObject}
          placeholder={T.filterObjectHint}
          w={260}
          value={typedObject}
          onChange={(event) => narrow('object', event.currentTarget.value)}
        />
        <PeriodSelect value={period} onChange={(value) => narrow('period', value)} />
      </Group>
      <PagedRows
        queryKey={['audit', action, object, actor, period]}
        path="/audit"
        filter={filter}
        limit={200}
        staleTime={0}
        label={T.title}
        columns={COLUMNS}
        keyOf={({ id }) => String(id)}
        empty={<Empty text={T.empty} />}
      />
    </Stack>
  )
}
