/** Is everything protected? Two seconds have to be enough. */
import { Anchor, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { jobsQuery, poolsQuery, protectionsQuery, runningActivitiesQuery, runningQuery, transfersQuery } from '../../api/queries.ts'
import { Age } from '../../parts/age.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { activityPath, runPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { RunBadge } from '../../parts/run-badge.tsx'
import { VmProgress } from '../../parts/vm-progress.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { ActivityBadge } from '../activities/activity-badge.tsx'
import { subjectInWords } from '../activities/activity-columns.tsx'
import { ActivityProgress } from '../activities/activity-progress.tsx'
import { Attention } from './attention.tsx'
import { Capacity } from './capacity.tsx'
import { Failures } from './failures.tsx'
import { FirstSteps } from './first-steps.tsx'
import { Glance } from './glance.tsx'
import { Moved } from './moved.tsx'
import { Squares } from './squares.tsx'
import { TryLab } from './try-lab.tsx'

const T = TEXTS.overview

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
          <TryLab isNew={jobs.data.length === 0} />
          {jobs.data.length > 0 && (
            <>
              <Glance protections={protections.data} pools={pools.data} />
              <Attention protections={protections.data} pools={pools.data} />
              <Squares protections={protections.data} />
            </>
          )}
          {jobs.data.length > 0 && (
            <>
              <div className="cards">
                <Moved />
                <Stack>
                  <RunningNow />
                  <Failures protections={protections.data} />
                </Stack>
              </div>
              <Capacity />
            </>
          )}
        </>
      )}
    </Stack>
  )
}

function RunningNow() {
  const running = useQuery(runningQuery)
  const transfers = [...(useQuery(transfersQuery).data?.values() ?? [])]
  const runs = running.data?.items ?? []
  const activities = useQuery(runningActivitiesQuery).data ?? []
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="running">
      <Stack gap="sm">
        <Title order={2} size="h5" id="running">
          {T.running}
        </Title>
        {running.isPending && <Waiting lines={2} />}
        {runs.length === 0 && activities.length === 0 && !running.isPending && (
          <Text size="sm" c="dimmed">
            {T.nothingRuns}
          </Text>
        )}
        {activities.map((activity) => (
          <Stack gap={4} key={activity.id}>
            <Group gap="sm">
              <ActivityBadge activity={activity} />
              <Anchor component={Link} to={activityPath(activity.id)} size="sm" fw={600}>
                {TEXTS.activities.kinds[activity.kind]}: {subjectInWords(activity)}
              </Anchor>
            </Group>
            <ActivityProgress activity={activity} />
          </Stack>
        ))}
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
