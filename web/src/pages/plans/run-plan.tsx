/** Says what running a plan would do, and asks for its name when it is not a test. */
import { Button, Checkbox, Group, Stack } from '@mantine/core'
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { post } from '../../api/client.ts'
import type { PlanRunMode, RecoveryPlan, StartPlan } from '../../api/types.ts'
import { ConfirmName } from '../../parts/confirm-name.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { activityPath } from '../../parts/paths.ts'
import { Preview } from '../../parts/preview.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { PlanProblems } from './plan-problems.tsx'

const T = TEXTS.plans

export function RunPlan({ plan, mode, onClose }: { readonly plan: RecoveryPlan; readonly mode: PlanRunMode; onClose(): void }) {
  const [keeps, setKeeps] = useState(false)
  const [isHard, setHard] = useState(false)
  const [beside, setBeside] = useState(false)
  const [typed, setTyped] = useState('')
  const [key] = useState(() => crypto.randomUUID())
  const navigate = useNavigate()
  const wish: StartPlan = {
    mode,
    ...(mode === 'test' ? { keep: keeps } : {}),
    ...(mode === 'planned' && isHard ? { shutdown: 'hard' } : {}),
    ...(mode === 'unplanned' && beside ? { evenIfSourceRuns: true } : {}),
  }
  const preview = useQuery({
    queryKey: ['plan-preview', plan.id, plan.version, wish],
    queryFn: () => post('/plans/{id}/preview', { path: { id: plan.id }, body: wish }),
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 0,
    gcTime: 0,
  })
  const start = useMutation({
    mutationFn: (confirm: string | null) =>
      post('/plans/{id}/runs', {
        path: { id: plan.id },
        body: { ...wish, ...(confirm === null ? {} : { confirm: typed }) },
        header: { 'idempotency-key': key },
      }),
    onSuccess: async ({ id }) => {
      onClose()
      await navigate(activityPath(id))
    },
  })
  const shown = preview.error === null ? preview.data : undefined
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (shown !== undefined) start.mutate(shown.confirm)
  }
  return (
    <Dialog title={T.runTitles[mode](plan.name)} opened onClose={onClose} size="lg">
      <form onSubmit={submit}>
        <Stack>
          {mode === 'test' && (
            <Checkbox
              label={TEXTS.failover.options.keep}
              description={TEXTS.failover.options.keepText}
              checked={keeps}
              onChange={(event) => setKeeps(event.currentTarget.checked)}
            />
          )}
          {mode === 'planned' && (
            <Checkbox
              label={TEXTS.failover.options.hard}
              description={TEXTS.failover.options.hardText}
              checked={isHard}
              onChange={(event) => setHard(event.currentTarget.checked)}
            />
          )}
          {mode === 'unplanned' && (
            <Checkbox
              label={TEXTS.failover.options.evenIfSourceRuns}
              description={TEXTS.failover.options.evenIfSourceRunsText}
              checked={beside}
              onChange={(event) => setBeside(event.currentTarget.checked)}
            />
          )}
          <ProblemNote error={preview.error} />
          {preview.isPending && preview.error === null && <Waiting lines={4} />}
          {shown !== undefined && (
            <>
              {!shown.ok && <PlanProblems check={shown} error={null} />}
              <Preview
                of={shown}
                untouched={
                  TEXTS.failover.untouched[mode === 'test' ? 'test-failover' : mode === 'planned' ? 'planned-failover' : 'failover']
                }
              />
              {shown.confirm !== null && <ConfirmName name={shown.confirm} typed={typed} onType={setTyped} />}
            </>
          )}
          <ProblemNote error={start.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {TEXTS.actions.close}
            </Button>
            <Button
              type="submit"
              {...(mode === 'test' ? {} : { color: 'red' })}
              disabled={shown === undefined || (shown.confirm !== null && typed !== shown.confirm)}
              loading={start.isPending}
            >
              {T.runGo[mode]}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
