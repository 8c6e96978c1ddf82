import { TextInput } from '@mantine/core'
import { TEXTS } from '../texts/en.ts'

/** Grave things are slow on purpose: the name has to be typed. */
export function ConfirmName({ name, typed, onType }: { readonly name: string; readonly typed: string; onType(typed: string): void }) {
  return (
    <TextInput
      label={TEXTS.failover.confirm(name)}
      autoComplete="off"
      spellCheck={false}
      maw={420}
      value={typed}
      onChange={(event) => onType(event.currentTarget.value)}
    />
  )
}
