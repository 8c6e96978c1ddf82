import { ActionIcon, List, Menu, Text } from '@mantine/core'
import { DotsHorizontalIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { post, remove } from '../../api/client.ts'
import { protectionsQuery, runningQuery } from '../../api/queries.ts'
import type { Job } from '../../api/types.ts'
import { Confirm } from '../../parts/dialog.tsx'
import { jobPath, runPath } from '../../parts/paths.ts'
import { useMay } from '../../parts/rights.tsx'
import { tellDone, tellProblem } from '../../parts/tell.ts'
import { useNames } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import { exportJobs } from './jobs-document.tsx'

const T = TEXTS.jobs
const FEW = 5

/** Starts a run of the job and opens it. */
export function useStartRun(): (request: { job: string; vms?: readonly string[]; schedule?: string; dryRun?: boolean }) => Promise<void> {
  const navigate = useNavigate()
  return async (request) => {
    try {
      const run = await post('/runs', { body: request, header: { 'idempotency-key': crypto.randomUUID() } })
      await navigate(runPath(run.id))
    } catch (error) {
      tellProblem(error)
    }
  }
}

export function JobActions({ job }: { readonly job: Job }) {
  const [removing, setRemoving] = useState(false)
  const mayRun = useMay('operator')
  const mayChange = useMay('administrator')
  const start = useStartRun()
  if (!mayRun) return null
  return (
    <>
      <Menu position="bottom-end" transitionProps={{ duration: 0 }}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={TEXTS.actions.more(job.name)}>
            <DotsHorizontalIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => start({ job: job.id })}>{T.runNow}</Menu.Item>
          <Menu.Item onClick={() => start({ job: job.id, dryRun: true })}>{T.dryRun}</Menu.Item>
          {mayChange && (
            <>
              <Menu.Item component={Link} to={`${jobPath(job.id)}/edit`}>
                {T.edit}
              </Menu.Item>
              <Menu.Item component={Link} to={`/jobs/new?of=${job.id}`}>
                {T.clone}
              </Menu.Item>
              <Menu.Item onClick={() => void exportJobs([job])}>{T.document.export}</Menu.Item>
              <Menu.Item color="red" onClick={() => setRemoving(true)}>
                {T.remove}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {removing && <RemoveJob job={job} onClose={() => setRemoving(false)} />}
    </>
  )
}

function RemoveJob({ job, onClose }: { readonly job: Job; onClose(): void }) {
  const navigate = useNavigate()
  const names = useNames()
  const left = useQuery(protectionsQuery).data?.filter((one) => one.job === job.id && one.replica !== null) ?? []
  const running = useQuery(runningQuery).data?.items.filter((one) => one.job === job.id).length ?? 0
  return (
    <Confirm
      opened
      onClose={onClose}
      title={T.removeTitle(job.name)}
      text={T.removeText(left.length)}
      go={T.removeGo}
      grave
      act={async () => {
        const { replicasLeft } = await remove('/jobs/{id}', { path: { id: job.id } })
        tellDone(T.removed(job.name, replicasLeft.length))
        void navigate('/jobs')
      }}
    >
      {running > 0 && (
        <Text size="sm" fw={600}>
          {T.removeRunning(running)}
        </Text>
      )}
      {left.length > 0 && (
        <>
          <List size="sm">
            {left.slice(0, FEW).map((one) => (
              <List.Item key={`${one.vm.uuid} ${one.target?.sr}`}>
                {T.removeLeft(one.vm.name, one.target === null ? '' : names.target(one.target))}
              </List.Item>
            ))}
            {left.length > FEW && <List.Item>{TEXTS.overview.more(left.length - FEW)}</List.Item>}
          </List>
          <Text size="sm" c="dimmed">
            {T.removeLater}
          </Text>
        </>
      )}
    </Confirm>
  )
}
