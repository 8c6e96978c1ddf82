import { Anchor, Button, Group, Stack, Switch, Text, Tooltip } from '@mantine/core'
import { PlusIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { post } from '../../api/client.ts'
import { jobsQuery, latestRunsQuery, poolsQuery, protectionsQuery, upcomingQuery } from '../../api/queries.ts'
import type { Job, Run } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { Empty } from '../../parts/empty.tsx'
import { bytes, duration } from '../../parts/measures.ts'
import { Named } from '../../parts/named.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { jobPath, runPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { RunBadge } from '../../parts/run-badge.tsx'
import { tellProblem } from '../../parts/tell.ts'
import { timingInWords } from '../../parts/timing.ts'
import { useNames } from '../../parts/use-names.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { JobActions } from './job-actions.tsx'
import { JobsDocumentButtons } from './jobs-document.tsx'

const T = TEXTS.jobs

export function Jobs() {
  const jobs = useQuery(jobsQuery)
  const pools = useQuery(poolsQuery)
  const upcoming = useQuery(upcomingQuery).data
  const runs = useQuery(latestRunsQuery).data?.items
  const protections = useQuery(protectionsQuery).data
  const names = useNames()
  const mayChange = useMay('administrator')
  const lastRun = useMemo(() => {
    const last = new Map<string, Run>()
    for (const run of runs ?? []) if (!last.has(run.job) && !run.dryRun) last.set(run.job, run)
    return last
  }, [runs])
  const vms = useMemo(() => {
    const counts = new Map<string, Set<string>>()
    for (const { job, vm } of protections ?? []) {
      if (job === null) continue
      const seen = counts.get(job) ?? new Set()
      counts.set(job, seen.add(vm.uuid))
    }
    return counts
  }, [protections])
  const next = new Map(upcoming?.map(({ schedule, at }) => [schedule, at]))
  const columns: readonly Column<Job>[] = [
    {
      key: 'name',
      head: T.columns.name,
      kind: 'name',
      cell: ({ id, name }) => (
        <Anchor component={Link} to={jobPath(id)} fw={600} size="sm" title={name}>
          {name}
        </Anchor>
      ),
    },
    { key: 'enabled', head: T.columns.enabled, cell: (job) => <EnabledSwitch job={job} /> },
    { key: 'vms', head: T.columns.vms, kind: 'number', cell: ({ id }) => vms.get(id)?.size ?? 0 },
    { key: 'to', head: T.columns.targets, kind: 'name', cell: ({ targets }) => <Named name={targets.map(names.target).join(', ')} /> },
    {
      key: 'schedules',
      head: T.columns.schedules,
      cell: ({ schedules, enabled }) =>
        schedules.length === 0 ? (
          <Text size="xs">{T.noSchedule}</Text>
        ) : (
          schedules.map(({ id, name, timing, enabled: isOn }) => (
            <Group key={id} gap={8} wrap="nowrap" className="tight">
              <Tooltip label={name}>
                <Text size="xs">{timingInWords(timing)}</Text>
              </Tooltip>
              <Text size="xs" c="dimmed">
                {enabled && isOn ? <Age time={next.get(id)} /> : T.off}
              </Text>
              <CopyId id={id} of={`schedule ${name}`} />
            </Group>
          ))
        ),
    },
    { key: 'last', head: T.columns.last, cell: ({ id }) => <LastRun run={lastRun.get(id)} /> },
    { key: 'id', head: T.columns.id, cell: ({ id, name }) => <CopyId id={id} of={`job ${name}`} /> },
    { key: 'actions', head: '', cell: (job) => <JobActions job={job} /> },
  ]
  const hasPools = (pools.data?.length ?? 0) > 0
  const fresh = mayChange && (
    <Button component={Link} to={hasPools ? '/jobs/new' : '/settings/pools?add'} leftSection={<PlusIcon aria-hidden />}>
      {hasPools ? T.fresh : TEXTS.pools.add}
    </Button>
  )
  return (
    <Stack>
      <PageHead title={T.title}>
        {hasPools && <JobsDocumentButtons hasJobs={(jobs.data?.length ?? 0) > 0} />}
        {(jobs.data?.length ?? 0) > 0 && fresh}
      </PageHead>
      <ProblemNote error={jobs.error} />
      {jobs.isPending && <Waiting />}
      {jobs.data?.length === 0 && pools.data !== undefined && <Empty text={hasPools ? T.empty : T.none}>{fresh}</Empty>}
      {jobs.data !== undefined && jobs.data.length > 0 && (
        <Rows label={T.title} columns={columns} rows={jobs.data} keyOf={({ id }) => id} choose="jobs" />
      )}
    </Stack>
  )
}

export function EnabledSwitch({ job }: { readonly job: Job }) {
  const mayChange = useMay('administrator')
  return (
    <Switch
      checked={job.enabled}
      disabled={!mayChange}
      aria-label={T.enable(job.name)}
      onChange={(event) =>
        void post(event.currentTarget.checked ? '/jobs/{id}/enable' : '/jobs/{id}/disable', { path: { id: job.id } }).catch(tellProblem)
      }
    />
  )
}

export function LastRun({ run }: { readonly run: Run | undefined }) {
  if (run === undefined) return <Text size="xs">{T.neverRan}</Text>
  const took = run.startedAt !== null && run.endedAt !== null ? (Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 1000 : null
  return (
    <Group gap={6} wrap="nowrap" className="tight">
      <Anchor component={Link} to={runPath(run.id)} size="xs" underline="never">
        <RunBadge state={run.state} />
      </Anchor>
      <Text size="xs" c="dimmed">
        <Age time={run.endedAt ?? run.startedAt ?? run.queuedAt} />
        {took !== null && ` · ${T.tookSent(duration(took), bytes(run.totals.bytesSent))}`}
        {run.totals.fulls > 0 && ` · ${TEXTS.runs.fulls(run.totals.fulls)}`}
      </Text>
    </Group>
  )
}
