import { Paper, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** Nothing is here: what to do next in one sentence, with one button. */
export function Empty({ text, children }: { readonly text: string; readonly children?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="sm">
        <Text ta="center">{text}</Text>
        {children}
      </Stack>
    </Paper>
  )
}
