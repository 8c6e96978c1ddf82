/** The lab of the server: try everything before there are pools, and leave nothing behind. */
import { Anchor, Button, Group, Loader, Paper, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { Link } from 'react-router'
import { post, remove } from '../../api/client.ts'
import { labQuery } from '../../api/queries.ts'
import type { LabStatus } from '../../api/types.ts'
import { Confirm } from '../../parts/dialog.tsx'
import { bytes } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { tellDone, tellProblem } from '../../parts/tell.ts'
import { TEXTS } from '../../texts/en.ts'
import { useStartRun } from '../jobs/job-actions.tsx'

const T = TEXTS.lab

/** @param isNew nothing is protected yet: the lab is offered; else it is told of only when it is there */
export function TryLab({ isNew }: { readonly isNew: boolean }) {
  const client = useQueryClient()
  const lab = useQuery(labQuery).data
  const mayChange = useMay('administrator')
  const mayRun = useMay('operator')
  const startRun = useStartRun()
  const [removing, setRemoving] = useState(false)
  const take = (status: LabStatus) => client.setQueryData(['lab'], status)
  const start = useMutation({ mutationFn: () => post('/lab'), onSuccess: take })
  const write = useMutation({
    mutationFn: () => post('/lab/guest-writes'),
    onSuccess: ({ bytes: written }) => tellDone(T.written(bytes(written))),
    onError: tellProblem,
  })
  // Pools and jobs have come or gone with it.
  const before = useRef(lab?.state)
  useEffect(() => {
    if (before.current !== lab?.state && before.current !== undefined) void client.invalidateQueries()
    before.current = lab?.state
  }, [lab?.state, client])
  if (lab === undefined || !lab.offered) return null
  const { state, step, job, error } = lab
  if (state === 'none' && (!isNew || !mayChange)) return null
  const isBusy = state === 'starting' || state === 'removing'
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="lab">
      <Stack gap="sm">
        <div>
          <Title order={2} size="h5" id="lab">
            {state === 'none' ? T.title : T.here}
          </Title>
          <Text size="sm" c="dimmed">
            {state === 'none' ? T.text : T.hereText}
          </Text>
        </div>
        <div aria-live="polite">
          {isBusy && (
            <Group gap="xs">
              <Loader size="xs" aria-hidden />
              <Text size="sm">{step === null ? T.busy : `${step}…`}</Text>
            </Group>
          )}
        </div>
        {error !== null && (
          <Stack gap={4}>
            <Text size="sm" fw={600} c="red">
              {error.message}
            </Text>
            <Text size="sm">{error.hint}</Text>
          </Stack>
        )}
        <ProblemNote error={start.error} />
        <Group gap="xs">
          {(state === 'none' || state === 'failed') && mayChange && (
            <Button loading={start.isPending} onClick={() => start.mutate()}>
              {state === 'none' ? T.go : T.again}
            </Button>
          )}
          {state === 'running' && mayRun && (
            <>
              <Button variant="default" loading={write.isPending} onClick={() => write.mutate()}>
                {T.write}
              </Button>
              {job !== null && (
                <Button variant="default" onClick={() => startRun({ job })}>
                  {TEXTS.jobs.runNow}
                </Button>
              )}
            </>
          )}
          {(state === 'running' || state === 'failed') && mayChange && (
            <Button variant="subtle" color="red" onClick={() => setRemoving(true)}>
              {T.remove}
            </Button>
          )}
          {state === 'running' && job !== null && (
            <Anchor component={Link} to={`/jobs/${job}`} size="sm">
              {T.job}
            </Anchor>
          )}
        </Group>
      </Stack>
      <Confirm
        opened={removing}
        onClose={() => setRemoving(false)}
        title={T.removeTitle}
        text={T.removeText}
        go={T.remove}
        grave
        act={async () => void take(await remove('/lab'))}
      />
    </Paper>
  )
}
