import { Button, Code, Group, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'
import type { AuditEntry } from '../../../../src/core/control/audit.ts'
import { get } from '../../api/client.ts'
import type { Page } from '../../api/queries.ts'
import { Age } from '../../parts/age.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
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
  const [parameters, setParameters] = useSearchParams()
  const typed = parameters.get('action') ?? ''
  const [action] = useDebouncedValue(typed.trim(), 300)
  const entries = useInfiniteQuery({
    queryKey: ['audit', action],
    queryFn: ({ pageParam }) => get<Page<AuditEntry>>('/audit', { limit: 200, after: pageParam, ...(action === '' ? {} : { action }) }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    staleTime: 0,
  })
  const rows = entries.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <Stack>
      <PageHead title={T.title} />
      <TextInput
        label={T.filter}
        placeholder={T.filterHint}
        maw={320}
        value={typed}
        onChange={(event) =>
          setParameters(event.currentTarget.value === '' ? {} : { action: event.currentTarget.value }, { replace: true })
        }
      />
      <ProblemNote error={entries.error} />
      {entries.isPending && <Waiting />}
      {entries.data !== undefined && rows.length === 0 && <Empty text={T.empty} />}
      {rows.length > 0 && <Rows label={T.title} columns={COLUMNS} rows={rows} keyOf={({ id }) => String(id)} />}
      {entries.hasNextPage && (
        <Group>
          <Button variant="default" loading={entries.isFetchingNextPage} onClick={() => entries.fetchNextPage()}>
            <Text size="sm">{TEXTS.runs.more}</Text>
          </Button>
        </Group>
      )}
    </Stack>
  )
}
