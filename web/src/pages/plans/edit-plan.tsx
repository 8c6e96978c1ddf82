/** Makes or changes a recovery plan; what is wrong with it as the pools are now is told beside it. */
import { Alert, Button, Group, NumberInput, Paper, Radio, Stack, Text, Textarea, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { PlusIcon } from '@radix-ui/react-icons'
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { patch, post } from '../../api/client.ts'
import { planQuery, protectionsQuery } from '../../api/queries.ts'
import type { RecoveryPlan } from '../../api/types.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { planPath } from '../../parts/paths.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay, useMe } from '../../parts/rights.tsx'
import { useNames } from '../../parts/use-names.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { draftOf, emptyPlan, newGroup, type PlanDraft, specOf } from './draft.ts'
import { EditGroup } from './edit-group.tsx'
import { PlanNetworks } from './plan-networks.tsx'
import { PlanProblems } from './plan-problems.tsx'
import { ReadyInput } from './ready-input.tsx'

const T = TEXTS.plans

export function EditPlan() {
  const { id } = useParams()
  const me = useMe()
  const mayChange = useMay('administrator')
  const known = useQuery({ ...planQuery(id ?? ''), enabled: id !== undefined })
  if (!mayChange) return <Alert color="yellow">{TEXTS.noRight(me.role)}</Alert>
  if (id === undefined) return <PlanForm key="new" first={emptyPlan(T.groupName(1))} />
  if (known.isPending) return <Waiting />
  if (known.data === undefined) return <ProblemNote error={known.error} />
  return <PlanForm key={id} first={draftOf(known.data)} plan={known.data} />
}

function PlanForm({ first, plan: given }: { readonly first: PlanDraft; readonly plan?: RecoveryPlan }) {
  const [draft, setDraft] = useState(first)
  // As it was when the form was opened: what others change meanwhile must not be overwritten unseen.
  const [plan] = useState(given)
  const [key] = useState(() => crypto.randomUUID())
  const names = useNames()
  const protections = useQuery(protectionsQuery).data ?? []
  const client = useQueryClient()
  const navigate = useNavigate()
  const set = (part: Partial<PlanDraft>) => setDraft((before) => ({ ...before, ...part }))
  const spec = specOf(draft)
  const [settled] = useDebouncedValue(spec, 400)
  const isWhole = settled.name !== '' && settled.groups.length > 0 && settled.groups.every(({ vms, name }) => vms.length > 0 && name !== '')
  const check = useQuery({
    queryKey: ['plan-check', settled],
    queryFn: () => post('/plans/check', { body: settled }),
    enabled: isWhole,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 5_000,
  })
  const save = useMutation({
    mutationFn: () =>
      plan === undefined
        ? post('/plans', { body: spec, header: { 'idempotency-key': key } })
        : patch('/plans/{id}', { path: { id: plan.id }, body: { ...spec, version: plan.version } }),
    onSuccess: async (stored) => {
      client.setQueryData(['plans', stored.id], stored)
      await client.invalidateQueries({ queryKey: ['plans'], exact: true })
      await navigate(planPath(stored.id))
    },
  })
  const missing = [
    ...(spec.name === '' ? [T.missing.name] : []),
    ...(spec.groups.every(({ vms }) => vms.length > 0) && spec.groups.length > 0 ? [] : [T.missing.vms]),
    ...(spec.groups.every(({ name }) => name.trim() !== '') ? [] : [T.missing.groupName]),
  ]
  return (
    <Stack>
      <PageHead
        title={plan === undefined ? T.fresh : T.editTitle(plan.name)}
        above={[{ to: '/plans', label: T.title }, ...(plan === undefined ? [] : [{ to: planPath(plan.id), label: plan.name }])]}
      />
      <Group align="flex-start">
        <TextInput label={T.name} required w={320} value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })} />
        <Textarea
          label={T.description}
          w={480}
          maw="100%"
          rows={1}
          autosize
          value={draft.description}
          onChange={(event) => set({ description: event.currentTarget.value })}
        />
      </Group>
      <Title order={2} size="h5">
        {T.groups}
      </Title>
      <Text size="sm" c="dimmed">
        {T.groupsText}
      </Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className="groups" aria-label={T.groups} tabIndex={0}>
        {draft.groups.map((group, nth) => (
          <EditGroup
            key={group.key}
            nth={nth}
            group={group}
            draft={draft}
            onChange={setDraft}
            protections={protections}
            names={names}
            {...(check.data === undefined ? {} : { check: check.data })}
          />
        ))}
        <Button
          variant="default"
          className="add"
          leftSection={<PlusIcon aria-hidden />}
          onClick={() => set({ groups: [...draft.groups, newGroup(T.groupName(draft.groups.length + 1))] })}
        >
          {T.addGroup}
        </Button>
      </section>
      <Paper withBorder p="md">
        <Stack gap="sm">
          <ReadyInput
            ready={draft.ready}
            timeout={draft.readyTimeoutSeconds}
            onChange={(ready, readyTimeoutSeconds) => set({ ready, readyTimeoutSeconds })}
          />
          <Radio.Group
            label={T.onFailure}
            value={draft.onFailure}
            onChange={(value) => set({ onFailure: value as PlanDraft['onFailure'] })}
          >
            <Stack gap={6} mt={4}>
              <Radio value="stop" label={T.failures.stop} />
              <Radio value="continue" label={T.failures.continue} />
            </Stack>
          </Radio.Group>
          {draft.groups.some(({ before, after }) => before !== null || after !== null) && (
            <NumberInput
              label={T.scriptTimeout}
              w={220}
              min={1}
              max={86_400}
              allowDecimal={false}
              value={draft.scriptTimeoutSeconds}
              onChange={(value) => typeof value === 'number' && set({ scriptTimeoutSeconds: value })}
            />
          )}
          <PlanNetworks draft={draft} protections={protections} names={names} onChange={(networks) => set({ networks })} />
        </Stack>
      </Paper>
      {isWhole && <PlanProblems check={check.data} error={check.error} />}
      <div aria-live="polite">{missing.length > 0 && <Text size="sm">{TEXTS.form.summary.todo(missing.join(', '))}</Text>}</div>
      <ProblemNote error={save.error} />
      <Group>
        <Button disabled={missing.length > 0} loading={save.isPending} onClick={() => save.mutate()}>
          {plan === undefined ? T.create : T.save}
        </Button>
      </Group>
    </Stack>
  )
}
