import { ActionIcon, Button, Chip, Group, NumberInput, Paper, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { ChevronDownIcon, ChevronRightIcon, PlusIcon, TrashIcon } from '@radix-ui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { post } from '../../api/client.ts'
import type { JobSettings, Retention, Timing } from '../../api/types.ts'
import { toTheMinute } from '../../parts/measures.ts'
import { ProblemNote } from '../../parts/problem-note.tsx'
import { retentionInWords, timingInWords } from '../../parts/timing.ts'
import { TEXTS } from '../../texts/en.ts'
import { type DraftSchedule, newSchedule, timeZone } from './draft.ts'
import { Overrides } from './overrides.tsx'

const T = TEXTS.form.when
const INTERVALS = ['10', '15', '60', '240'] as const
const NIGHTLY = '0 2 * * *'
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly'] as const

type Preset = (typeof INTERVALS)[number] | 'nightly' | 'minutes' | 'cron'
const PRESETS: readonly Preset[] = [...INTERVALS, 'nightly', 'minutes', 'cron']

function presetOf(timing: Timing): Preset {
  if (timing.kind === 'cron') return timing.expression === NIGHTLY ? 'nightly' : 'cron'
  return INTERVALS.find((minutes) => Number(minutes) === timing.minutes) ?? 'minutes'
}

function timingOf(preset: Preset, before: Timing): Timing {
  switch (preset) {
    case 'nightly':
      return { kind: 'cron', expression: NIGHTLY, timeZone: timeZone() }
    case 'cron':
      return before.kind === 'cron'
        ? { ...before, expression: '30 1 * * 1-5' }
        : { kind: 'cron', expression: '30 1 * * 1-5', timeZone: timeZone() }
    case 'minutes':
      return { kind: 'interval', minutes: 30 }
    default:
      return { kind: 'interval', minutes: Number(preset) }
  }
}

/** Schedules: presets or cron, their next times, and how many restore points each keeps. */
export function ChooseTimes({
  schedules,
  job,
  onChange,
}: {
  /** The job's own, which a schedule may outweigh. */
  readonly job: JobSettings
  readonly schedules: readonly DraftSchedule[]
  onChange(schedules: readonly DraftSchedule[]): void
}) {
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="when">
      <Stack gap="md">
        <Title order={2} size="h5" id="when">
          {T.title}
        </Title>
        {schedules.length === 0 && <Text size="sm">{T.presets.hand}</Text>}
        {schedules.map((schedule, nth) => (
          <OneSchedule
            key={schedule.key}
            nth={nth + 1}
            schedule={schedule}
            job={job}
            onChange={(changed) => onChange(schedules.map((one) => (one.key === schedule.key ? changed : one)))}
            onDrop={() => onChange(schedules.filter(({ key }) => key !== schedule.key))}
          />
        ))}
        <Group>
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<PlusIcon aria-hidden />}
            onClick={() => onChange([...schedules, newSchedule({ kind: 'cron', expression: NIGHTLY, timeZone: timeZone() })])}
          >
            {T.another}
          </Button>
        </Group>
      </Stack>
    </Paper>
  )
}

function OneSchedule({
  nth,
  schedule,
  job,
  onChange,
  onDrop,
}: {
  readonly nth: number
  readonly job: JobSettings
  readonly schedule: DraftSchedule
  onChange(schedule: DraftSchedule): void
  onDrop(): void
}) {
  const { timing, retention, name } = schedule
  const preset = presetOf(timing)
  const set = (changed: Timing) => onChange({ ...schedule, timing: changed })
  return (
    <Stack gap="xs">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Chip.Group value={preset} onChange={(value) => set(timingOf(value as Preset, timing))}>
          <Group gap={6} role="radiogroup" aria-label={T.label(nth)}>
            {PRESETS.map((one) => (
              <Chip value={one} key={one} size="xs">
                {T.presets[one]}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
        <ActionIcon variant="subtle" color="gray" aria-label={T.drop(nth)} onClick={onDrop}>
          <TrashIcon />
        </ActionIcon>
      </Group>
      {preset === 'minutes' && timing.kind === 'interval' && (
        <NumberInput
          label={T.minutes}
          w={220}
          min={1}
          max={10_080}
          allowDecimal={false}
          value={timing.minutes}
          onChange={(minutes) => typeof minutes === 'number' && minutes >= 1 && set({ kind: 'interval', minutes })}
        />
      )}
      {preset === 'cron' && timing.kind === 'cron' && (
        <Group align="flex-end">
          <TextInput
            label={T.cron}
            w={320}
            value={timing.expression}
            onChange={(event) => set({ ...timing, expression: event.currentTarget.value })}
          />
          <TextInput
            label={T.timeZone}
            w={200}
            value={timing.timeZone}
            onChange={(event) => set({ ...timing, timeZone: event.currentTarget.value })}
          />
        </Group>
      )}
      <NextTimes timing={timing} />
      <Keep retention={retention} onChange={(changed) => onChange({ ...schedule, retention: changed })} />
      <TextInput
        label={T.name}
        w={320}
        placeholder={timingInWords(timing)}
        value={name}
        onChange={(event) => onChange({ ...schedule, name: event.currentTarget.value })}
      />
      <OwnSettings nth={nth} schedule={schedule} job={job} onChange={onChange} />
    </Stack>
  )
}

function OwnSettings({
  nth,
  schedule,
  job,
  onChange,
}: {
  readonly nth: number
  readonly schedule: DraftSchedule
  readonly job: JobSettings
  onChange(schedule: DraftSchedule): void
}) {
  const [opened, { toggle }] = useDisclosure(Object.keys(schedule.settings).length > 0)
  return (
    <>
      <UnstyledButton onClick={toggle} aria-expanded={opened} fz="sm">
        <Group gap={4}>
          {opened ? <ChevronDownIcon aria-hidden /> : <ChevronRightIcon aria-hidden />}
          {T.overrides(nth)}
        </Group>
      </UnstyledButton>
      {opened && (
        <Overrides nth={nth} job={job} settings={schedule.settings} onChange={(settings) => onChange({ ...schedule, settings })} />
      )}
    </>
  )
}

function NextTimes({ timing }: { readonly timing: Timing }) {
  const [settled] = useDebouncedValue(timing, 250)
  const next = useQuery({
    queryKey: ['next-ticks', settled],
    queryFn: () => post('/jobs/next-ticks', { body: { timing: settled, count: 5 } }),
    retry: false,
    staleTime: 10_000,
  })
  if (next.error !== null) return <ProblemNote error={next.error} />
  return (
    <Text size="xs" c="dimmed" className="figures">
      {T.next}: {next.data?.ticks.map(toTheMinute).join(' · ') ?? '…'}
    </Text>
  )
}

const MOST = 120

function Keep({ retention, onChange }: { readonly retention: Retention; onChange(retention: Retention): void }) {
  const [opened, { toggle }] = useDisclosure(PERIODS.some((period) => (retention[period] ?? 0) > 0))
  const squares = [
    ...Array.from({ length: retention.last }, () => 'last'),
    ...PERIODS.flatMap((period) => Array.from({ length: retention[period] ?? 0 }, () => period)),
  ].slice(0, MOST)
  return (
    <Stack gap={6}>
      <NumberInput
        label={T.keep}
        w={220}
        min={1}
        max={10_000}
        allowDecimal={false}
        value={retention.last}
        onChange={(last) => typeof last === 'number' && last >= 1 && onChange({ ...retention, last })}
      />
      <div className="keeps" role="img" aria-label={T.picture(retentionInWords(retention))}>
        {squares.map((period, nth) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: they have no other name
          <i key={nth} data-period={period} />
        ))}
      </div>
      <UnstyledButton onClick={toggle} aria-expanded={opened} fz="sm">
        <Group gap={4}>
          {opened ? <ChevronDownIcon aria-hidden /> : <ChevronRightIcon aria-hidden />}
          {T.keepMore}
        </Group>
      </UnstyledButton>
      {opened && (
        <Group gap="xs">
          {PERIODS.map((period) => (
            <NumberInput
              key={period}
              label={T[period]}
              w={100}
              min={0}
              max={10_000}
              allowDecimal={false}
              value={retention[period] ?? 0}
              onChange={(count) => typeof count === 'number' && onChange({ ...retention, [period]: count })}
            />
          ))}
        </Group>
      )}
    </Stack>
  )
}
