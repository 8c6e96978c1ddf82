/** One activity: live while it runs, and afterwards its outcome, what it did when, and a report to keep. */
import { Alert, Anchor, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { CrossCircledIcon, DownloadIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { ENDED_ACTIVITY_STATES } from '../../../../src/core/control/activity.ts'
import { get, post } from '../../api/client.ts'
import { activityQuery } from '../../api/queries.ts'
import type { Activity, ActivityDetail } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { download } from '../../parts/download.ts'
import { sentences } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { activityPath } from '../../parts/paths.ts'
import { errorDocs, ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { Span } from '../../parts/span.tsx'
import { tellProblem } from '../../parts/tell.ts'
import { Told } from '../../parts/told.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { useDoing } from '../failover/failover-actions.tsx'
import { PlanRunPicture } from '../plans/plan-run-picture.tsx'
import { ActivityBadge } from './activity-badge.tsx'
import { subjectInWords } from './activity-columns.tsx'
import { ActivityProgress } from './activity-progress.tsx'
import { ActivityOutcome } from './activity-result.tsx'

const T = TEXTS.activities

export function ActivityPage() {
  const { id = '' } = useParams()
  const activity = useQuery(activityQuery(id))
  if (activity.isPending) return <Waiting />
  if (activity.data === undefined) {
    return (
      <Stack>
        <PageHead title={TEXTS.runs.title} above={[{ to: '/activity', label: TEXTS.runs.title }]} />
        <ProblemNote error={activity.error} />
      </Stack>
    )
  }
  return <Shown activity={activity.data} />
}

function Shown({ activity }: { readonly activity: ActivityDetail }) {
  const { id, kind, state, error, by, cause, queuedAt, startedAt, endedAt } = activity
  const hasEnded = ENDED_ACTIVITY_STATES.includes(state)
  return (
    <Stack>
      <PageHead
        title={`${T.kinds[kind]}: ${subjectInWords(activity)}`}
        above={[{ to: '/activity?tab=activities', label: TEXTS.runs.title }]}
      >
        <ActivityBadge activity={activity} />
        <Actions activity={activity} />
      </PageHead>
      <Group gap="md">
        <Text size="sm">{T.begunBy(by.name, T.causes[cause.kind])}</Text>
        <Text size="sm">
          <Age time={startedAt ?? queuedAt} />
        </Text>
        {startedAt !== null && (
          <Text size="sm" className="figures">
            {hasEnded ? T.took : T.since} <Span from={startedAt} to={endedAt} />
          </Text>
        )}
        <CopyId id={id} of="activity" />
      </Group>
      {!hasEnded && (
        <Paper withBorder p="md" component="section" aria-label={T.now}>
          <ActivityProgress activity={activity} />
        </Paper>
      )}
      {error !== null && (
        <Alert color="red" variant="light" icon={<CrossCircledIcon aria-hidden />} title={<Told text={sentences(error.message)} />}>
          <Text size="sm">{sentences(error.hint)}</Text>
          <Anchor href={errorDocs(error.code)} size="xs">
            {error.code}: {TEXTS.runs.docs}
          </Anchor>
        </Alert>
      )}
      {activity.planRun !== null && (
        <>
          {!hasEnded && (
            <Text size="sm" fw={600}>
              {TEXTS.plans.runsNow[activity.planRun.mode]}
            </Text>
          )}
          <PlanRunPicture activity={activity} vms={activity.planRun.vms} />
        </>
      )}
      <ActivityOutcome activity={activity} />
      <Timeline activity={activity} />
    </Stack>
  )
}

function Actions({ activity }: { readonly activity: Activity }) {
  const { id, kind, state, canContinue, result, subject } = activity
  const mayAct = useMay('operator')
  const navigate = useNavigate()
  const { dialog, choose } = useDoing()
  const [cancelling, setCancelling] = useState(false)
  const goOn = useMutation({
    mutationFn: () => post('/activities/{id}/continue', { path: { id } }),
    onSuccess: (next) => navigate(activityPath(next.id)),
    onError: tellProblem,
  })
  const hasEnded = ENDED_ACTIVITY_STATES.includes(state)
  const isKept = result?.kind === 'test-failover' && !result.removed && result.vm !== null
  return (
    <>
      {mayAct && !hasEnded && (
        <Button variant="default" onClick={() => setCancelling(true)}>
          {T.cancel}
        </Button>
      )}
      {mayAct && canContinue && (
        <Button loading={goOn.isPending} onClick={() => goOn.mutate()}>
          {T.goOn}
        </Button>
      )}
      {mayAct && isKept && subject.target !== null && subject.vm !== null && (
        <Button
          variant="default"
          onClick={() =>
            choose({
              kind: 'clean-up',
              subject: { target: subject.target as never, vm: subject.vm?.uuid ?? '', name: subject.vm?.name ?? '' },
            })
          }
        >
          {TEXTS.failover.actions['clean-up']}
        </Button>
      )}
      {hasEnded && (
        <Button variant="default" leftSection={<DownloadIcon aria-hidden />} onClick={() => void saveReport(id, kind)}>
          {T.report}
        </Button>
      )}
      <Confirm
        opened={cancelling}
        onClose={() => setCancelling(false)}
        title={T.cancelTitle}
        text={T.cancelText}
        go={T.cancelGo}
        act={() => post('/activities/{id}/cancel', { path: { id } })}
      />
      {dialog}
    </>
  )
}

async function saveReport(id: string, kind: string): Promise<void> {
  try {
    download(`understudy-${kind}-${id.slice(0, 8)}.md`, await get('/activities/{id}/report.md', { path: { id } }), 'text/markdown')
  } catch (error) {
    tellProblem(error)
  }
}

function Timeline({ activity: { timeline } }: { readonly activity: ActivityDetail }) {
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="timeline">
      <Title order={2} size="h5" id="timeline">
        {T.timeline}
      </Title>
      {timeline.length === 0 && <Text size="sm">{TEXTS.runs.noLog}</Text>}
      <ol className="timeline">
        {timeline.map(({ at, level, step, text }, nth) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines only come after others
          <li key={nth} data-level={level} data-step={step !== null || undefined}>
            <time dateTime={at} className="figures">
              {new Date(at).toLocaleTimeString()}
            </time>
            <span>
              <Told text={text} />
            </span>
          </li>
        ))}
      </ol>
    </Paper>
  )
}
