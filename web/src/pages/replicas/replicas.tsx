import { Button, Group, Select, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { protectionsQuery } from '../../api/queries.ts'
import type { Protection, ProtectionState } from '../../api/types.ts'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { protectionColumns } from '../../parts/protection-columns.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { useNames } from '../../parts/use-names.ts'
import { useNarrowing } from '../../parts/use-narrowing.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { VmAction } from '../jobs/vm-action.tsx'

const T = TEXTS.replicas
/** All that the overview calls for attention. */
const TROUBLE = 'attention'
const TROUBLED: readonly ProtectionState[] = ['missed', 'at-risk', 'failed-over']
const STATES = [
  { value: TROUBLE, label: T.troubled },
  ...Object.entries(TEXTS.protection).map(([value, label]) => ({ value, label: label as string })),
]

const ACTIONS: Column<Protection> = { key: 'act', head: '', cell: (one) => <VmAction of={one} /> }

/** Every VM and how it is protected; the filters are in the address. */
export function Replicas() {
  const protections = useQuery(protectionsQuery)
  const names = useNames()
  const { parameters, narrow, clear } = useNarrowing()
  const state = parameters.get('state')
  const search = parameters.get('vm') ?? ''
  const text = search.trim().toLowerCase()
  const shown = protections.data?.filter(
    (one) =>
      (state === null || one.state === state || (state === TROUBLE && TROUBLED.includes(one.state))) &&
      [one.vm.name, one.vm.uuid, one.jobName ?? ''].some((value) => value.toLowerCase().includes(text)),
  )
  return (
    <Stack>
      <PageHead title={T.title} />
      <Group>
        <TextInput
          aria-label={T.search}
          placeholder={T.search}
          value={search}
          onChange={(event) => narrow('vm', event.currentTarget.value)}
          w={260}
        />
        <Select
          aria-label={T.state}
          placeholder={T.anyState}
          clearable
          data={STATES}
          value={state}
          onChange={(value) => narrow('state', value)}
          w={200}
        />
      </Group>
      <ProblemNote error={protections.error} />
      {protections.isPending && <Waiting />}
      {protections.data?.length === 0 && (
        <Empty text={T.empty}>
          <Button component={Link} to="/jobs">
            {TEXTS.nav.jobs}
          </Button>
        </Empty>
      )}
      {protections.data !== undefined && protections.data.length > 0 && shown?.length === 0 && (
        <Empty text={TEXTS.form.vms.empty}>
          <Button variant="default" onClick={() => clear()}>
            {TEXTS.runs.clear}
          </Button>
        </Empty>
      )}
      {shown !== undefined && shown.length > 0 && (
        <Rows
          choose="replicas"
          label={T.title}
          columns={[...protectionColumns(names, { withJob: true }), ACTIONS]}
          rows={shown}
          keyOf={(one) => `${one.sourcePool} ${one.vm.uuid} ${one.job} ${one.target?.pool} ${one.target?.sr}`}
        />
      )}
    </Stack>
  )
}
