import { Group, NumberInput, TagsInput } from '@mantine/core'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.plans

/** When a VM counts as up: checks one after the other, as they are written. */
export function ReadyInput({
  ready,
  timeout,
  onChange,
}: {
  readonly ready: readonly string[]
  readonly timeout: number
  onChange(ready: readonly string[], timeout: number): void
}) {
  return (
    <Group align="flex-start">
      <TagsInput
        label={T.ready}
        description={T.readyHint}
        w={420}
        maw="100%"
        data={['tools', 'address', 'running', 'tcp:443', 'tcp:22', 'tcp:5432']}
        value={[...ready]}
        clearable={false}
        onChange={(value) => onChange(value, timeout)}
      />
      <NumberInput
        label={TEXTS.failover.options.timeout}
        w={160}
        min={1}
        max={86_400}
        allowDecimal={false}
        value={timeout}
        onChange={(value) => typeof value === 'number' && onChange(ready, value)}
      />
    </Group>
  )
}
