/** Makes a job or changes one: three numbered sections that stay in sight, then what it means in words. */
import { Alert, Button, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate, useParams, useSearchParams } from 'react-router'
import { post } from '../../api/client.ts'
import { jobQuery } from '../../api/queries.ts'
import type { Job } from '../../api/types.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { jobPath, runPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay, useMe } from '../../parts/rights.tsx'
import { retentionInWords, timingInWords } from '../../parts/timing.ts'
import { type Names, useNames } from '../../parts/use-names.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { plural, TEXTS } from '../../texts/en.ts'
import { Advanced } from './advanced.tsx'
import { ChooseTargets } from './choose-targets.tsx'
import { ChooseTimes } from './choose-times.tsx'
import { ChooseVms } from './choose-vms.tsx'
import { createJob, type Draft, draftOf, emptyDraft, missingOf, saveJob } from './draft.ts'
import { usePreview } from './use-preview.ts'

const T = TEXTS.form

export function EditJob() {
  const { id } = useParams()
  const [parameters] = useSearchParams()
  const of = id ?? parameters.get('of')
  const me = useMe()
  const mayChange = useMay('administrator')
  const known = useQuery({ ...jobQuery(of ?? ''), enabled: of !== null && of !== undefined })
  if (!mayChange) return <Alert color="yellow">{TEXTS.noRight(me.role)}</Alert>
  if (of === null || of === undefined) return <JobForm key="new" draft={emptyDraft(parameters.getAll('vm'))} />
  if (known.isPending) return <Waiting />
  if (known.data === undefined) return <ProblemNote error={known.error} />
  return id === undefined ? (
    <JobForm key={`clone ${of}`} draft={draftOf(known.data, 'clone')} />
  ) : (
    <JobForm key={of} draft={draftOf(known.data, 'edit')} job={known.data} />
  )
}

function JobForm({ draft: first, job: given }: { readonly draft: Draft; readonly job?: Job }) {
  const [draft, setDraft] = useState(first)
  // As it was when the form was opened: what others change meanwhile must not be overwritten unseen.
  const [job] = useState(given)
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }))
  const names = useNames()
  const preview = usePreview(draft.selection)
  const navigate = useNavigate()
  const [key] = useState(() => crypto.randomUUID())
  const create = useMutation({
    mutationFn: async (runs: boolean) => {
      const made = await createJob(draft, runs, `${key}-${runs ? 'enabled' : 'disabled'}`)
      if (!runs) return void navigate(jobPath(made.id))
      const run = await post('/runs', { body: { job: made.id }, header: { 'idempotency-key': `${key}-run` } })
      await navigate(runPath(run.id))
    },
  })
  const save = useMutation({
    mutationFn: async (edited: Job) => {
      await saveJob(edited, draft)
      await navigate(jobPath(edited.id))
    },
  })
  const missing = missingOf(draft)
  const title = job === undefined ? T.newTitle : T.editTitle(job.name)
  return (
    <Stack maw={1100}>
      <PageHead
        title={title}
        above={[{ to: '/jobs', label: TEXTS.jobs.title }, ...(job === undefined ? [] : [{ to: jobPath(job.id), label: job.name }])]}
      />
      <TextInput label={T.name} required maw={420} value={draft.name} onChange={(event) => change({ name: event.currentTarget.value })} />
      <ChooseVms selection={draft.selection} onChange={(selection) => change({ selection })} names={names} preview={preview} />
      <ChooseTimes job={draft.settings} schedules={draft.schedules} onChange={(schedules) => change({ schedules })} />
      <ChooseTargets targets={draft.targets} onChange={(targets) => change({ targets })} names={names} preview={preview} />
      <Advanced draft={draft} onChange={(settings) => change({ settings })} names={names} preview={preview} />
      <Paper withBorder p="md" component="section" aria-labelledby="summary">
        <Stack gap="sm">
          <Title order={2} size="h5" id="summary">
            {T.summary.title}
          </Title>
          <Text size="sm">{inWords(draft, names, preview.data?.vms.length)}</Text>
          <div aria-live="polite">{missing.length > 0 && <Text size="sm">{T.summary.todo(missing.join(', '))}</Text>}</div>
          <ProblemNote error={create.error ?? save.error} />
          <Group>
            {job === undefined ? (
              <>
                <Button disabled={missing.length > 0} loading={create.isPending && create.variables} onClick={() => create.mutate(true)}>
                  {T.createRun}
                </Button>
                <Button
                  variant="default"
                  disabled={missing.length > 0}
                  loading={create.isPending && !create.variables}
                  onClick={() => create.mutate(false)}
                >
                  {T.createDisabled}
                </Button>
              </>
            ) : (
              <Button disabled={missing.length > 0} loading={save.isPending} onClick={() => save.mutate(job)}>
                {T.save}
              </Button>
            )}
          </Group>
        </Stack>
      </Paper>
    </Stack>
  )
}

function inWords({ schedules, targets }: Draft, names: Names, vms: number | undefined): string {
  const when = schedules.length === 0 ? T.summary.byHand : schedules.map(({ timing }) => timingInWords(timing)).join(' and ')
  const keeps = schedules.map(({ retention }) => retentionInWords(retention)).join('; ')
  return T.summary.text(
    plural(vms ?? 0, 'VM'),
    when,
    targets.length === 0 ? '…' : targets.map(names.target).join(' and '),
    keeps === '' ? '' : T.summary.keep(keeps),
  )
}
