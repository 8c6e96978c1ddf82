import { ActionIcon, Alert, Anchor, Group, Paper, Stack, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { ChevronDownIcon, ChevronRightIcon, CrossCircledIcon, ExclamationTriangleIcon, StopIcon } from '@radix-ui/react-icons'
import { useState } from 'react'
import { Link } from 'react-router'
import { post } from '../../api/client.ts'
import type { VmRun } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { duration, sentences } from '../../parts/measures.ts'
import { replicaPath } from '../../parts/paths.ts'
import { errorDocs } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { RunBadge } from '../../parts/run-badge.tsx'
import { tellProblem } from '../../parts/tell.ts'
import { VmProgress } from '../../parts/vm-progress.tsx'
import { TEXTS } from '../../texts/en.ts'
import { VmRunDetails } from './vm-run-details.tsx'

const T = TEXTS.runs

/** A VM of a run: its disks with their bars while they move, its error in place, plan and log on request. */
export function VmRunCard({ vmRun, target, dryRun }: { readonly vmRun: VmRun; readonly target: string; readonly dryRun: boolean }) {
  const [opened, setOpened] = useState(dryRun)
  const mayRun = useMay('operator')
  const { vm, state, error, warnings, restorePoint, startedAt, endedAt } = vmRun
  const isUnderWay = endedAt === null
  const took = startedAt !== null && endedAt !== null ? (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 : null
  return (
    <Paper withBorder p="sm" component="section" aria-label={vm.name}>
      <Stack gap="xs">
        <Group justify="space-between">
          <Group gap="sm">
            <Anchor component={Link} to={replicaPath(vmRun.target, vm.uuid)} fw={600} size="sm">
              {vm.name}
            </Anchor>
            <Text size="sm" c="dimmed">
              → {target}
            </Text>
            <RunBadge state={state} />
            {took !== null && (
              <Text size="sm" c="dimmed" className="figures">
                {duration(took)}
              </Text>
            )}
            {restorePoint !== null && (
              <Text size="sm">
                {T.point} <Age time={restorePoint.takenAt} />
              </Text>
            )}
          </Group>
          {mayRun && isUnderWay && (
            <Tooltip label={T.cancelVm(vm.name)}>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={T.cancelVm(vm.name)}
                onClick={() => void post('/vm-runs/{id}/cancel', { path: { id: vmRun.id } }).catch(tellProblem)}
              >
                <StopIcon />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
        {isUnderWay && <VmProgress vmRun={vmRun} />}
        {error !== null && (
          <Alert color="red" variant="light" icon={<CrossCircledIcon aria-hidden />} title={sentences(error.message)}>
            <Text size="sm">{T.untouched}</Text>
            <Text size="sm">{sentences(error.hint)}</Text>
            <Anchor href={errorDocs(error.code)} size="xs">
              {error.code}: {T.docs}
            </Anchor>
          </Alert>
        )}
        {warnings.map(({ code, text, avoid }) => (
          <Alert color="yellow" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} key={`${code} ${text}`} title={text}>
            {avoid}
          </Alert>
        ))}
        <UnstyledButton onClick={() => setOpened(!opened)} aria-expanded={opened} fz="sm">
          <Group gap={4}>
            {opened ? <ChevronDownIcon aria-hidden /> : <ChevronRightIcon aria-hidden />}
            {T.details}
          </Group>
        </UnstyledButton>
        {opened && <VmRunDetails id={vmRun.id} state={`${state} ${vmRun.stage}`} />}
      </Stack>
    </Paper>
  )
}
