import { notifications } from '@mantine/notifications'
import { ApiProblem } from '../api/client.ts'
import { TEXTS } from '../texts/en.ts'

const closeButtonProps = { 'aria-label': TEXTS.actions.close }

export const tellDone = (message: string): void => void notifications.show({ message, color: 'teal', closeButtonProps })

/** What failed somewhere that has no room for it. */
export function tellProblem(error: unknown): void {
  const problem = error instanceof ApiProblem ? error.problem : undefined
  notifications.show({
    title: error instanceof Error ? error.message : String(error),
    message: problem === undefined ? '' : [problem.hint, problem.code].filter(Boolean).join(' · '),
    color: 'red',
    autoClose: 15_000,
    closeButtonProps,
  })
}
