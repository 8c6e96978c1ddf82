/** One run, live: what moves, what was decided and why, what went wrong. */
import { Alert, Anchor, Button, Group, Paper, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { post } from '../../api/client.ts'
import { runQuery } from '../../api/queries.ts'
import type { Run, VmRun } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { CopyId } from '../../parts/copy-id.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { Empty } from '../../parts/empty.tsx'
import { bytes, duration } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { jobPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { RunBadge } from '../../parts/run-badge.tsx'
import { secondsOf, triggerInWords } from '../../parts/run-columns.tsx'
import { useNames } from '../../parts/use-names.ts'
import { useNow } from '../../parts/use-now.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { useStartRun } from '../jobs/job-actions.tsx'
import { VmRunCard } from './vm-run-card.tsx'

const T = TEXTS.runs

export function RunPage() {
  const { id = '' } = useParams()
  const run = useQuery(runQuery(id))
  const names = useNames()
  const mayRun = useMay('operator')
  const start = useStartRun()
  const [cancelling, setCancelling] = useState(false)
  const above = [{ to: '/activity', label: T.title }]
  if (run.isPending) return <Waiting />
  if (run.data === undefined) {
    return (
      <Stack>
        <PageHead title={T.title} above={above} />
        <ProblemNote error={run.error} />
      </Stack>
    )
  }
  const { data } = run
  const isUnderWay = data.endedAt === null
  return (
    <Stack>
      <PageHead title={T.of(data.jobName)} above={[...above, { to: jobPath(data.job), label: data.jobName }]}>
        <CopyId id={data.id} of="run" />
        {mayRun && isUnderWay && (
          <Button variant="default" onClick={() => setCancelling(true)}>
            {T.cancel}
          </Button>
        )}
        {mayRun && !isUnderWay && (
          <Button
            variant="default"
            onClick={() => start({ job: data.job, dryRun: data.dryRun, ...(data.schedule === null ? {} : { schedule: data.schedule }) })}
          >
            {T.again}
          </Button>
        )}
      </PageHead>
      <Head run={data} vmRuns={data.vmRuns} />
      {data.reason !== null && (
        <Alert color="gray" title={data.reason.text}>
          {data.reason.avoid}
        </Alert>
      )}
      {data.dryRun && <Text size="sm">{TEXTS.jobs.dryRunText}</Text>}
      {data.vmRuns.length === 0 && !isUnderWay && <Empty text={T.noVm} />}
      {data.vmRuns.map((vmRun) => (
        <VmRunCard key={vmRun.id} vmRun={vmRun} target={names.target(vmRun.target)} dryRun={data.dryRun} />
      ))}
      <Confirm
        opened={cancelling}
        onClose={() => setCancelling(false)}
        title={T.cancel}
        text={T.cancelText}
        go={T.cancel}
        act={() => post('/runs/{id}/cancel', { path: { id } })}
      />
    </Stack>
  )
}

function Head({ run, vmRuns }: { readonly run: Run; readonly vmRuns: readonly VmRun[] }) {
  const now = useNow()
  const disks = vmRuns.filter(({ state }) => state === 'running').flatMap((vmRun) => vmRun.disks)
  const speed = disks.reduce((sum, { bytesPerSecond }) => sum + (bytesPerSecond ?? 0), 0)
  const left = Math.max(0, ...disks.map(({ secondsLeft }) => secondsLeft ?? 0))
  const { totals } = run
  return (
    <Paper withBorder p="sm">
      <Group gap="lg" className="figures">
        <RunBadge state={run.state} />
        <Text size="sm">
          {T.columns.trigger} {triggerInWords(run)}, <Age time={run.startedAt ?? run.queuedAt} />
        </Text>
        <Text size="sm">{duration(secondsOf(run, now))}</Text>
        <Text size="sm">
          {T.columns.vms}: {T.ok(totals.succeeded, Math.max(totals.vms, vmRuns.length))}
          {totals.fulls > 0 && ` · ${T.fulls(totals.fulls)}`}
        </Text>
        {speed > 0 && (
          <Text size="sm">
            {T.speed}: {bytes(speed)}/s
            {left > 0 && ` · ${T.left}: ${duration(left)}`}
          </Text>
        )}
        <Text size="sm">
          {T.changed}: {bytes(totals.changedBytes)} · {T.sent}: {bytes(totals.bytesSent)}
        </Text>
        <Anchor component={Link} to={jobPath(run.job)} size="sm">
          {run.jobName}
        </Anchor>
      </Group>
    </Paper>
  )
}
