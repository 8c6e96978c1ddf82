import { Select } from '@mantine/core'
import { TEXTS } from '../texts/en.ts'

const HOURS = { day: 24, week: 168, month: 720 } as const
export type Period = keyof typeof HOURS

export const periodOf = (text: string | null): Period | null => (text !== null && text in HOURS ? (text as Period) : null)

/** Since when, for a filter of the API; to the minute, so that what is asked for twice is the same. */
export function sinceOf(period: Period): string {
  const minute = 60_000
  return new Date(Math.floor(Date.now() / minute) * minute - HOURS[period] * 60 * minute).toISOString()
}

/** How far back a list goes. */
export function PeriodSelect({ value, onChange }: { readonly value: Period | null; onChange(period: Period | null): void }) {
  return (
    <Select
      aria-label={TEXTS.period.label}
      placeholder={TEXTS.period.any}
      clearable
      w={170}
      data={Object.entries(TEXTS.period.of).map(([key, label]) => ({ value: key, label }))}
      value={value}
      onChange={(chosen) => onChange(periodOf(chosen))}
    />
  )
}
