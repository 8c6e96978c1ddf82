import { ActionIcon, Badge, Button, Checkbox, Group, Paper, Select, Stack, Text, TextInput, Title, Tooltip } from '@mantine/core'
import { MinusCircledIcon, PlusIcon } from '@radix-ui/react-icons'
import type { UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import type { Preview, Selection, VmSelector } from '../../api/types.ts'
import { bytes } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { type Column, Rows } from '../../parts/rows.tsx'
import { isByHand, sameSelector, selectorInWords } from '../../parts/timing.ts'
import type { Names, SeenVm } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.form.vms
const SHOWN = 12

interface Props {
  readonly selection: Selection
  onChange(selection: Selection): void
  readonly names: Names
  readonly preview: UseQueryResult<Preview>
}

/** By hand, tag, pattern or pool; what that comes to at this moment is shown at once. */
export function ChooseVms({ selection, onChange, names, preview }: Props) {
  const [search, setSearch] = useState('')
  const [pool, setPool] = useState<string | null>(null)
  const text = search.trim().toLowerCase()
  const all = names.vms.filter(({ replicaOf }) => replicaOf === null)
  const shown = all.filter(
    (vm) => (pool === null || vm.pool === pool) && [vm.name, vm.uuid, ...vm.tags].some((value) => value.toLowerCase().includes(text)),
  )
  const chosen = new Map(preview.data?.vms.map((one) => [`${one.pool}/${one.vm}`, one]))
  const without = (list: readonly VmSelector[], gone: VmSelector) => list.filter((one) => !sameSelector(one, gone))
  const toggle = (vm: SeenVm) => {
    const byHand = { kind: 'vm', pool: vm.pool, vm: vm.uuid } as const
    const isOut = selection.exclude.some((one) => sameSelector(one, byHand))
    const byRule = !isByHand(selection, vm.pool, vm.uuid) && chosen.has(`${vm.pool}/${vm.uuid}`)
    // What a rule chooses is taken out by an exception; what an exception takes out comes back by dropping it.
    if (isOut) onChange({ ...selection, exclude: without(selection.exclude, byHand) })
    else if (byRule) onChange({ ...selection, exclude: [...selection.exclude, byHand] })
    else if (isByHand(selection, vm.pool, vm.uuid)) onChange({ ...selection, include: without(selection.include, byHand) })
    else onChange({ ...selection, include: [...selection.include, byHand] })
  }
  const columns: readonly Column<SeenVm>[] = [
    {
      key: 'take',
      head: '',
      cell: (vm) => {
        const isOut = selection.exclude.some((one) => sameSelector(one, { kind: 'vm', pool: vm.pool, vm: vm.uuid }))
        const isIn = !isOut && (isByHand(selection, vm.pool, vm.uuid) || chosen.has(`${vm.pool}/${vm.uuid}`))
        return <Checkbox aria-label={T.take(vm.name)} checked={isIn} onChange={() => toggle(vm)} />
      },
    },
    {
      key: 'name',
      head: TEXTS.pools.vm.name,
      cell: (vm) => (
        <Group gap={6}>
          {vm.name}
          {chosen.has(`${vm.pool}/${vm.uuid}`) && !isByHand(selection, vm.pool, vm.uuid) && (
            <Badge variant="light" tt="none">
              {chosen.get(`${vm.pool}/${vm.uuid}`)?.by ?? T.byRule}
            </Badge>
          )}
        </Group>
      ),
    },
    { key: 'pool', head: T.pool, cell: (vm) => names.pool(vm.pool) },
    { key: 'power', head: TEXTS.pools.vm.state, cell: ({ powerState }) => powerState },
    { key: 'tags', head: TEXTS.pools.vm.tags, cell: ({ tags }) => tags.join(', ') || '–' },
    { key: 'size', head: T.size, kind: 'number', cell: ({ disks }) => bytes(disks.reduce((sum, { size }) => sum + size, 0)) },
  ]
  const count = preview.data?.vms.length ?? 0
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="which-vms">
      <Stack gap="sm">
        <Title order={2} size="h5" id="which-vms">
          {T.title}
        </Title>
        <Rules selection={selection} onChange={onChange} names={names} />
        <Group gap="xs">
          <TextInput
            aria-label={T.search}
            placeholder={T.search}
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
            w={260}
          />
          <Select
            aria-label={T.pool}
            placeholder={T.anyPool}
            clearable
            data={names.pools.map(({ id, name }) => ({ value: id, label: name }))}
            value={pool}
            onChange={setPool}
            w={180}
          />
        </Group>
        {names.isPending && <Text size="sm">{T.loading}</Text>}
        {shown.length === 0 && !names.isPending && <Text size="sm">{T.empty}</Text>}
        {shown.length > 0 && <Rows label={T.title} columns={columns} rows={shown} keyOf={({ pool: of, uuid }) => `${of} ${uuid}`} tall />}
        <ProblemNote error={preview.error} />
        <div aria-live="polite">
          <Text size="sm" fw={600}>
            {selection.include.length === 0 ? T.none : T.now(count)}
          </Text>
          {selection.include.length > 0 && preview.data !== undefined && (
            <Text size="sm" c="dimmed">
              {preview.data.vms
                .slice(0, SHOWN)
                .map(({ name }) => name)
                .join(', ')}
              {count > SHOWN && ` … ${TEXTS.overview.more(count - SHOWN)}`}
            </Text>
          )}
          {(preview.data?.leftOut.length ?? 0) > 0 && (
            <Text size="xs" c="dimmed">
              {T.leftOut(preview.data?.leftOut.length ?? 0)}:{' '}
              {preview.data?.leftOut
                .slice(0, SHOWN)
                .map(({ name, reason }) => `${name} (${reason.text})`)
                .join(', ')}
            </Text>
          )}
        </div>
      </Stack>
    </Paper>
  )
}

function Rules({ selection, onChange, names }: Omit<Props, 'preview'>) {
  const [pattern, setPattern] = useState('')
  const tags = [...new Set(names.vms.flatMap((vm) => (vm.replicaOf === null ? vm.tags : [])))].toSorted()
  const counts = new Map(tags.map((tag) => [tag, names.vms.filter((vm) => vm.replicaOf === null && vm.tags.includes(tag)).length]))
  const words = { pool: names.pool, vm: (pool: string, uuid: string) => names.vm(pool, uuid)?.name ?? uuid }
  const add = (selector: VmSelector) => {
    if (!selection.include.some((one) => sameSelector(one, selector))) onChange({ ...selection, include: [...selection.include, selector] })
  }
  const rules = selection.include.filter(({ kind }) => kind !== 'vm')
  // What was named by hand and is not seen has no row to untick.
  const lost = selection.include.filter((one) => one.kind === 'vm' && !names.isPending && names.vm(one.pool, one.vm) === undefined)
  return (
    <Stack gap={6}>
      <Group gap="xs" align="flex-end">
        <Select
          label={T.tag}
          searchable
          w={200}
          data={tags.map((tag) => ({ value: tag, label: `${tag} (${counts.get(tag)})` }))}
          value={null}
          onChange={(tag) => tag !== null && add({ kind: 'tag', pool: null, tag })}
        />
        <Select
          label={T.wholePool}
          w={180}
          data={names.pools.map(({ id, name }) => ({ value: id, label: name }))}
          value={null}
          onChange={(pool) => pool !== null && add({ kind: 'pool', pool })}
        />
        <TextInput
          label={T.pattern}
          placeholder={T.patternHint}
          w={260}
          value={pattern}
          onChange={(event) => setPattern(event.currentTarget.value)}
          rightSection={
            <Tooltip label={T.addPattern}>
              <ActionIcon
                variant="subtle"
                aria-label={T.addPattern}
                disabled={pattern.trim() === ''}
                onClick={() => {
                  add({ kind: 'name', pool: null, pattern: pattern.trim() })
                  setPattern('')
                }}
              >
                <PlusIcon />
              </ActionIcon>
            </Tooltip>
          }
        />
      </Group>
      {(rules.length > 0 || lost.length > 0) && (
        <Group gap={6}>
          <Text size="xs" c="dimmed">
            {T.rules}:
          </Text>
          {[...rules, ...lost].map((rule) => (
            <Rule
              key={JSON.stringify(rule)}
              text={selectorInWords(rule, words)}
              onDrop={() => onChange({ ...selection, include: selection.include.filter((one) => !sameSelector(one, rule)) })}
            />
          ))}
        </Group>
      )}
      {selection.exclude.length > 0 && (
        <Group gap={6}>
          <Text size="xs" c="dimmed">
            {T.except}:
          </Text>
          {selection.exclude.map((rule) => (
            <Rule
              key={JSON.stringify(rule)}
              text={selectorInWords(rule, words)}
              onDrop={() => onChange({ ...selection, exclude: selection.exclude.filter((one) => !sameSelector(one, rule)) })}
            />
          ))}
        </Group>
      )}
    </Stack>
  )
}

function Rule({ text, onDrop }: { readonly text: string; onDrop(): void }) {
  return (
    <Button
      size="compact-xs"
      variant="light"
      rightSection={<MinusCircledIcon aria-hidden />}
      onClick={onDrop}
      aria-label={T.dropRule(text)}
    >
      {text}
    </Button>
  )
}
