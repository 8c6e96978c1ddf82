import { Anchor, Button, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { PlusIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router'
import { poolsQuery } from '../../api/queries.ts'
import type { Pool } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { PoolBadge } from '../../parts/pool-badge.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { PoolActions } from './pool-actions.tsx'
import { PoolForm } from './pool-form.tsx'

const T = TEXTS.pools

const COLUMNS: readonly Column<Pool>[] = [
  {
    key: 'name',
    head: T.columns.name,
    cell: ({ id, name }) => (
      <Anchor component={Link} to={`/settings/pools/${id}`} fw={600} size="sm">
        {name}
      </Anchor>
    ),
  },
  {
    key: 'state',
    head: T.columns.state,
    cell: ({ state, error }) => (
      <>
        <PoolBadge state={state} />
        {error !== null && (
          <Text size="xs">
            {error.message}. {error.hint}
          </Text>
        )}
      </>
    ),
  },
  { key: 'address', head: T.columns.address, cell: ({ url }) => url },
  { key: 'version', head: T.columns.version, kind: 'tight', cell: ({ version }) => version ?? '–' },
  { key: 'holds', head: T.columns.holds, kind: 'tight', cell: ({ counts }) => T.holds(counts.hosts, counts.vms, counts.srs) },
  { key: 'seen', head: T.columns.seen, kind: 'tight', cell: ({ lastSeenAt }) => <Age time={lastSeenAt} /> },
  { key: 'actions', head: '', cell: (pool) => <PoolActions pool={pool} /> },
]

export function Pools() {
  const pools = useQuery(poolsQuery)
  const mayChange = useMay('administrator')
  const [parameters] = useSearchParams()
  const [adding, { open, close }] = useDisclosure(parameters.has('add'))
  const add = mayChange && (
    <Button leftSection={<PlusIcon aria-hidden />} onClick={open}>
      {T.add}
    </Button>
  )
  return (
    <Stack>
      <PageHead title={T.title}>{(pools.data?.length ?? 0) > 0 && add}</PageHead>
      <ProblemNote error={pools.error} />
      {pools.isPending && <Waiting />}
      {pools.data?.length === 0 && <Empty text={T.empty}>{add}</Empty>}
      {pools.data !== undefined && pools.data.length > 0 && (
        <Rows label={T.title} columns={COLUMNS} rows={pools.data} keyOf={({ id }) => id} />
      )}
      {adding && <PoolForm onClose={close} />}
    </Stack>
  )
}
