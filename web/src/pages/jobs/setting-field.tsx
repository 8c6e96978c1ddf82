/** One setting of a job or of a schedule. */
import { Checkbox, NumberInput, Select, Textarea } from '@mantine/core'
import type { EffectiveSettings } from '../../../../src/core/control/job.ts'
import { VERIFY_MODES } from '../../../../src/core/report.ts'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.form.advanced

const NUMBERS = {
  vmsAtOnce: [T.vmsAtOnce, 1, 100],
  disksAtOnce: [T.disksAtOnce, 1, 100],
  retries: [T.retries, 0, 20],
  timeoutMinutes: [T.timeout, 1, 100_000],
  waitMinutes: [T.wait, 0, 10_080],
} as const satisfies Partial<Record<keyof EffectiveSettings, readonly [string, number, number]>>

const FLAGS = { notify: T.notify, memory: T.memory, allowInsecureNbd: T.insecure } as const

/** What a schedule may have of its own. */
export const FIELDS = {
  verify: T.verify,
  onBrokenChain: T.broken,
  limits: T.limits,
  ...(Object.fromEntries(Object.entries(NUMBERS).map(([key, [label]]) => [key, label])) as Record<keyof typeof NUMBERS, string>),
  ...FLAGS,
} as const
export type Field = keyof typeof FIELDS

export function SettingField({
  field,
  settings,
  onChange,
}: {
  readonly field: Field
  /** With everything that is in force. */
  readonly settings: EffectiveSettings
  onChange(part: Partial<EffectiveSettings>): void
}) {
  switch (field) {
    case 'verify':
      return (
        <Select
          label={T.verify}
          w={260}
          allowDeselect={false}
          data={VERIFY_MODES.map((value) => ({ value, label: T.verifyModes[value] }))}
          value={settings.verify}
          onChange={(verify) => onChange({ verify: verify as EffectiveSettings['verify'] })}
        />
      )
    case 'onBrokenChain':
      return (
        <Select
          label={T.broken}
          w={340}
          allowDeselect={false}
          data={Object.entries(T.brokenModes).map(([value, label]) => ({ value, label }))}
          value={settings.onBrokenChain}
          onChange={(mode) => onChange({ onBrokenChain: mode as EffectiveSettings['onBrokenChain'] })}
        />
      )
    case 'limits':
      return (
        <Textarea
          label={T.limits}
          description={T.limitsHint}
          w={420}
          maw="100%"
          rows={2}
          value={settings.limits.join('\n')}
          onChange={(event) => {
            const text = event.currentTarget.value
            onChange({ limits: text === '' ? [] : text.split('\n') })
          }}
        />
      )
    case 'notify':
    case 'memory':
    case 'allowInsecureNbd':
      return (
        <Checkbox label={FLAGS[field]} checked={settings[field]} onChange={(event) => onChange({ [field]: event.currentTarget.checked })} />
      )
    default: {
      const [label, min, max] = NUMBERS[field]
      return (
        <NumberInput
          label={label}
          w={220}
          min={min}
          max={max}
          allowDecimal={false}
          value={settings[field]}
          onChange={(value) => typeof value === 'number' && onChange({ [field]: value })}
        />
      )
    }
  }
}
