import { Anchor, Text } from '@mantine/core'
import { Link } from 'react-router'
import type { Protection } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'
import { Age } from './age.tsx'
import { duration, sentences } from './measures.ts'
import { Named } from './named.tsx'
import { activityPath, jobPath, replicaPath } from './paths.ts'
import type { Column } from './rows.tsx'
import { StateBadge } from './state-badge.tsx'
import type { Names } from './use-names.ts'

const T = TEXTS.jobs.vmColumns

/** How well a VM is protected, one line a VM, job and target. */
export function protectionColumns(names: Names, { withJob }: { readonly withJob: boolean }): readonly Column<Protection>[] {
  const columns: readonly Column<Protection>[] = [
    {
      key: 'vm',
      head: T.vm,
      kind: 'name',
      cell: ({ vm, target }) =>
        target === null ? (
          <Named name={vm.name} />
        ) : (
          <Anchor component={Link} to={replicaPath(target, vm.uuid)} fw={600} size="sm" title={vm.name}>
            {vm.name}
          </Anchor>
        ),
    },
    { key: 'state', head: T.state, kind: 'tight', cell: ({ state }) => <StateBadge state={state} /> },
    ...(withJob
      ? [
          {
            key: 'job',
            head: TEXTS.replicas.columns.job,
            kind: 'name' as const,
            cell: ({ job, jobName }: Protection) =>
              job === null ? (
                '–'
              ) : (
                <Anchor component={Link} to={jobPath(job)} size="sm" title={jobName ?? ''}>
                  {jobName}
                </Anchor>
              ),
          },
        ]
      : []),
    { key: 'to', head: T.target, kind: 'name', cell: ({ target }) => (target === null ? '–' : <Named name={names.target(target)} />) },
    {
      key: 'rpo',
      head: T.rpo,
      kind: 'tight',
      cell: ({ achievedRpoSeconds, askedRpoSeconds }) =>
        askedRpoSeconds === null && achievedRpoSeconds === null ? '–' : `${duration(achievedRpoSeconds)} / ${duration(askedRpoSeconds)}`,
    },
    { key: 'point', head: T.point, kind: 'tight', spare: true, cell: ({ newestPoint }) => <Age time={newestPoint?.takenAt} /> },
    {
      key: 'health',
      head: TEXTS.form.health.column,
      cell: ({ lastHealthCheck }) =>
        lastHealthCheck === null ? (
          '–'
        ) : (
          <>
            <Anchor component={Link} to={activityPath(lastHealthCheck.activity)} size="xs">
              <Age time={lastHealthCheck.at} />
            </Anchor>
            <Text size="xs" {...(lastHealthCheck.ok ? {} : { c: 'red', fw: 700 })}>
              {lastHealthCheck.ok ? TEXTS.form.health.ok : TEXTS.form.health.notOk(lastHealthCheck.text)}
            </Text>
          </>
        ),
    },
    {
      key: 'why',
      kind: 'wide',
      head: T.why,
      // Of what is well the RPO beside it says it all.
      cell: ({ state, reason, lastError }) =>
        state === 'protected' && lastError === null ? '' : <Text size="xs">{sentences(reason, lastError?.hint ?? '')}</Text>,
    },
  ]
  return columns
}
