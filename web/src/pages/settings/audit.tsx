import { Code, Stack, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import type { AuditEntry } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { PagedRows } from '../../parts/paged-rows.tsx'
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
  const [action] = useDebouncedValue(typed.trim(), 300)
  return (
    <Stack>
      <PageHead title={T.title} />
      <TextInput
        label={T.filter}
        placeholder={T.filterHint}
        maw={320}
        value={typed}
        onChange={(event) => narrow('action', event.currentTarget.value)}
      />
      <PagedRows
        queryKey={['audit', action]}
        path="/audit"
        filter={action === '' ? {} : { action }}
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
