import { Checkbox, Group, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { ExclamationTriangleIcon } from '@radix-ui/react-icons'
import type { UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import type { Preview, Target } from '../../api/types.ts'
import { bytes } from '../../parts/measures.ts'
import { type Column, Rows } from '../../parts/rows.tsx'
import type { Names, SeenSr } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.form.where

/** Storage repositories of any pool, with what is free, and what the first copy may take. */
export function ChooseTargets({
  targets,
  onChange,
  names,
  preview,
}: {
  readonly targets: readonly Target[]
  onChange(targets: readonly Target[]): void
  readonly names: Names
  readonly preview: UseQueryResult<Preview>
}) {
  const [search, setSearch] = useState('')
  const cost = costOf(preview.data, names)
  const isChosen = (sr: SeenSr) => targets.some((one) => one.pool === sr.pool && one.sr === sr.uuid)
  const text = search.trim().toLowerCase()
  const usable = names.srs.filter((sr) => sr.usable || isChosen(sr))
  const shown = usable
    .filter((sr) => [sr.name, sr.uuid, sr.type, names.pool(sr.pool)].some((value) => value.toLowerCase().includes(text)))
    .toSorted((a, b) => b.size - b.used - (a.size - a.used))
  const toggle = (sr: SeenSr) =>
    onChange(
      isChosen(sr) ? targets.filter((one) => one.pool !== sr.pool || one.sr !== sr.uuid) : [...targets, { pool: sr.pool, sr: sr.uuid }],
    )
  const columns: readonly Column<SeenSr>[] = [
    {
      key: 'take',
      head: '',
      cell: (sr) => <Checkbox aria-label={T.take(sr.name, names.pool(sr.pool))} checked={isChosen(sr)} onChange={() => toggle(sr)} />,
    },
    { key: 'sr', head: T.sr, cell: ({ name }) => name },
    { key: 'pool', head: T.pool, cell: (sr) => names.pool(sr.pool) },
    { key: 'type', head: TEXTS.pools.sr.type, cell: ({ type }) => type },
    {
      key: 'free',
      head: T.free,
      kind: 'tight',
      cell: (sr) => {
        const free = Math.max(0, sr.size - sr.used)
        return (
          <Group gap={6}>
            <span>{bytes(free)}</span>
            <Text size="xs" c="dimmed">
              {T.of(bytes(sr.size))}
            </Text>
            {isChosen(sr) && cost.held > free && (
              <Text size="xs" c="yellow">
                <ExclamationTriangleIcon aria-hidden /> {T.tight}
              </Text>
            )}
          </Group>
        )
      },
    },
  ]
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="where">
      <Stack gap="sm">
        <Title order={2} size="h5" id="where">
          {T.title}
        </Title>
        {usable.length > 8 && (
          <TextInput
            aria-label={T.search}
            placeholder={T.search}
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
            maw={260}
          />
        )}
        {usable.length === 0 && !names.isPending && <Text size="sm">{T.empty}</Text>}
        {shown.length > 0 && <Rows label={T.title} columns={columns} rows={shown} keyOf={({ pool, uuid }) => `${pool} ${uuid}`} />}
        {cost.size > 0 && (
          <Text size="sm" c="dimmed">
            {T.cost(bytes(cost.held), bytes(cost.size))}
          </Text>
        )}
      </Stack>
    </Paper>
  )
}

/** Bytes that a first copy of the chosen VMs takes: what their disks hold, as far as that is known, else their sizes. */
export function costOf(preview: Preview | undefined, names: Names): { readonly size: number; readonly held: number } {
  const disksOf = (pool: string, vm: string) => names.vm(pool, vm)?.disks.reduce((sum, { size }) => sum + size, 0) ?? 0
  const vms = (preview?.vms ?? []).map(({ pool, vm, bytesAllocated }) => ({ size: disksOf(pool, vm), held: bytesAllocated }))
  return {
    size: vms.reduce((sum, { size }) => sum + size, 0),
    held: vms.reduce((sum, { size, held }) => sum + (held ?? size), 0),
  }
}
