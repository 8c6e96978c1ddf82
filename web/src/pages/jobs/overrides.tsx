/** Settings that a schedule has instead of its job's. */
import { ActionIcon, Group, Select, Stack, Text } from '@mantine/core'
import { TrashIcon } from '@radix-ui/react-icons'
import { effectiveSettings } from '../../../../src/core/control/job.ts'
import type { JobSettings } from '../../api/types.ts'
import { TEXTS } from '../../texts/en.ts'
import { FIELDS, type Field, SettingField } from './setting-field.tsx'

const T = TEXTS.form.when

export function Overrides({
  nth,
  job,
  settings,
  onChange,
}: {
  readonly nth: number
  /** The job's own. */
  readonly job: JobSettings
  readonly settings: JobSettings
  onChange(settings: JobSettings): void
}) {
  const all = Object.keys(FIELDS) as Field[]
  const own = all.filter((field) => settings[field] !== undefined)
  const others = all.filter((field) => settings[field] === undefined)
  const inForce = effectiveSettings(job, settings)
  return (
    <Stack gap="xs" role="group" aria-label={T.overrides(nth)}>
      {own.map((field) => (
        <Group key={field} align="flex-end" gap="xs">
          <SettingField field={field} settings={inForce} onChange={(part) => onChange({ ...settings, ...part })} />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={T.dropOverride(FIELDS[field])}
            onClick={() => {
              const { [field]: _, ...rest } = settings
              onChange(rest)
            }}
          >
            <TrashIcon />
          </ActionIcon>
        </Group>
      ))}
      {others.length > 0 && (
        <Select
          w={320}
          maw="100%"
          label={T.override(nth)}
          placeholder={T.overrideHint}
          data={others.map((value) => ({ value, label: FIELDS[value] }))}
          value={null}
          onChange={(field) => field !== null && onChange({ ...settings, [field]: inForce[field as Field] })}
        />
      )}
      {own.length === 0 && (
        <Text size="xs" c="dimmed">
          {T.overrideNone}
        </Text>
      )}
    </Stack>
  )
}
