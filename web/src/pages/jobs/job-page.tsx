import { Anchor, Button, Group, Stack, Switch, Tabs, Text, Tooltip } from '@mantine/core'
import { PlayIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { patch } from '../../api/client.ts'
import { jobQuery, protectionsQuery, runsOfJobQuery, upcomingQuery } from '../../api/queries.ts'
import type { Job, Protection, Schedule } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { protectionColumns } from '../../parts/protection-columns.tsx'
import { useMay } from '../../parts/rights.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { runColumns } from '../../parts/run-columns.tsx'
import { tellProblem } from '../../parts/tell.ts'
import { retentionInWords, timingInWords } from '../../parts/timing.ts'
import { useNames } from '../../parts/use-names.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { JobActions, useStartRun } from './job-actions.tsx'
import { JobSettingsList } from './job-settings-list.tsx'
import { EnabledSwitch } from './jobs.tsx'
import { FIELDS, type Field } from './setting-field.tsx'
import { VmAction } from './vm-action.tsx'

const T = TEXTS.jobs
const SeedTab = lazy(async () => ({ default: (await import('../seeds/seed-tab.tsx')).SeedTab }))

export function JobPage() {
  const { id = '' } = useParams()
  const job = useQuery(jobQuery(id))
  const protections = useQuery(protectionsQuery)
  const runs = useQuery(runsOfJobQuery(id))
  const names = useNames()
  const mayRun = useMay('operator')
  const start = useStartRun()
  const [parameters, setParameters] = useSearchParams()
  if (job.isPending) return <Waiting />
  if (job.data === undefined) {
    return (
      <Stack>
        <PageHead title={T.title} above={[{ to: '/jobs', label: T.title }]} />
        <ProblemNote error={job.error} />
      </Stack>
    )
  }
  const own = protections.data?.filter((one) => one.job === id) ?? []
  const counts = { vms: own.length, schedules: job.data.schedules.length, settings: null, runs: null, seed: null }
  return (
    <Stack>
      <PageHead title={job.data.name} above={[{ to: '/jobs', label: T.title }]}>
        <CopyId id={id} of={`job ${job.data.name}`} />
        <EnabledSwitch job={job.data} />
        {mayRun && (
          <Button leftSection={<PlayIcon aria-hidden />} onClick={() => start({ job: id })}>
            {T.runNow}
          </Button>
        )}
        <JobActions job={job.data} />
      </PageHead>
      <Tabs
        value={parameters.get('tab') ?? 'vms'}
        onChange={(tab) => setParameters(tab === null || tab === 'vms' ? {} : { tab }, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List>
          {(Object.keys(T.tabs) as (keyof typeof T.tabs)[]).map((tab) => (
            <Tabs.Tab value={tab} key={tab}>
              {T.tabs[tab]}
              {counts[tab] !== null && ` (${counts[tab]})`}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="vms" pt="sm">
          {protections.isPending && <Waiting />}
          {protections.data !== undefined && own.length === 0 && <Empty text={T.noVm} />}
          {own.length > 0 && (
            <Rows
              label={T.tabs.vms}
              columns={[...protectionColumns(names, { withJob: false }), VM_ACTION]}
              rows={own}
              keyOf={(one) => `${one.vm.uuid} ${one.target?.pool} ${one.target?.sr}`}
            />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="schedules" pt="sm">
          <Schedules job={job.data} />
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="sm">
          <JobSettingsList job={job.data} names={names} />
        </Tabs.Panel>
        <Tabs.Panel value="seed" pt="sm">
          {protections.data !== undefined && (
            <Suspense fallback={<Waiting />}>
              <SeedTab job={job.data} protections={own} />
            </Suspense>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="runs" pt="sm">
          <ProblemNote error={runs.error} />
          {runs.isPending && <Waiting />}
          {runs.data?.items.length === 0 && <Empty text={T.noRun} />}
          {runs.data !== undefined && runs.data.items.length > 0 && (
            <>
              <Rows label={T.tabs.runs} columns={runColumns({ withJob: false })} rows={runs.data.items} keyOf={(run) => run.id} />
              <Anchor component={Link} to={`/activity?job=${id}`} size="sm" mt="xs" display="inline-block">
                {TEXTS.runs.more}
              </Anchor>
            </>
          )}
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

const VM_ACTION: Column<Protection> = { key: 'act', head: '', cell: (one) => <VmAction of={one} /> }

function Schedules({ job }: { readonly job: Job }) {
  const upcoming = useQuery(upcomingQuery).data
  const start = useStartRun()
  const mayRun = useMay('operator')
  if (job.schedules.length === 0) return <Empty text={T.noSchedule} />
  const columns: readonly Column<Schedule>[] = [
    { key: 'enabled', head: T.scheduleColumns.enabled, cell: (schedule) => <ScheduleSwitch job={job.id} schedule={schedule} /> },
    { key: 'name', head: T.scheduleColumns.name, cell: ({ name }) => name },
    {
      key: 'when',
      head: T.scheduleColumns.when,
      cell: ({ timing }) => (
        <Tooltip label={timing.kind === 'cron' ? timing.expression : `${timing.minutes} min`}>
          <Text size="sm">{timingInWords(timing)}</Text>
        </Tooltip>
      ),
    },
    {
      key: 'next',
      head: T.scheduleColumns.next,
      cell: ({ id, enabled }) => (enabled && job.enabled ? <Age time={upcoming?.find((one) => one.schedule === id)?.at} /> : T.off),
    },
    { key: 'keep', head: T.scheduleColumns.keep, cell: ({ retention }) => retentionInWords(retention) },
    {
      key: 'own',
      head: T.scheduleColumns.own,
      cell: ({ settings }) =>
        (Object.keys(FIELDS) as Field[])
          .filter((field) => settings[field] !== undefined)
          .map((field) => FIELDS[field])
          .join(', ') || '–',
    },
    { key: 'id', head: T.scheduleColumns.id, cell: ({ id, name }) => <CopyId id={id} of={`schedule ${name}`} /> },
    {
      key: 'run',
      head: '',
      cell: ({ id }) =>
        mayRun && (
          <Group justify="flex-end">
            <Button size="compact-xs" variant="default" onClick={() => start({ job: job.id, schedule: id })}>
              {T.runNow}
            </Button>
          </Group>
        ),
    },
  ]
  return <Rows label={T.tabs.schedules} columns={columns} rows={job.schedules} keyOf={({ id }) => id} />
}

function ScheduleSwitch({ job, schedule: { id, name, enabled } }: { readonly job: string; readonly schedule: Schedule }) {
  const mayChange = useMay('administrator')
  return (
    <Switch
      checked={enabled}
      disabled={!mayChange}
      aria-label={T.enableSchedule(name)}
      onChange={(event) =>
        void patch('/jobs/{id}/schedules/{schedule}', {
          path: { id: job, schedule: id },
          body: { enabled: event.currentTarget.checked },
        }).catch(tellProblem)
      }
    />
  )
}
