import { ActionIcon, Code, CopyButton, Group, Tooltip } from '@mantine/core'
import { CheckIcon, CopyIcon } from '@radix-ui/react-icons'
import { TEXTS } from '../texts/en.ts'

/** A shortened id beside a button that copies the whole of it. */
export function CopyId({ id, of }: { readonly id: string; readonly of: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={id}>
        <Code>{id.slice(0, 8)}…</Code>
      </Tooltip>
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <ActionIcon size="sm" variant="subtle" color={copied ? 'teal' : 'gray'} onClick={copy} aria-label={TEXTS.copyId(of)}>
            {copied ? <CheckIcon width={14} height={14} /> : <CopyIcon width={14} height={14} />}
          </ActionIcon>
        )}
      </CopyButton>
    </Group>
  )
}
