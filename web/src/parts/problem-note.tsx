import { Alert, Anchor, Text } from '@mantine/core'
import { ExclamationTriangleIcon } from '@radix-ui/react-icons'
import { ApiProblem } from '../api/client.ts'
import { sentences } from './measures.ts'
import { Told } from './told.tsx'

/** Where the documentation tells of a code. */
export const errorDocs = (code: string): string => `/docs/errors.md#${code}`

/** What happened, what to do, and the code with a link to its page. */
export function ProblemNote({ error, title }: { readonly error: unknown; readonly title?: string }) {
  if (error === null || error === undefined) return null
  const problem = error instanceof ApiProblem ? error.problem : undefined
  const message = error instanceof Error ? error.message : String(error)
  return (
    <Alert
      color="red"
      variant="light"
      icon={<ExclamationTriangleIcon aria-hidden />}
      title={<Told text={sentences(title ?? problem?.title ?? message)} />}
      role="alert"
    >
      {message !== (title ?? problem?.title) && (
        <Text size="sm">
          <Told text={sentences(message)} />
        </Text>
      )}
      {problem?.errors?.map(({ field, message: what }) => (
        <Text size="sm" key={`${field} ${what}`}>
          {field}: {what}
        </Text>
      ))}
      {problem?.hint && <Text size="sm">{sentences(problem.hint)}</Text>}
      {problem && (
        <Text size="xs" c="dimmed">
          <Anchor href={errorDocs(problem.code)} size="xs">
            {problem.code}
          </Anchor>
        </Text>
      )}
    </Alert>
  )
}
