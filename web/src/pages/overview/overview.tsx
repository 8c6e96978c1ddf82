/** Is everything protected? Two seconds have to be enough. */
import { Anchor, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import type { Protection, ProtectionState } from '../../../../src/core/control/protection.ts'
import { jobsQuery, poolsQuery, protectionsQuery, runningQuery, transfersQuery, upcomingQuery } from '../../api/queries.ts'
import { Age } from '../../parts/age.tsx'
import { bytes } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { runPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Rows } from '../../parts/rows.tsx'
import { RunBadge } from '../../parts/run-badge.tsx'
import { useNames } from '../../parts/use-names.ts'
import { VmProgress } from '../../parts/vm-progress.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { Usage } from '../pools/usage.tsx'
import { Attention } from './attention.tsx'
import { FirstSteps } from './first-steps.tsx'
import { Squares } from './squares.tsx'

const T = TEXTS.overview
const ORDER: readonly ProtectionState[] = ['protected', 'at-risk', 'missed', 'pending', 'paused', 'failed-over', 'unprotected']

export function Overview() {
  const protections = useQuery(protectionsQuery)
  const pools = useQuery(poolsQuery)
  const jobs = useQuery(jobsQuery)
  const isNew = jobs.data !== undefined && (jobs.data.length === 0 || !protections.data?.some(({ newestPoint }) => newestPoint !== null))
  return (
    <Stack>
      <PageHead title={TEXTS.nav.overview} />
      <ProblemNote error={protections.error ?? pools.error} />
      {(protections.isPending || pools.isPending || jobs.isPending) && <Waiting />}
      {protections.data !== undefined && pools.data !== undefined && jobs.data !== undefined && (
        <>
          {isNew && <FirstSteps pools={pools.data} jobs={jobs.data} />}
          {jobs.data.length > 0 && (
            <>
              <Counts protections={protections.data} />
              <Attention protections={protections.data} pools={pools.data} />
              <Squares protections={protections.data} />
            </>
          )}
          {jobs.data.length > 0 && (
            <div className="cards">
              <RunningNow />
              <Capacity />
            </div>
          )}
        </>
      )}
    </Stack>
  )
}

function Counts({ protections }: { readonly protections: readonly Protection[] }) {
  const jobs = useQuery(jobsQuery).data
  const next = useQuery(upcomingQuery)
    .data?.filter(({ at }) => at !== null)
    .toSorted((a, b) => ((a.at as string) < (b.at as string) ? -1 : 1))[0]
  const counts = new Map<ProtectionState, Set<string>>()
  for (const { state, vm, sourcePool } of protections) {
    const seen = counts.get(state) ?? new Set()
    counts.set(state, seen.add(`${sourcePool}/${vm.uuid}`))
  }
  return (
    <Group justify="space-between" align="baseline">
      <nav className="counts figures" aria-label={T.counts}>
        {ORDER.filter((state) => counts.has(state) || state === 'protected').map((state) => (
          <Link to={`/replicas?state=${state}`} key={state} className="count">
            <b>{counts.get(state)?.size ?? 0}</b>
            {TEXTS.protection[state]}
          </Link>
        ))}
      </nav>
      {next !== undefined && (
        <Text size="sm" c="dimmed">
          {T.next(jobs?.find(({ id }) => id === next.job)?.name ?? '')} <Age time={next.at} />
        </Text>
      )}
    </Group>
  )
}

function RunningNow() {
  const running = useQuery(runningQuery)
  const transfers = [...(useQuery(transfersQuery).data?.values() ?? [])]
  const runs = running.data?.items ?? []
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="running">
      <Stack gap="sm">
        <Title order={2} size="h5" id="running">
          {T.running}
        </Title>
        {running.isPending && <Waiting lines={2} />}
        {runs.length === 0 && !running.isPending && (
          <Text size="sm" c="dimmed">
            {T.nothingRuns}
          </Text>
        )}
        {runs.map((run) => (
          <Stack gap={4} key={run.id}>
            <Group gap="sm">
              <RunBadge state={run.state} />
              <Anchor component={Link} to={runPath(run.id)} size="sm" fw={600}>
                {run.jobName}
              </Anchor>
              <Text size="xs" c="dimmed">
                <Age time={run.startedAt ?? run.queuedAt} />
              </Text>
            </Group>
            {transfers
              .filter((one) => one.run === run.id)
              .map((one) => (
                <div key={one.id}>
                  <Text size="xs" fw={600}>
                    {one.vm.name}
                  </Text>
                  <VmProgress vmRun={one} />
                </div>
              ))}
          </Stack>
        ))}
      </Stack>
    </Paper>
  )
}

function Capacity() {
  const jobs = useQuery(jobsQuery).data ?? []
  const names = useNames()
  const targets = new Map(jobs.flatMap((job) => job.targets).map((target) => [`${target.pool}/${target.sr}`, target]))
  const srs = [...targets.values()].flatMap((target) => names.sr(target) ?? [])
  return (
    <section aria-labelledby="capacity">
      <Stack gap="sm">
        <Title order={2} size="h5" id="capacity">
          {T.capacity}
        </Title>
        {srs.length === 0 && names.isPending && <Waiting lines={2} />}
        {srs.length > 0 && (
          <Rows
            label={T.capacity}
            rows={srs}
            keyOf={({ pool, uuid }) => `${pool} ${uuid}`}
            columns={[
              { key: 'sr', head: T.capacityColumns.sr, cell: ({ pool, uuid }) => names.target({ pool, sr: uuid }) },
              { key: 'used', head: T.capacityColumns.used, cell: (sr) => <Usage sr={sr} /> },
              { key: 'free', head: T.capacityColumns.free, kind: 'number', cell: ({ size, used }) => bytes(Math.max(0, size - used)) },
            ]}
          />
        )}
      </Stack>
    </section>
  )
}
