import { Anchor, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { failuresQuery } from '../../api/queries.ts'
import type { Protection, VmRun } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { sentences } from '../../parts/measures.ts'
import { runPath } from '../../parts/paths.ts'
import { errorDocs, ProblemNote } from '../../parts/problem-note.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.overview.failures

/** What went wrong lately, what to do, and how the VM is by now. */
export function Failures({ protections }: { readonly protections: readonly Protection[] }) {
  const failures = useQuery(failuresQuery)
  const stateOf = ({ vm, job, target }: VmRun) =>
    protections.find((one) => one.vm.uuid === vm.uuid && one.job === job && one.target?.sr === target.sr && one.target.pool === target.pool)
      ?.state
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="failures">
      <Stack gap="sm">
        <Title order={2} size="h5" id="failures">
          {T.title}
        </Title>
        <ProblemNote error={failures.error} />
        {failures.isPending && <Waiting lines={2} />}
        {failures.data?.items.length === 0 && (
          <Text size="sm" c="dimmed">
            {T.none}
          </Text>
        )}
        {failures.data?.items.map((vmRun) => {
          const state = stateOf(vmRun)
          return (
            <div key={vmRun.id}>
              <Group gap="xs">
                <Anchor component={Link} to={runPath(vmRun.run)} size="sm" fw={600}>
                  {vmRun.vm.name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  <Age time={vmRun.endedAt ?? vmRun.queuedAt} />
                </Text>
                {state !== undefined && (
                  <>
                    <Text size="xs" c="dimmed">
                      {T.now}
                    </Text>
                    <StateBadge state={state} />
                  </>
                )}
              </Group>
              {vmRun.error !== null && (
                <Text size="xs">
                  {sentences(vmRun.error.message, vmRun.error.hint)}{' '}
                  <Anchor href={errorDocs(vmRun.error.code)} size="xs">
                    {vmRun.error.code}
                  </Anchor>
                </Text>
              )}
            </div>
          )
        })}
      </Stack>
    </Paper>
  )
}
