import { Button, Checkbox, Popover, Stack } from '@mantine/core'
import { MixerHorizontalIcon } from '@radix-ui/react-icons'
import { useState } from 'react'
import { TEXTS } from '../texts/en.ts'
import type { Column } from './rows.tsx'

const keyOf = (id: string) => `understudy.columns.${id}`

/** Undefined: nothing was chosen yet. */
function stored(id: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(keyOf(id)) ?? 'null')
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined
  } catch {
    return undefined
  }
}

/** Columns that the user does not want, kept in the browser. Those without a head and the first one always stay. */
export function useColumns<T>(id: string | undefined, columns: readonly Column<T>[]) {
  const spare = columns.filter((column) => column.spare === true).map(({ key }) => key)
  const [hidden, setHidden] = useState(() => (id === undefined ? undefined : stored(id)) ?? spare)
  const optional = columns.filter(({ head }, nth) => nth > 0 && typeof head === 'string' && head !== '')
  const toggle = (key: string) => {
    const next = hidden.includes(key) ? hidden.filter((one) => one !== key) : [...hidden, key]
    setHidden(next)
    try {
      localStorage.setItem(keyOf(id ?? ''), JSON.stringify(next))
    } catch {
      // Storage that is full or forbidden: it holds until the page is left.
    }
  }
  const isHidden = ({ key }: Column<T>) => hidden.includes(key) && optional.some((one) => one.key === key)
  return { shown: columns.filter((column) => !isHidden(column)), optional, isHidden, toggle }
}

export function ColumnChooser<T>({
  of: { optional, isHidden, toggle },
  label,
}: {
  readonly of: ReturnType<typeof useColumns<T>>
  readonly label: string
}) {
  return (
    <Popover position="bottom-end" transitionProps={{ duration: 0 }} withinPortal trapFocus>
      <Popover.Target>
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          leftSection={<MixerHorizontalIcon aria-hidden />}
          aria-label={TEXTS.columnsOf(label)}
        >
          {TEXTS.columns}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={TEXTS.columnsOf(label)}>
        <Stack gap="xs">
          {optional.map((column) => (
            <Checkbox size="xs" key={column.key} label={column.head} checked={!isHidden(column)} onChange={() => toggle(column.key)} />
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
