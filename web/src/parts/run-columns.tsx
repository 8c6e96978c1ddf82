import { Anchor, Badge, Group, Text } from '@mantine/core'
import { Link } from 'react-router'
import type { Run } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'
import { Age } from './age.tsx'
import { CopyId } from './copy-id.tsx'
import { bytes, duration } from './measures.ts'
import { runPath } from './paths.ts'
import type { Column } from './rows.tsx'
import { RunBadge } from './run-badge.tsx'

const T = TEXTS.runs

export function triggerInWords({ trigger, scheduleName }: Run): string {
  switch (trigger.kind) {
    case 'schedule':
      return T.trigger.schedule(scheduleName ?? '')
    case 'caught-up':
      return T.trigger['caught-up'](trigger.missed)
    case 'hand':
      return T.trigger.hand(trigger.by)
  }
}

export const secondsOf = ({ startedAt, endedAt }: Pick<Run, 'startedAt' | 'endedAt'>, now: number): number | null =>
  startedAt === null ? null : ((endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000

export function runColumns({ withJob }: { readonly withJob: boolean }): readonly Column<Run>[] {
  return [
    {
      key: 'state',
      head: T.columns.state,
      kind: 'tight',
      cell: ({ state, dryRun, reason }) => (
        <>
          <Group gap={4} wrap="nowrap">
            <RunBadge state={state} />
            {dryRun && (
              <Badge variant="outline" color="gray" tt="none">
                {T.dry}
              </Badge>
            )}
          </Group>
          {reason !== null && <Text size="xs">{reason.text}</Text>}
        </>
      ),
    },
    {
      key: 'when',
      head: T.columns.when,
      kind: 'tight',
      cell: ({ id, startedAt, queuedAt }) => (
        <Anchor component={Link} to={runPath(id)} size="sm">
          <Age time={startedAt ?? queuedAt} />
        </Anchor>
      ),
    },
    ...(withJob
      ? [
          {
            key: 'job',
            head: T.columns.job,
            kind: 'name' as const,
            cell: ({ job, jobName }: Run) => (
              <Anchor component={Link} to={`/jobs/${job}`} size="sm" title={jobName}>
                {jobName}
              </Anchor>
            ),
          },
        ]
      : []),
    { key: 'trigger', head: T.columns.trigger, cell: triggerInWords },
    {
      key: 'vms',
      head: T.columns.vms,
      kind: 'tight',
      cell: ({ totals }) => `${T.ok(totals.succeeded, totals.vms)}${totals.fulls > 0 ? ` · ${T.fulls(totals.fulls)}` : ''}`,
    },
    { key: 'sent', head: T.columns.sent, kind: 'number', cell: ({ totals }) => bytes(totals.bytesSent) },
    {
      key: 'took',
      head: T.columns.took,
      kind: 'number',
      cell: (run) => (run.endedAt === null ? '–' : duration(secondsOf(run, 0))),
    },
    { key: 'id', head: T.columns.id, cell: ({ id }) => <CopyId id={id} of="run" /> },
  ]
}
