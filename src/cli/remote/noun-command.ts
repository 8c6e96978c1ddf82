/** Makes a command of a noun: finds the action, reads its arguments, runs it. */
import { type Command, stopSignal, UsageError } from '../command.ts'
import type { Action, Noun } from './action.ts'
import { openContext } from './context.ts'
import { parseGiven } from './given.ts'
import { actionUsage, nounUsage } from './usage.ts'

/** @param others words that are told of as well where an action is missing: another command takes them */
export function nounCommand(noun: Noun, others: readonly string[] = []): Command {
  const names = [...Object.keys(noun.actions), ...others].join(', ')
  return {
    summary: noun.summary,
    usage: nounUsage(noun),
    async usageOf([name]) {
      const action = actionOf(noun, name)
      return action === undefined ? undefined : actionUsage(noun.name, name as string, action)
    },
    async run([name, ...args]) {
      if (name === undefined) throw new UsageError(`which action? ${names}`)
      const action = actionOf(noun, name)
      if (action === undefined) throw new UsageError(`unknown action '${name}': ${names}`)
      return await runAction(action, args)
    },
  }
}

/** A command that is one action. */
export function actionCommand(name: string, action: Action): Command {
  return { summary: action.summary, usage: actionUsage(name, '', action), run: (args) => runAction(action, args) }
}

async function runAction(action: Action, args: readonly string[]): Promise<number> {
  const given = parseGiven(action, args)
  const context = openContext(given, stopSignal())
  try {
    return await action.run(context, given)
  } finally {
    context.close()
  }
}

function actionOf(noun: Noun, name: string | undefined): Action | undefined {
  return name !== undefined && Object.hasOwn(noun.actions, name) ? noun.actions[name] : undefined
}
