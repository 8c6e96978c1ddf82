import { Button, Group, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { PlusIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { patch, post, remove } from '../../api/client.ts'
import { channelsQuery, settingsQuery } from '../../api/queries.ts'
import type { Channel } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { Empty } from '../../parts/empty.tsx'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { Rows } from '../../parts/rows.tsx'
import { tellDone, tellProblem } from '../../parts/tell.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'
import { ChannelForm } from './channel-form.tsx'

const T = TEXTS.notifications

export function Notifications() {
  const channels = useQuery(channelsQuery)
  const client = useQueryClient()
  const mayChange = useMay('administrator')
  const [form, setForm] = useState<'email' | 'webhook' | Channel>()
  const [removing, setRemoving] = useState<Channel>()
  const fresh = () => client.invalidateQueries({ queryKey: ['channels'] })
  const test = useMutation({
    mutationFn: (id: string) => post('/channels/{id}/test', { path: { id } }),
    onSuccess: ({ ok, text }) => (ok ? tellDone(T.tested(text)) : tellProblem(new Error(`${T.testFailed}: ${text}`))),
    onError: tellProblem,
    onSettled: fresh,
  })
  const add = mayChange && (
    <>
      <Button leftSection={<PlusIcon aria-hidden />} onClick={() => setForm('email')}>
        {T.addMail}
      </Button>
      <Button leftSection={<PlusIcon aria-hidden />} variant="default" onClick={() => setForm('webhook')}>
        {T.addHook}
      </Button>
    </>
  )
  return (
    <Stack>
      <PageHead title={T.title}>{(channels.data?.length ?? 0) > 0 && add}</PageHead>
      <ProblemNote error={channels.error} />
      {channels.isPending && <Waiting />}
      {channels.data?.length === 0 && (
        <Empty text={T.empty}>
          <Group>{add}</Group>
        </Empty>
      )}
      {channels.data !== undefined && channels.data.length > 0 && (
        <Rows
          label={T.title}
          rows={channels.data}
          keyOf={({ id }) => id}
          columns={[
            {
              key: 'enabled',
              head: T.columns.enabled,
              cell: (channel) => (
                <Switch
                  checked={channel.enabled}
                  disabled={!mayChange}
                  aria-label={T.enabled(channel.name)}
                  onChange={(event) =>
                    void patch('/channels/{id}', {
                      path: { id: channel.id },
                      body: { kind: channel.kind, enabled: event.currentTarget.checked },
                    }).then(fresh, tellProblem)
                  }
                />
              ),
            },
            { key: 'name', head: T.columns.name, cell: ({ name }) => name },
            { key: 'to', head: T.columns.to, cell: (channel) => (channel.kind === 'email' ? channel.to.join(', ') : channel.url) },
            { key: 'sent', head: T.columns.sent, cell: ({ lastSentAt }) => <Age time={lastSentAt} /> },
            { key: 'error', head: T.columns.error, cell: ({ lastError }) => lastError ?? '–' },
            {
              key: 'actions',
              head: '',
              cell: (channel) =>
                mayChange && (
                  <Group gap="xs" wrap="nowrap" justify="flex-end">
                    <Button
                      size="compact-xs"
                      variant="default"
                      loading={test.isPending && test.variables === channel.id}
                      onClick={() => test.mutate(channel.id)}
                    >
                      {T.test}
                    </Button>
                    <Button size="compact-xs" variant="default" onClick={() => setForm(channel)}>
                      {TEXTS.actions.edit}
                    </Button>
                    <Button size="compact-xs" variant="default" c="red" onClick={() => setRemoving(channel)}>
                      {TEXTS.actions.remove}
                    </Button>
                  </Group>
                ),
            },
          ]}
        />
      )}
      <DailyReport />
      {form !== undefined && <ChannelForm of={form} onClose={() => setForm(undefined)} onDone={fresh} />}
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={T.removeTitle(removing?.name ?? '')}
        text={T.removeText}
        go={TEXTS.actions.remove}
        grave
        act={() => remove('/channels/{id}', { path: { id: removing?.id ?? '' } }).then(fresh)}
      />
    </Stack>
  )
}

function DailyReport() {
  const settings = useQuery(settingsQuery)
  const client = useQueryClient()
  const mayChange = useMay('administrator')
  const [typed, setTyped] = useState<string>()
  const at = typed ?? settings.data?.dailyReportAt ?? ''
  const save = useMutation({
    mutationFn: () => patch('/settings', { body: { dailyReportAt: at === '' ? null : at } }),
    onSuccess: () => {
      tellDone(TEXTS.users.changed)
      return client.invalidateQueries({ queryKey: ['settings'] })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Title order={2} size="h5">
          {T.server}
        </Title>
        <ProblemNote error={settings.error ?? save.error} />
        <Group align="flex-end">
          <TextInput
            type="time"
            label={T.report}
            disabled={!mayChange}
            value={at}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          {mayChange && (
            <Button type="submit" variant="default" loading={save.isPending}>
              {TEXTS.actions.save}
            </Button>
          )}
        </Group>
        <Text size="xs" c="dimmed">
          {T.reportNone}
        </Text>
      </Stack>
    </form>
  )
}
