import { Anchor, Button, Stack } from '@mantine/core'
import { PlusIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { plansQuery, protectionsQuery } from '../../api/queries.ts'
import type { RecoveryPlan } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { planPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.plans

export function Plans() {
  const plans = useQuery(plansQuery)
  const hasReplica = useQuery(protectionsQuery).data?.some(({ replica }) => replica !== null) ?? true
  const mayChange = useMay('administrator')
  const columns: readonly Column<RecoveryPlan>[] = [
    {
      key: 'name',
      head: T.columns.name,
      cell: ({ id, name }) => (
        <Anchor component={Link} to={planPath(id)} size="sm" fw={600}>
          {name}
        </Anchor>
      ),
    },
    { key: 'groups', head: T.columns.groups, cell: ({ groups }) => groups.map(({ name }) => name).join(' → ') },
    { key: 'vms', head: T.columns.vms, kind: 'number', cell: ({ groups }) => groups.reduce((sum, { vms }) => sum + vms.length, 0) },
    { key: 'changed', head: T.columns.changed, kind: 'tight', cell: ({ updatedAt }) => <Age time={updatedAt} /> },
    { key: 'id', head: T.columns.id, cell: ({ id, name }) => <CopyId id={id} of={`plan ${name}`} /> },
  ]
  const fresh = mayChange && (
    <Button component={Link} to={hasReplica ? '/plans/new' : '/jobs'} leftSection={hasReplica ? <PlusIcon aria-hidden /> : undefined}>
      {hasReplica ? T.fresh : TEXTS.nav.jobs}
    </Button>
  )
  return (
    <Stack>
      <PageHead title={T.pageTitle}>{(plans.data?.length ?? 0) > 0 && fresh}</PageHead>
      <ProblemNote error={plans.error} />
      {plans.isPending && <Waiting />}
      {plans.data?.length === 0 && <Empty text={hasReplica ? T.empty : T.noReplica}>{fresh}</Empty>}
      {plans.data !== undefined && plans.data.length > 0 && (
        <Rows label={T.pageTitle} columns={columns} rows={plans.data} keyOf={({ id }) => id} />
      )}
    </Stack>
  )
}
