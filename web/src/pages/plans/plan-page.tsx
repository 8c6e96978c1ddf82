/** A recovery plan: its picture, how fresh its VMs are, and its runs. */
import { ActionIcon, Anchor, Button, Group, Menu, Paper, Stack, Text, Title } from '@mantine/core'
import { DotsHorizontalIcon, PlayIcon } from '@radix-ui/react-icons'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { post, remove } from '../../api/client.ts'
import { planQuery, planRunsQuery, protectionsQuery, runningActivitiesQuery } from '../../api/queries.ts'
import type { PlanGroup, PlanRunMode, PlanVm, RecoveryPlan } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { Empty } from '../../parts/empty.tsx'
import { duration } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { activityPath, planPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { Rows } from '../../parts/rows.tsx'
import { tellDone } from '../../parts/tell.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { ActivityBadge } from '../activities/activity-badge.tsx'
import { ACTIVITY_COLUMNS } from '../activities/activity-columns.tsx'
import { ActivityProgress } from '../activities/activity-progress.tsx'
import { type PicturedGroup, type PicturedVm, PlanPicture } from './plan-picture.tsx'
import { PlanProblems } from './plan-problems.tsx'
import { PlanRunPicture } from './plan-run-picture.tsx'
import { RunPlan } from './run-plan.tsx'

const T = TEXTS.plans

export function PlanPage() {
  const { id = '' } = useParams()
  const plan = useQuery(planQuery(id))
  if (plan.isPending) return <Waiting />
  if (plan.data === undefined) {
    return (
      <Stack>
        <PageHead title={T.title} above={[{ to: '/plans', label: T.title }]} />
        <ProblemNote error={plan.error} />
      </Stack>
    )
  }
  return <Shown plan={plan.data} />
}

function Shown({ plan }: { readonly plan: RecoveryPlan }) {
  const { id: _id, createdAt: _made, updatedAt: _changed, version, ...spec } = plan
  const check = useQuery({ queryKey: ['plan-check', plan.id, version], queryFn: () => post('/plans/check', { body: spec }), retry: false })
  const runs = useQuery(planRunsQuery(plan.id))
  const protections = useQuery(protectionsQuery).data
  const underWay = useQuery(runningActivitiesQuery).data?.find(({ kind, subject }) => kind === 'plan' && subject.plan?.id === plan.id)
  const [running, setRunning] = useState<PlanRunMode>()
  const mayAct = useMay('operator')
  const pictured = (group: PlanGroup, one: PlanVm): PicturedVm => {
    const { vm, target, job, ready } = one
    const known = check.data?.vms.find((each) => each.vm === vm && each.group === group.name)
    const problem = check.data?.problems.find((each) => each.vm === vm && each.group === group.name)
    const chain = protections?.find(
      (each) =>
        each.vm.uuid === vm && each.target?.pool === target.pool && each.target.sr === target.sr && (job === null || each.job === job),
    )
    const name = known?.name ?? chain?.vm.name ?? vm.slice(0, 8)
    const common = { key: `${vm} ${target.sr}`, name, ...(ready === undefined ? {} : { ready }) }
    if (problem !== undefined) return { ...common, text: problem.text, look: 'bad' }
    if (chain?.state === 'failed-over') return { ...common, text: T.failedOver, look: 'now' }
    // Runs that ended since the check are told by events.
    const point = chain?.newestPoint ?? known?.point
    if (point === null || point === undefined) return { ...common, text: '', look: known === undefined ? 'plain' : 'good' }
    const text = (
      <>
        {T.newest} <Age time={point.takenAt} />
      </>
    )
    return { ...common, text, look: known === undefined ? 'plain' : 'good' }
  }
  const groups = plan.groups.map(
    (group): PicturedGroup => ({
      name: group.name,
      before: [
        ...(group.delaySeconds > 0 ? [T.waits(duration(group.delaySeconds))] : []),
        ...(group.before === null ? [] : [T.runsBefore(group.before)]),
      ],
      behind: group.after === null ? [] : [T.runsAfter(group.after)],
      vms: group.vms.map((vm) => pictured(group, vm)),
    }),
  )
  return (
    <Stack>
      <PageHead title={plan.name} above={[{ to: '/plans', label: T.title }]}>
        {mayAct && (
          <>
            <Button leftSection={<PlayIcon aria-hidden />} disabled={underWay !== undefined} onClick={() => setRunning('test')}>
              {T.runTest}
            </Button>
            <Menu position="bottom-end" transitionProps={{ duration: 0 }} disabled={underWay !== undefined}>
              <Menu.Target>
                <Button size="compact-sm" color="red" variant="light" disabled={underWay !== undefined}>
                  {T.runReal}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {(['planned', 'unplanned'] as const).map((mode) => (
                  <Menu.Item key={mode} onClick={() => setRunning(mode)}>
                    <Text size="sm">{T.runGo[mode]}</Text>
                    <Text size="xs" c="dimmed">
                      {TEXTS.failover.inShort[mode === 'planned' ? 'planned-failover' : 'failover']}
                    </Text>
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          </>
        )}
        <PlanMenu plan={plan} />
      </PageHead>
      {plan.description !== '' && <Text size="sm">{plan.description}</Text>}
      {underWay === undefined || underWay.planRun === null ? (
        <>
          <PlanProblems check={check.data} error={check.error} />
          <PlanPicture groups={groups} />
        </>
      ) : (
        <Paper withBorder p="md" component="section" aria-label={T.underWay}>
          <Stack gap="sm">
            <Group gap="xs">
              <ActivityBadge activity={underWay} />
              <Text size="sm" fw={600}>
                {T.runsNow[underWay.planRun.mode]}
              </Text>
              <Anchor component={Link} to={activityPath(underWay.id)} size="sm">
                {T.lookAtRun}
              </Anchor>
            </Group>
            <ActivityProgress activity={underWay} />
            <PlanRunPicture activity={underWay} vms={underWay.planRun.vms} />
          </Stack>
        </Paper>
      )}
      <Text size="sm" c="dimmed">
        {T.onFailure}: {T.failures[plan.onFailure]} {T.readyIn(plan.ready.join(', '), duration(plan.readyTimeoutSeconds))}
      </Text>
      <Title order={2} size="h5">
        {T.runs}
      </Title>
      <ProblemNote error={runs.error} />
      {runs.isPending && <Waiting lines={2} />}
      {runs.data?.items.length === 0 && <Empty text={T.noRun} />}
      {runs.data !== undefined && runs.data.items.length > 0 && (
        <Rows label={T.runs} columns={ACTIVITY_COLUMNS} rows={runs.data.items} keyOf={({ id }) => id} />
      )}
      {running !== undefined && <RunPlan plan={plan} mode={running} onClose={() => setRunning(undefined)} />}
    </Stack>
  )
}

function PlanMenu({ plan }: { readonly plan: RecoveryPlan }) {
  const mayChange = useMay('administrator')
  const [removing, setRemoving] = useState(false)
  const navigate = useNavigate()
  const client = useQueryClient()
  if (!mayChange) return null
  return (
    <>
      <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={TEXTS.actions.more(plan.name)}>
            <DotsHorizontalIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} to={`${planPath(plan.id)}/edit`}>
            {TEXTS.actions.edit}
          </Menu.Item>
          <Menu.Item color="red" onClick={() => setRemoving(true)}>
            {TEXTS.actions.remove}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={removing}
        onClose={() => setRemoving(false)}
        title={T.removeTitle(plan.name)}
        text={T.removeText}
        go={TEXTS.actions.remove}
        grave
        act={async () => {
          await remove('/plans/{id}', { path: { id: plan.id } })
          tellDone(T.removed(plan.name))
          await client.invalidateQueries({ queryKey: ['plans'], exact: true })
          void navigate('/plans')
        }}
      />
    </>
  )
}
