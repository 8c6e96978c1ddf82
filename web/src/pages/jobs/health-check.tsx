/** Test failovers that begin by themselves: how often, and when a VM counts as up. */
import { Checkbox, Group, NumberInput, Select, Stack, Text } from '@mantine/core'
import type { HealthCheck } from '../../api/types.ts'
import { TEXTS } from '../../texts/en.ts'
import { ReadyInput } from '../plans/ready-input.tsx'

const T = TEXTS.form.health
const FIRST: HealthCheck = { every: { kind: 'day' }, ready: ['tools'], readyTimeoutSeconds: 300 }

export function HealthCheckInput({ value, onChange }: { readonly value: HealthCheck | null; onChange(value: HealthCheck | null): void }) {
  return (
    <Stack gap="xs" role="group" aria-label={T.title}>
      <Checkbox
        label={T.title}
        description={T.text}
        checked={value !== null}
        onChange={(event) => onChange(event.currentTarget.checked ? FIRST : null)}
      />
      {value !== null && (
        <>
          <Group align="flex-end">
            <Select
              label={T.every}
              w={260}
              allowDeselect={false}
              data={[
                { value: 'day', label: T.day },
                { value: 'runs', label: T.runs },
              ]}
              value={value.every.kind}
              onChange={(kind) => onChange({ ...value, every: kind === 'runs' ? { kind, count: 10 } : { kind: 'day' } })}
            />
            {value.every.kind === 'runs' && (
              <NumberInput
                label={T.count}
                w={140}
                min={1}
                max={10_000}
                allowDecimal={false}
                value={value.every.count}
                onChange={(count) => typeof count === 'number' && count >= 1 && onChange({ ...value, every: { kind: 'runs', count } })}
              />
            )}
          </Group>
          <ReadyInput
            ready={value.ready}
            timeout={value.readyTimeoutSeconds}
            onChange={(ready, readyTimeoutSeconds) => onChange({ ...value, ready, readyTimeoutSeconds })}
          />
        </>
      )}
    </Stack>
  )
}

export function healthCheckInWords(value: HealthCheck | null): string {
  if (value === null) return T.none
  return T.words(value.every.kind === 'day' ? T.day : T.afterRuns(value.every.count), value.ready.join(', '))
}

export function HealthState({ of }: { readonly of: { readonly ok: boolean; readonly text: string } }) {
  return (
    <Text size="xs" {...(of.ok ? {} : { c: 'red', fw: 700 })}>
      {of.ok ? T.ok : T.notOk(of.text)}
    </Text>
  )
}
