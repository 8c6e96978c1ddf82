import { Group, Paper, Stack, Title } from '@mantine/core'
import { CheckCircledIcon } from '@radix-ui/react-icons'
import type { ReactNode } from 'react'
import { TEXTS } from '../../texts/en.ts'

/** A step of a procedure: numbered, and marked when it is done. */
export function Step({
  nth,
  title,
  isDone = false,
  children,
}: {
  readonly nth: number
  readonly title: string
  readonly isDone?: boolean
  readonly children: ReactNode
}) {
  return (
    <Paper withBorder p="md" component="section" aria-label={`${nth}. ${title}`}>
      <Stack gap="sm">
        <Group gap="xs">
          <Title order={2} size="h5">
            {nth}. {title}
          </Title>
          {isDone && <CheckCircledIcon aria-label={TEXTS.seeds.done} className="sign-good" />}
        </Group>
        {children}
      </Stack>
    </Paper>
  )
}
