import { Button, Group, NumberInput, Paper, Select, Stack, Text, Title, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronDownIcon, ChevronRightIcon } from '@radix-ui/react-icons'
import type { UseQueryResult } from '@tanstack/react-query'
import { effectiveSettings } from '../../../../src/core/control/job.ts'
import type { JobSettings, Preview } from '../../api/types.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import type { Draft } from './draft.ts'
import { HealthCheckInput } from './health-check.tsx'
import { LeftOutDisks } from './left-out-disks.tsx'
import { type Field, SettingField } from './setting-field.tsx'

const T = TEXTS.form.advanced
const NONE = 'none'

/** What has a sensible default, folded. */
export function Advanced({
  draft,
  onChange,
  names,
  preview,
}: {
  readonly draft: Draft
  onChange(settings: JobSettings): void
  readonly names: Names
  readonly preview: UseQueryResult<Preview>
}) {
  const { settings } = draft
  const [opened, { toggle }] = useDisclosure(Object.keys(settings).length > 0)
  const set = (part: Partial<JobSettings>) => onChange({ ...settings, ...part })
  const field = (name: Field) => <SettingField key={name} field={name} settings={effectiveSettings(settings)} onChange={set} />
  return (
    <Paper withBorder p="md" component="section" aria-label={T.title}>
      <Title order={2} size="h5">
        <UnstyledButton onClick={toggle} aria-expanded={opened} fz="inherit" fw="inherit">
          <Group gap={6}>
            {opened ? <ChevronDownIcon aria-hidden /> : <ChevronRightIcon aria-hidden />}
            {T.title}
          </Group>
        </UnstyledButton>
      </Title>
      {opened && (
        <Stack gap="sm" mt="sm">
          <Group align="flex-end">
            {field('verify')}
            {field('onBrokenChain')}
          </Group>
          {field('limits')}
          <HealthCheckInput value={effectiveSettings(settings).healthCheck} onChange={(healthCheck) => set({ healthCheck })} />
          <LeftOutDisks
            value={settings.excludeDisks ?? []}
            onChange={(excludeDisks) => set({ excludeDisks: [...excludeDisks] })}
            names={names}
            preview={preview.data}
          />
          <Networks settings={settings} onChange={set} names={names} draft={draft} preview={preview.data} />
          <Group align="flex-end">
            {(['vmsAtOnce', 'disksAtOnce', 'retries', 'timeoutMinutes', 'waitMinutes'] as const).map(field)}
            <NumberInput
              label={T.rpo}
              placeholder={T.rpoHint}
              w={220}
              min={1}
              max={1_000_000}
              allowDecimal={false}
              value={settings.rpoMinutes ?? ''}
              onChange={(value) => set({ rpoMinutes: typeof value === 'number' ? value : null })}
            />
          </Group>
          {(['notify', 'memory', 'allowInsecureNbd'] as const).map(field)}
          <Group>
            <Button size="compact-sm" variant="subtle" onClick={() => onChange({})}>
              {T.defaults}
            </Button>
          </Group>
        </Stack>
      )}
    </Paper>
  )
}

/** Of the chosen VMs' networks, each with those of the target pools to choose from. */
function Networks({
  settings,
  onChange,
  names,
  draft,
  preview,
}: {
  readonly settings: JobSettings
  onChange(part: Partial<JobSettings>): void
  readonly names: Names
  readonly draft: Draft
  readonly preview: Preview | undefined
}) {
  const used = [...new Set((preview?.vms ?? []).flatMap(({ pool, vm }) => names.vm(pool, vm)?.networks ?? []))]
  const networks = settings.networks ?? {}
  const known = names.inventories.flatMap((inventory) => inventory.networks.map((one) => ({ ...one, pool: inventory.pool })))
  const nameOf = (uuid: string) => known.find((one) => one.uuid === uuid)?.name ?? uuid
  const choices = known
    .filter(({ pool }) => draft.targets.some((one) => one.pool === pool))
    .map(({ uuid, name, pool }) => ({ value: uuid, label: `${name} (${names.pool(pool)})` }))
  const rows = [...new Set([...used, ...Object.keys(networks)])]
  if (rows.length === 0) return null
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        {T.networks}
      </Text>
      <Text size="xs" c="dimmed">
        {T.networksHint}
      </Text>
      {rows.map((uuid) => {
        const to = networks[uuid]
        return (
          <Select
            key={uuid}
            label={nameOf(uuid)}
            maw={420}
            placeholder={T.networkAuto}
            clearable
            data={[{ value: NONE, label: T.networkNone }, ...choices]}
            value={to === undefined ? null : (to ?? NONE)}
            onChange={(value) => {
              const { [uuid]: _, ...others } = networks
              onChange({ networks: value === null ? others : { ...others, [uuid]: value === NONE ? null : value } })
            }}
          />
        )
      })}
    </Stack>
  )
}
