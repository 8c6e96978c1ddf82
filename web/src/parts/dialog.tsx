import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { TEXTS } from '../texts/en.ts'
import { ProblemNote } from './problem-note.tsx'

/** A dialog. Scrolling is not locked: that takes a style element, which the page's policy refuses. */
export function Dialog({
  title,
  opened,
  onClose,
  children,
  size = 'md',
}: {
  readonly title: string
  readonly opened: boolean
  onClose(): void
  readonly children: ReactNode
  readonly size?: 'sm' | 'md' | 'lg'
}) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      size={size}
      lockScroll={false}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': TEXTS.actions.close }}
    >
      {children}
    </Modal>
  )
}

/** Says beforehand what will happen. */
export function Confirm({
  title,
  text,
  go,
  grave = false,
  opened,
  onClose,
  act,
  children,
}: {
  readonly title: string
  readonly text: string
  readonly go: string
  readonly grave?: boolean
  readonly opened: boolean
  onClose(): void
  act(): Promise<unknown>
  /** More of what will happen. */
  readonly children?: ReactNode
}) {
  const doing = useMutation({ mutationFn: act, onSuccess: onClose })
  return (
    <Dialog title={title} opened={opened} onClose={onClose}>
      <Stack>
        <Text size="sm">{text}</Text>
        {children}
        <ProblemNote error={doing.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {TEXTS.actions.close}
          </Button>
          <Button {...(grave ? { color: 'red' } : {})} loading={doing.isPending} onClick={() => doing.mutate()}>
            {go}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  )
}
