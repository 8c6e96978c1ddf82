/** Windows in which no run begins: of everything, of a job, of a pool. */
import { Badge, Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { PlusIcon } from '@radix-ui/react-icons'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { patch } from '../../api/client.ts'
import { jobsQuery, poolsQuery, settingsQuery } from '../../api/queries.ts'
import type { MaintenanceWindow } from '../../api/types.ts'
import { Confirm, Dialog } from '../../parts/dialog.tsx'
import { Empty } from '../../parts/empty.tsx'
import { exact, relative } from '../../parts/measures.ts'
import { PageHead } from '../../parts/page-head.tsx'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { useMay } from '../../parts/rights.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { useNow } from '../../parts/use-now.ts'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.maintenance

/** The whole list is stored at once; it is read anew right before, so that somebody else's window is not lost. */
function useStoreWindows() {
  const client = useQueryClient()
  return async (change: (windows: readonly MaintenanceWindow[]) => readonly MaintenanceWindow[]): Promise<void> => {
    const { maintenance } = await client.fetchQuery({ ...settingsQuery, staleTime: 0 })
    client.setQueryData(['settings'], await patch('/settings', { body: { maintenance: change(maintenance) } }))
  }
}

export function Maintenance() {
  const settings = useQuery(settingsQuery)
  const jobs = useQuery(jobsQuery).data ?? []
  const pools = useQuery(poolsQuery).data ?? []
  const store = useStoreWindows()
  const mayChange = useMay('administrator')
  const now = useNow()
  const [form, setForm] = useState<MaintenanceWindow | 'new'>()
  const [removing, setRemoving] = useState<MaintenanceWindow>()
  const windows = settings.data?.maintenance.toSorted((a, b) => Date.parse(b.from) - Date.parse(a.from)) ?? []
  const add = mayChange && (
    <Button leftSection={<PlusIcon aria-hidden />} onClick={() => setForm('new')}>
      {T.add}
    </Button>
  )
  const columns: readonly Column<MaintenanceWindow>[] = [
    { key: 'name', head: T.columns.name, cell: ({ name }) => name },
    {
      key: 'of',
      head: T.columns.of,
      cell: ({ job, pool }) =>
        [
          job === null ? undefined : T.ofJob(jobs.find(({ id }) => id === job)?.name ?? job),
          pool === null ? undefined : T.ofPool(pools.find(({ id }) => id === pool)?.name ?? pool),
        ]
          .filter((part) => part !== undefined)
          .join(', ') || T.everything,
    },
    {
      key: 'state',
      head: T.columns.state,
      kind: 'tight',
      cell: ({ from, until }) => {
        const state = Date.parse(until) <= now ? 'over' : Date.parse(from) <= now ? 'now' : 'soon'
        return (
          <Badge variant="light" color={state === 'now' ? 'yellow' : 'gray'} tt="none">
            {state === 'soon' ? relative(from, now) : state === 'now' ? T.now(relative(until, now)) : T.over}
          </Badge>
        )
      },
    },
    { key: 'from', head: T.columns.from, kind: 'tight', cell: ({ from }) => exact(from) },
    { key: 'until', head: T.columns.until, kind: 'tight', cell: ({ until }) => exact(until) },
    {
      key: 'actions',
      head: '',
      cell: (window) =>
        mayChange && (
          <Group gap={6} wrap="nowrap" justify="flex-end">
            <Button size="compact-xs" variant="default" onClick={() => setForm(window)} aria-label={T.editOf(window.name)}>
              {TEXTS.actions.edit}
            </Button>
            <Button size="compact-xs" variant="default" c="red" onClick={() => setRemoving(window)} aria-label={T.removeOf(window.name)}>
              {TEXTS.actions.remove}
            </Button>
          </Group>
        ),
    },
  ]
  return (
    <Stack>
      <PageHead title={T.title}>{windows.length > 0 && add}</PageHead>
      <Text size="sm">{T.text}</Text>
      <ProblemNote error={settings.error} />
      {settings.isPending && <Waiting />}
      {settings.data !== undefined && windows.length === 0 && <Empty text={T.empty}>{add}</Empty>}
      {windows.length > 0 && <Rows label={T.title} rows={windows} keyOf={({ id }) => id} columns={columns} />}
      {form !== undefined && <WindowForm {...(form === 'new' ? {} : { window: form })} onClose={() => setForm(undefined)} />}
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={T.removeOf(removing?.name ?? '')}
        text={T.removeText}
        go={TEXTS.actions.remove}
        act={() => store((before) => before.filter(({ id }) => id !== removing?.id))}
      />
    </Stack>
  )
}

/** `2026-11-23T14:37`, in the user's zone, as fields for times have it. */
const fieldOf = (time: number): string => new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
const HOUR_MS = 3_600_000

function WindowForm({ window, onClose }: { readonly window?: MaintenanceWindow; onClose(): void }) {
  const jobs = useQuery(jobsQuery).data ?? []
  const pools = useQuery(poolsQuery).data ?? []
  const store = useStoreWindows()
  const [name, setName] = useState(window?.name ?? '')
  const [job, setJob] = useState(window?.job ?? null)
  const [pool, setPool] = useState(window?.pool ?? null)
  const [from, setFrom] = useState(fieldOf(window === undefined ? Date.now() : Date.parse(window.from)))
  const [until, setUntil] = useState(fieldOf(window === undefined ? Date.now() + 2 * HOUR_MS : Date.parse(window.until)))
  const isWrong = !(Date.parse(from) < Date.parse(until))
  const save = useMutation({
    mutationFn: () => {
      const made: MaintenanceWindow = {
        id: window?.id ?? crypto.randomUUID(),
        name: name.trim(),
        job,
        pool,
        from: new Date(from).toISOString(),
        until: new Date(until).toISOString(),
      }
      return store((before) => [...before.filter(({ id }) => id !== made.id), made])
    },
    onSuccess: onClose,
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate()
  }
  return (
    <Dialog title={window === undefined ? T.add : T.editOf(window.name)} opened onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label={T.name} required data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <Select
            label={T.job}
            placeholder={T.allJobs}
            clearable
            searchable
            data={jobs.map(({ id, name: label }) => ({ value: id, label }))}
            value={job}
            onChange={setJob}
          />
          <Select
            label={T.pool}
            placeholder={T.allPools}
            clearable
            data={pools.map(({ id, name: label }) => ({ value: id, label }))}
            value={pool}
            onChange={setPool}
          />
          <Group grow align="flex-start">
            <TextInput
              type="datetime-local"
              required
              label={T.columns.from}
              value={from}
              onChange={(event) => setFrom(event.currentTarget.value)}
            />
            <TextInput
              type="datetime-local"
              required
              label={T.columns.until}
              value={until}
              {...(isWrong ? { error: T.order } : {})}
              onChange={(event) => setUntil(event.currentTarget.value)}
            />
          </Group>
          <ProblemNote error={save.error} />
          <Group justify="flex-end">
            <Button type="submit" disabled={isWrong} loading={save.isPending}>
              {TEXTS.actions.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
