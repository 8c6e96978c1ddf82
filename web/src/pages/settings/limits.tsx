/** How much at once, and how long records are kept. */
import { Button, Group, NumberInput, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { SETTING_LIMITS } from '../../../../src/core/control/check-settings.ts'
import { patch } from '../../api/client.ts'
import { settingsQuery } from '../../api/queries.ts'
import type { ServerSettings } from '../../api/types.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay, useMe } from '../../parts/rights.tsx'
import { tellDone } from '../../parts/tell.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.limits
const AT_ONCE = ['vmRunsAtOnce', 'vmRunsPerPool', 'vmRunsPerSr'] as const
const KEPT = ['keepRunsDays', 'keepDetailsDays', 'keepAuditDays'] as const
type Key = keyof typeof SETTING_LIMITS

export function Limits() {
  const settings = useQuery(settingsQuery)
  const me = useMe()
  const mayChange = useMay('administrator')
  return (
    <Stack>
      <PageHead title={T.title} />
      {!mayChange && <Text size="sm">{TEXTS.noRight(me.role)}</Text>}
      <ProblemNote error={settings.error} />
      {settings.isPending && <Waiting />}
      {settings.data !== undefined && <LimitsForm settings={settings.data} mayChange={mayChange} />}
    </Stack>
  )
}

function LimitsForm({ settings, mayChange }: { readonly settings: ServerSettings; readonly mayChange: boolean }) {
  const client = useQueryClient()
  const [draft, setDraft] = useState<Partial<Record<Key, number | string>>>({})
  const changed = Object.fromEntries(Object.entries(draft).filter(([key, value]) => value !== settings[key as Key]))
  const save = useMutation({
    mutationFn: () => patch('/settings', { body: changed }),
    onSuccess: (stored) => {
      client.setQueryData(['settings'], stored)
      setDraft({})
      tellDone(T.saved)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  const input = (key: Key) => (
    <NumberInput
      key={key}
      label={T.fields[key]}
      description={T.hints[key]}
      inputWrapperOrder={['label', 'input', 'description']}
      w={280}
      min={SETTING_LIMITS[key][0]}
      max={SETTING_LIMITS[key][1]}
      required
      allowDecimal={false}
      disabled={!mayChange}
      value={draft[key] ?? settings[key]}
      onChange={(value) => setDraft((before) => ({ ...before, [key]: value }))}
    />
  )
  return (
    <form onSubmit={submit}>
      <Stack>
        <Title order={2} size="h5">
          {T.atOnce}
        </Title>
        <Text size="sm">{T.atOnceText}</Text>
        <Group align="flex-start">{AT_ONCE.map(input)}</Group>
        <Title order={2} size="h5">
          {T.kept}
        </Title>
        <Group align="flex-start">{KEPT.map(input)}</Group>
        <ProblemNote error={save.error} />
        {mayChange && (
          <Group>
            <Button type="submit" disabled={Object.keys(changed).length === 0} loading={save.isPending}>
              {TEXTS.actions.save}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
