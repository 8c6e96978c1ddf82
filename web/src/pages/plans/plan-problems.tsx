import { Alert, Anchor, List } from '@mantine/core'
import { CheckCircledIcon, ExclamationTriangleIcon } from '@radix-ui/react-icons'
import type { PlanCheck } from '../../api/types.ts'
import { errorDocs, ProblemNote } from '../../parts/problem-note.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { TEXTS } from '../../texts/en.ts'

const T = TEXTS.plans

/** Whether a plan could be run as the pools are now. */
export function PlanProblems({ check, error }: { readonly check: PlanCheck | undefined; readonly error: Error | null }) {
  if (error !== null) return <ProblemNote error={error} />
  if (check === undefined) return <Waiting lines={1} />
  if (check.ok) return <Alert color="teal" variant="light" icon={<CheckCircledIcon aria-hidden />} title={T.wouldRun(check.vms.length)} />
  return (
    <Alert color="yellow" variant="light" icon={<ExclamationTriangleIcon aria-hidden />} title={T.wouldFail(check.problems.length)}>
      <List size="sm">
        {check.problems.map(({ group, code, text }) => (
          <List.Item key={`${group} ${code} ${text}`}>
            {group !== null && <b>{group}: </b>}
            {text}{' '}
            <Anchor href={errorDocs(code)} size="xs" underline="always">
              {code}
            </Anchor>
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}
