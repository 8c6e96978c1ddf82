/** The replica of one VM on one storage repository: its restore points, read from the pool at this moment. */
import { Alert, Anchor, Button, Group, Paper, Radio, Stack, Text, Title } from '@mantine/core'
import { CheckCircledIcon, CrossCircledIcon, PlayIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link, useParams } from 'react-router'
import { post } from '../../api/client.ts'
import { jobsQuery, protectionsQuery, restorePointsQuery } from '../../api/queries.ts'
import type { RestorePoint, Target } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Empty } from '../../parts/empty.tsx'
import { bytes, duration, relative } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { activityPath, jobPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { tellDone } from '../../parts/tell.ts'
import { useNames } from '../../parts/use-names.ts'
import { useNow } from '../../parts/use-now.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { FailoverButtons, FailoverState, useDoing, useFailoverStatus } from '../failover/failover-actions.tsx'
import type { Subject } from '../failover/options.ts'
import { HealthState } from '../jobs/health-check.tsx'
import { useStartRun } from '../jobs/job-actions.tsx'
import { PointActions } from './point-actions.tsx'
import { PointsTimeline } from './points-timeline.tsx'

const T = TEXTS.replicas

export function ReplicaPage() {
  const { pool = '', sr = '', vm = '' } = useParams()
  const target = { pool, sr }
  const protections = useQuery(protectionsQuery)
  const points = useQuery(restorePointsQuery(pool, sr, vm))
  const jobs = useQuery(jobsQuery).data
  const names = useNames()
  const mayRun = useMay('operator')
  const start = useStartRun()
  const [verifying, setVerifying] = useState<RestorePoint>()
  const { dialog, choose } = useDoing()
  const chains = protections.data?.filter((one) => one.vm.uuid === vm && one.target?.pool === pool && one.target.sr === sr) ?? []
  const name = chains[0]?.vm.name ?? names.vms.find(({ uuid }) => uuid === vm)?.name ?? vm
  const job = chains.length === 1 ? chains[0]?.job : undefined
  const subject: Subject = { target, vm, name, ...(job === undefined || job === null ? {} : { job }) }
  const { status, error: statusError } = useFailoverStatus(subject)
  const scheduleName = (id: string | null) => jobs?.flatMap(({ schedules }) => schedules).find((one) => one.id === id)?.name ?? '–'
  const columns: readonly Column<RestorePoint>[] = [
    { key: 'taken', head: T.pointColumns.taken, kind: 'tight', cell: ({ takenAt }) => <Age time={takenAt} /> },
    { key: 'size', head: T.pointColumns.size, kind: 'number', cell: (point) => bytes(point.bytes) },
    { key: 'verified', head: T.pointColumns.verified, cell: (point) => <Verified point={point} /> },
    { key: 'schedule', head: T.pointColumns.schedule, cell: ({ schedule }) => scheduleName(schedule) },
    { key: 'name', head: T.pointColumns.name, cell: (point) => <span className="wrap">{point.name}</span> },
    { key: 'id', head: 'uuid', cell: (point) => <CopyId id={point.uuid} of="restore point" /> },
    {
      key: 'verify',
      head: '',
      cell: (point) =>
        mayRun &&
        point.complete && (
          <PointActions point={point} subject={{ ...subject, job: point.job }} choose={choose} verify={() => setVerifying(point)} />
        ),
    },
  ]
  return (
    <Stack>
      <PageHead title={T.of(name)} above={[{ to: '/replicas', label: T.title }]}>
        {mayRun && chains[0]?.job !== null && chains[0]?.job !== undefined && (
          <Button
            variant="default"
            leftSection={<PlayIcon aria-hidden />}
            onClick={() => start({ job: chains[0]?.job as string, vms: [vm] })}
          >
            {TEXTS.jobs.runNow}
          </Button>
        )}
        <Button variant="subtle" component={Link} to={`/activity?tab=runs&vm=${vm}`}>
          {T.itsRuns}
        </Button>
        <FailoverButtons subject={subject} status={status} choose={choose} />
      </PageHead>
      <FailoverState subject={subject} status={status} error={statusError} choose={choose} />
      {chains.map((chain) => (
        <Paper withBorder p="sm" key={`${chain.job}`}>
          <Stack gap="xs">
            <Group gap="sm">
              <StateBadge state={chain.state} />
              <Text size="sm">{chain.reason}</Text>
            </Group>
            {chain.lastError !== null && (
              <Alert color="red" variant="light" icon={<CrossCircledIcon aria-hidden />} title={chain.lastError.message}>
                {chain.lastError.hint}
              </Alert>
            )}
            <dl className="facts">
              <dt>{T.facts.job}</dt>
              <dd>
                {chain.job === null ? (
                  '–'
                ) : (
                  <Anchor component={Link} to={jobPath(chain.job)} size="sm">
                    {chain.jobName}
                  </Anchor>
                )}
              </dd>
              <dt>{T.facts.target}</dt>
              <dd>{names.target(target)}</dd>
              <dt>{TEXTS.jobs.vmColumns.rpo}</dt>
              <dd>
                {duration(chain.achievedRpoSeconds)} / {duration(chain.askedRpoSeconds)}
              </dd>
              <dt>{T.facts.source}</dt>
              <dd>
                <CopyId id={vm} of={name} />
              </dd>
              {chain.lastHealthCheck !== null && (
                <>
                  <dt>{TEXTS.form.health.title}</dt>
                  <dd>
                    <Anchor component={Link} to={activityPath(chain.lastHealthCheck.activity)} size="sm">
                      <Age time={chain.lastHealthCheck.at} />
                    </Anchor>{' '}
                    <HealthState of={chain.lastHealthCheck} />
                  </dd>
                </>
              )}
              {chain.replica !== null && (
                <>
                  <dt>{T.facts.replica}</dt>
                  <dd>
                    <CopyId id={chain.replica} of={T.of(name)} />
                  </dd>
                </>
              )}
            </dl>
          </Stack>
        </Paper>
      ))}
      <Title order={2} size="h5">
        {T.points}
      </Title>
      <ProblemNote error={points.error} />
      {points.isPending && <Waiting />}
      {points.data !== undefined && <Chain points={points.data} />}
      {points.data !== undefined && points.data.length > 0 && <PointsTimeline points={points.data} />}
      {points.data?.length === 0 && <Empty text={T.noPoint} />}
      {points.data !== undefined && points.data.length > 0 && (
        <Rows label={T.points} columns={columns} rows={points.data} keyOf={({ uuid }) => uuid} />
      )}
      {dialog}
      {verifying !== undefined && <VerifyDialog target={target} point={verifying} onClose={() => setVerifying(undefined)} />}
    </Stack>
  )
}

function Chain({ points }: { readonly points: readonly RestorePoint[] }) {
  const now = useNow()
  const times = points.flatMap(({ complete, takenAt }) => (complete ? [takenAt] : [])).toSorted()
  const [oldest] = times
  const newest = times.at(-1)
  if (oldest === undefined || newest === undefined) return null
  return <Text size="sm">{T.chain.some(times.length, relative(newest, now), relative(oldest, now))}</Text>
}

function Verified({ point }: { readonly point: RestorePoint }) {
  return (
    <>
      <ReadBack point={point} />
      {point.tested !== null && (
        <Group gap={4} wrap="nowrap">
          {point.tested.outcome === 'ready' ? <CheckCircledIcon aria-hidden /> : <CrossCircledIcon aria-hidden />}
          <Text size="xs" {...(point.tested.outcome === 'ready' ? {} : { c: 'red', fw: 700 })}>
            {T.tested[point.tested.outcome](duration(point.tested.seconds))}, <Age time={point.tested.at} />
          </Text>
        </Group>
      )}
    </>
  )
}

function ReadBack({ point: { complete, verified } }: { readonly point: RestorePoint }) {
  if (!complete) return <Text size="xs">{T.incomplete}</Text>
  if (verified === null)
    return (
      <Text size="xs" c="dimmed">
        {T.never}
      </Text>
    )
  return (
    <Group gap={4} wrap="nowrap">
      {verified.equal ? <CheckCircledIcon aria-hidden /> : <CrossCircledIcon aria-hidden />}
      <Text size="xs" {...(verified.equal ? {} : { c: 'red', fw: 700 })}>
        {verified.equal ? T.equal(verified.mode) : T.different(verified.mode)} <Age time={verified.at} />
      </Text>
    </Group>
  )
}

type Mode = keyof typeof T.verifyModes

function VerifyDialog({ target, point, onClose }: { readonly target: Target; readonly point: RestorePoint; onClose(): void }) {
  const [mode, setMode] = useState<Mode>('full')
  const verify = useMutation({
    mutationFn: () =>
      post('/verifications', { body: { target, restorePoint: point.uuid, mode }, header: { 'idempotency-key': crypto.randomUUID() } }),
    onSuccess: () => {
      tellDone(T.verifyStarted)
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    verify.mutate()
  }
  return (
    <Dialog title={T.verifyTitle} opened onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{T.verifyText}</Text>
          <Radio.Group label={T.verifyMode} value={mode} onChange={(value) => setMode(value as Mode)}>
            <Stack gap="xs" mt="xs">
              {Object.entries(T.verifyModes).map(([value, label]) => (
                <Radio value={value} label={label} key={value} />
              ))}
            </Stack>
          </Radio.Group>
          <ProblemNote error={verify.error} />
          <Group justify="flex-end">
            <Button type="submit" loading={verify.isPending}>
              {T.verifyGo}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
