/** What would happen, what would be lost, what it costs: before anything is done. */
import { Alert, List, Stack, Text, Title } from '@mantine/core'
import { ExclamationTriangleIcon } from '@radix-ui/react-icons'
import type { Reason } from '../api/types.ts'
import { TEXTS } from '../texts/en.ts'
import { Told } from './told.tsx'

const T = TEXTS.failover.preview

export interface Previewed {
  readonly title: string
  readonly happens: readonly Reason[]
  readonly lost: readonly Reason[]
  readonly costs: readonly Reason[]
  readonly warnings: readonly Reason[]
}

export function Preview({
  of: { title, happens, lost, costs, warnings },
  untouched,
}: {
  readonly of: Previewed
  readonly untouched: string
}) {
  return (
    <Stack gap="sm" component="section" aria-label={T.label} className="preview">
      <Text fw={600}>
        <Told text={title} />
      </Text>
      <Part title={T.happens} reasons={happens} isOrdered />
      <div>
        <Title order={3} size="h6">
          {T.untouched}
        </Title>
        <Text size="sm">{untouched}</Text>
      </div>
      {lost.length > 0 && (
        <Alert color="red" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={T.lost}>
          <Reasons reasons={lost} />
        </Alert>
      )}
      <Part title={T.costs} reasons={costs} />
      {warnings.length > 0 && (
        <Alert color="yellow" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={T.warnings}>
          <Reasons reasons={warnings} />
        </Alert>
      )}
    </Stack>
  )
}

function Part({
  title,
  reasons,
  isOrdered = false,
}: {
  readonly title: string
  readonly reasons: readonly Reason[]
  readonly isOrdered?: boolean
}) {
  if (reasons.length === 0) return null
  return (
    <div>
      <Title order={3} size="h6">
        {title}
      </Title>
      <Reasons reasons={reasons} isOrdered={isOrdered} />
    </div>
  )
}

export function Reasons({ reasons, isOrdered = false }: { readonly reasons: readonly Reason[]; readonly isOrdered?: boolean }) {
  return (
    <List size="sm" type={isOrdered ? 'ordered' : 'unordered'}>
      {reasons.map(({ code, text, avoid }, nth) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two steps may be told alike
        <List.Item key={`${nth} ${code}`}>
          <Told text={text} />
          {avoid !== undefined && (
            <Text size="xs" c="dimmed">
              <Told text={avoid} />
            </Text>
          )}
        </List.Item>
      ))}
    </List>
  )
}
