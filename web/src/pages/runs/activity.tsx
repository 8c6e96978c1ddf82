import { Button, Checkbox, Group, Select, Stack, Tabs, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'
import { alertsQuery, jobsQuery, protectionsQuery } from '../../api/queries.ts'
import type { Alert, RunState } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { PagedRows } from '../../parts/paged-rows.tsx'
import { PeriodSelect, periodOf, sinceOf } from '../../parts/period.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { ReplicaLink } from '../../parts/replica-link.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { runColumns } from '../../parts/run-columns.tsx'
import { useNarrowing } from '../../parts/use-narrowing.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { Activities } from '../activities/activities.tsx'

const T = TEXTS.runs
const TABS = ['runs', 'activities', 'alerts'] as const
const STATES: readonly RunState[] = ['running', 'queued', 'success', 'partial', 'failed', 'cancelled', 'interrupted', 'skipped']

/** What ran and what was told of it; the filters are in the address. */
export function Activity() {
  const [parameters, setParameters] = useSearchParams()
  const tab = TABS.find((one) => one === parameters.get('tab')) ?? 'runs'
  return (
    <Stack>
      <PageHead title={T.title} />
      <Tabs
        value={tab}
        onChange={(to) => setParameters(to === null || to === 'runs' ? {} : { tab: to }, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List>
          {TABS.map((one) => (
            <Tabs.Tab value={one} key={one}>
              {T.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="runs" pt="sm">
          <Runs />
        </Tabs.Panel>
        <Tabs.Panel value="activities" pt="sm">
          <Activities />
        </Tabs.Panel>
        <Tabs.Panel value="alerts" pt="sm">
          <Alerts />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

function Runs() {
  const { parameters, narrow, clear } = useNarrowing()
  const jobs = useQuery(jobsQuery).data ?? []
  const state = STATES.find((one) => one === parameters.get('state')) ?? null
  const job = parameters.get('job')
  const vm = parameters.get('vm')
  const period = periodOf(parameters.get('period'))
  const vms = new Map((useQuery(protectionsQuery).data ?? []).map((one) => [one.vm.uuid, one.vm.name]))
  if (vm !== null && !vms.has(vm)) vms.set(vm, vm)
  const isNarrowed = state !== null || job !== null || vm !== null || period !== null
  return (
    <Stack gap="sm">
      <Group>
        <Select
          aria-label={T.filterState}
          placeholder={T.anyState}
          clearable
          data={STATES.map((value) => ({ value, label: TEXTS.runState[value] }))}
          value={state}
          onChange={(value) => narrow('state', value)}
          w={160}
        />
        <Select
          aria-label={T.filterJob}
          placeholder={T.anyJob}
          clearable
          searchable
          data={jobs.map(({ id, name }) => ({ value: id, label: name }))}
          value={job}
          onChange={(value) => narrow('job', value)}
          w={240}
        />
        <Select
          aria-label={T.filterVm}
          placeholder={T.anyVm}
          clearable
          searchable
          limit={200}
          data={[...vms].map(([value, label]) => ({ value, label }))}
          value={vm}
          onChange={(value) => narrow('vm', value)}
          w={200}
        />
        <PeriodSelect value={period} onChange={(value) => narrow('period', value)} />
      </Group>
      <PagedRows
        queryKey={['runs', 'list', state, job, vm, period]}
        path="/runs"
        filter={{
          ...(state === null ? {} : { state: [state] }),
          ...(job === null ? {} : { job }),
          ...(vm === null ? {} : { vm }),
          ...(period === null ? {} : { since: sinceOf(period) }),
        }}
        choose="runs"
        label={T.tabs.runs}
        columns={runColumns({ withJob: true })}
        keyOf={({ id }) => id}
        empty={
          <Empty text={isNarrowed ? T.noMatch : T.empty}>
            {isNarrowed && (
              <Button variant="default" onClick={() => clear()}>
                {T.clear}
              </Button>
            )}
          </Empty>
        }
      />
    </Stack>
  )
}

const ALERTS: readonly Column<Alert>[] = [
  {
    key: 'state',
    head: TEXTS.alerts.columns.state,
    cell: ({ closedAt }) => (closedAt === null ? <b>{TEXTS.alerts.open}</b> : TEXTS.alerts.closed),
  },
  {
    key: 'what',
    head: TEXTS.alerts.columns.what,
    cell: (alert) => (
      <>
        <Text size="sm" fw={600}>
          {alert.subject}
        </Text>
        <Text size="xs">{alert.text}</Text>
        <Text size="xs" c="dimmed">
          {alert.hint}
        </Text>
        {alert.closedAt === null && <ReplicaLink vm={alert.vm} job={alert.job} />}
      </>
    ),
  },
  { key: 'since', head: TEXTS.alerts.columns.since, kind: 'tight', cell: ({ openedAt }) => <Age time={openedAt} /> },
  { key: 'until', head: TEXTS.alerts.columns.until, kind: 'tight', cell: ({ closedAt }) => <Age time={closedAt} /> },
]

function Alerts() {
  const [parameters, setParameters] = useSearchParams()
  const open = parameters.get('open') === '1'
  const alerts = useQuery(alertsQuery(open))
  return (
    <Stack gap="sm">
      <Checkbox
        label={TEXTS.alerts.onlyOpen}
        checked={open}
        onChange={(event) =>
          setParameters(event.currentTarget.checked ? { tab: 'alerts', open: '1' } : { tab: 'alerts' }, { replace: true })
        }
      />
      <ProblemNote error={alerts.error} />
      {alerts.isPending && <Waiting />}
      {alerts.data?.items.length === 0 && <Empty text={TEXTS.alerts.empty} />}
      {alerts.data !== undefined && alerts.data.items.length > 0 && (
        <Rows label={T.tabs.alerts} columns={ALERTS} rows={alerts.data.items} keyOf={({ id }) => id} />
      )}
    </Stack>
  )
}
