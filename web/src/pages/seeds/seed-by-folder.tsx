/** With our own export and import, through the server's folder for seeds. */
import { Button, Group, Select, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { post, remove } from '../../api/client.ts'
import { seedFoldersQuery } from '../../api/queries.ts'
import type { Activity, SeedFolder } from '../../api/types.ts'
import { Age } from '../../parts/age.tsx'
import { Confirm } from '../../parts/dialog.tsx'
import { bytes } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { TEXTS } from '../../texts/en.ts'
import { InlineActivity } from './inline-activity.tsx'
import { type Chain, FirstDelta, useSeedActivities } from './seed-tab.tsx'
import { Step } from './step.tsx'

const T = TEXTS.seeds
const slug = (name: string) =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|-+$/g, '') || 'seed'

export function SeedByFolder({ chain }: { readonly chain: Chain }) {
  const { job, schedule, pool, vm, target } = chain
  const client = useQueryClient()
  const folders = useQuery(seedFoldersQuery)
  const activities = useSeedActivities(chain)
  const [name, setName] = useState<string>()
  const folder = name ?? slug(vm.name)
  const own = folders.data?.filter((one) => one.vm === null || one.vm.uuid === vm.uuid) ?? []
  const complete = own.filter(({ state }) => state === 'complete')
  const [chosen, setChosen] = useState<string>()
  const from = chosen ?? complete[0]?.name
  const exported = activities.find(({ kind }) => kind === 'seed-export')
  const imported = activities.find(({ kind }) => kind === 'seed-import')
  const fresh = () => client.invalidateQueries({ queryKey: ['activities', 'list'] })
  const exporting = useMutation({
    mutationFn: () => post('/seeds/exports', { body: { pool, vm: vm.uuid, folder }, header: { 'idempotency-key': crypto.randomUUID() } }),
    onSuccess: fresh,
  })
  const importing = useMutation({
    mutationFn: (source: string) =>
      post('/seeds/imports', {
        body: { folder: source, job: job.id, target, ...(schedule === undefined ? {} : { schedule }) },
        header: { 'idempotency-key': crypto.randomUUID() },
      }),
    onSuccess: fresh,
  })
  const isBusy = (activity: Activity | undefined) => activity !== undefined && activity.endedAt === null
  return (
    <>
      <Step nth={1} title={T.export} isDone={complete.length > 0}>
        <Text size="sm">{T.exportText}</Text>
        <Group align="flex-end">
          <TextInput label={T.folder} w={320} value={folder} onChange={(event) => setName(event.currentTarget.value)} />
          <Button loading={exporting.isPending} disabled={isBusy(exported) || folder === ''} onClick={() => exporting.mutate()}>
            {own.some((one) => one.name === folder && one.state === 'incomplete') ? T.exportGoOn : T.exportGo}
          </Button>
        </Group>
        <ProblemNote error={exporting.error} />
        <InlineActivity activity={exported} />
      </Step>
      <Step nth={2} title={T.carry} isDone={complete.length > 0}>
        <Text size="sm">{T.carryText}</Text>
        <ProblemNote error={folders.error} />
        {own.length > 0 && <Folders folders={own} />}
      </Step>
      <Step nth={3} title={T.import} isDone={imported?.state === 'done'}>
        <Text size="sm">{T.importText}</Text>
        <Group align="flex-end">
          <Select
            label={T.folder}
            w={320}
            placeholder={T.noFolder}
            data={complete.map((one) => one.name)}
            value={from ?? null}
            onChange={(value) => value !== null && setChosen(value)}
          />
          <Button
            loading={importing.isPending}
            disabled={from === undefined || isBusy(imported)}
            onClick={() => from !== undefined && importing.mutate(from)}
          >
            {T.importGo}
          </Button>
        </Group>
        <ProblemNote error={importing.error} />
        <InlineActivity activity={imported} />
      </Step>
      <FirstDelta chain={chain} nth={4} />
    </>
  )
}

function Folders({ folders }: { readonly folders: readonly SeedFolder[] }) {
  const client = useQueryClient()
  const [removing, setRemoving] = useState<SeedFolder>()
  const columns: readonly Column<SeedFolder>[] = [
    { key: 'name', head: T.folder, cell: ({ name }) => name },
    {
      key: 'state',
      head: T.state,
      cell: ({ state, problem }) => (problem === null ? T.folderStates[state] : `${T.folderStates[state]}: ${problem}`),
    },
    { key: 'size', head: T.size, kind: 'number', cell: ({ bytesStored }) => bytes(bytesStored) },
    { key: 'made', head: T.made, kind: 'tight', cell: ({ createdAt }) => <Age time={createdAt} /> },
    {
      key: 'actions',
      head: '',
      cell: (folder) => (
        <Button
          size="compact-xs"
          variant="default"
          c="red"
          disabled={folder.state === 'exporting'}
          aria-label={T.removeOf(folder.name)}
          onClick={() => setRemoving(folder)}
        >
          {TEXTS.actions.remove}
        </Button>
      ),
    },
  ]
  return (
    <>
      <Rows label={T.folders} columns={columns} rows={folders} keyOf={({ name }) => name} />
      <Confirm
        opened={removing !== undefined}
        onClose={() => setRemoving(undefined)}
        title={T.removeOf(removing?.name ?? '')}
        text={T.removeText}
        go={TEXTS.actions.remove}
        grave
        act={async () => {
          await remove('/seeds/folders/{name}', { path: { name: removing?.name ?? '' } })
          await client.invalidateQueries({ queryKey: ['seeds'] })
        }}
      />
    </>
  )
}
