/** The choices of one kind of failover; what is not changed is what the server does by itself. */
import { Checkbox, Group, NumberInput, Select, Stack, TextInput } from '@mantine/core'
import type { RestorePoint } from '../../api/types.ts'
import { exact } from '../../parts/measures.ts'
import type { Names } from '../../parts/use-names.ts'
import { TEXTS } from '../../texts/en.ts'
import type { Check, Kind, Options } from './options.ts'

const T = TEXTS.failover.options
const OF_POINT: readonly Kind[] = ['clone', 'test-failover', 'failover']
const OF_READY: readonly Kind[] = ['test-failover', 'failover', 'planned-failover', 'failback']
const NETWORKS: Readonly<Record<string, readonly Options['networks'][]>> = {
  clone: ['none', 'isolated', 'replica', 'one'],
  'test-failover': ['isolated', 'none', 'replica', 'one'],
  failover: ['replica', 'none', 'one'],
}

export function FailoverOptions({
  kind,
  pool,
  options,
  points,
  names,
  onChange,
}: {
  readonly kind: Kind
  /** Where the replica is. */
  readonly pool: string
  readonly options: Options
  readonly points: readonly RestorePoint[]
  readonly names: Names
  onChange(part: Partial<Options>): void
}) {
  const hasPoint = OF_POINT.includes(kind)
  const networks = names.inventories.find((one) => one.pool === pool)?.networks ?? []
  return (
    <Stack gap="sm">
      {hasPoint && (
        <Group align="flex-start">
          <Select
            label={T.point}
            w={260}
            allowDeselect={false}
            data={[
              { value: '', label: T.newest },
              ...points.filter(({ complete }) => complete).map(({ uuid, takenAt }) => ({ value: uuid, label: exact(takenAt) })),
            ]}
            value={options.restorePoint ?? ''}
            onChange={(uuid) => onChange({ restorePoint: uuid === '' ? null : uuid })}
          />
          <Select
            label={T.networks}
            w={260}
            allowDeselect={false}
            data={(NETWORKS[kind] ?? []).map((value) => ({ value, label: T.networkChoices[value] }))}
            value={options.networks}
            onChange={(choice) => onChange({ networks: choice as Options['networks'] })}
          />
          {options.networks === 'one' && (
            <Select
              label={T.network}
              w={260}
              searchable
              required
              data={networks.map(({ uuid, name }) => ({ value: uuid, label: name }))}
              value={options.network}
              onChange={(network) => onChange({ network })}
            />
          )}
          {kind !== 'failover' && !options.memory && (
            <Select
              label={T.macs}
              w={260}
              allowDeselect={false}
              data={(['safe', 'new', 'keep'] as const).map((value) => ({ value, label: T.macChoices[value] }))}
              value={options.macs}
              onChange={(macs) => onChange({ macs: macs as Options['macs'] })}
            />
          )}
        </Group>
      )}
      {OF_READY.includes(kind) && <Readiness kind={kind} options={options} onChange={onChange} />}
      {kind === 'failover' && (
        <Checkbox
          label={T.clone}
          description={T.cloneText}
          checked={options.clone}
          onChange={(event) => onChange({ clone: event.currentTarget.checked })}
        />
      )}
      {kind === 'failover' && (
        <Checkbox
          label={T.evenIfSourceRuns}
          description={T.evenIfSourceRunsText}
          checked={options.evenIfSourceRuns}
          onChange={(event) => onChange({ evenIfSourceRuns: event.currentTarget.checked })}
        />
      )}
      {(kind === 'clone' || (kind === 'failover' && options.clone)) && (
        <TextInput
          label={T.name}
          placeholder={T.nameHint}
          maw={420}
          value={options.name}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
        />
      )}
      {kind === 'clone' && (options.memory || pointOf(points, options.restorePoint)?.memory === true) && (
        <Checkbox
          label={T.memory}
          description={T.memoryText}
          checked={options.memory}
          onChange={(event) => onChange({ memory: event.currentTarget.checked })}
        />
      )}
      {kind === 'test-failover' && (
        <Checkbox
          label={T.keep}
          description={T.keepText}
          checked={options.keep}
          onChange={(event) => onChange({ keep: event.currentTarget.checked })}
        />
      )}
      {(kind === 'planned-failover' || kind === 'failback') && (
        <Checkbox
          label={T.hard}
          description={T.hardText}
          checked={options.hard}
          onChange={(event) => onChange({ hard: event.currentTarget.checked })}
        />
      )}
      {kind === 'failback' && (
        <Checkbox
          label={T.protectAgain}
          checked={options.protectAgain}
          onChange={(event) => onChange({ protectAgain: event.currentTarget.checked })}
        />
      )}
    </Stack>
  )
}

function pointOf(points: readonly RestorePoint[], uuid: string | null): RestorePoint | undefined {
  if (uuid !== null) return points.find((point) => point.uuid === uuid)
  return points
    .filter(({ complete }) => complete)
    .reduce<RestorePoint | undefined>(
      (newest, point) => (newest === undefined || point.takenAt > newest.takenAt ? point : newest),
      undefined,
    )
}

function Readiness({
  kind,
  options,
  onChange,
}: {
  readonly kind: Kind
  readonly options: Options
  onChange(part: Partial<Options>): void
}) {
  const checks: readonly Check[] = [...(kind === 'test-failover' ? [] : (['none'] as const)), 'tools', 'address', 'tcp', 'running']
  return (
    <Group align="flex-start">
      <Select
        label={T.ready}
        w={260}
        allowDeselect={false}
        data={checks.map((value) => ({ value, label: T.checks[value] }))}
        value={options.check}
        onChange={(check) => onChange({ check: check as Check })}
      />
      {options.check === 'tcp' && (
        <NumberInput
          label={T.port}
          w={110}
          min={1}
          max={65_535}
          allowDecimal={false}
          value={options.port}
          onChange={(port) => typeof port === 'number' && port >= 1 && onChange({ port })}
        />
      )}
      {options.check !== 'none' && (
        <NumberInput
          label={T.timeout}
          w={140}
          min={1}
          max={86_400}
          allowDecimal={false}
          value={options.timeoutSeconds}
          onChange={(seconds) => typeof seconds === 'number' && seconds >= 1 && onChange({ timeoutSeconds: seconds })}
        />
      )}
    </Group>
  )
}
