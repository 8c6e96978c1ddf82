/** Makes a command of a noun: finds the action, reads its arguments, runs it. */
import { type Command, stopSignal, UsageError } from '../command.ts'
import type { Action, Noun } from './action.ts'
import { openContext } from './context.ts'
import { parseGiven } from './given.ts'
import { actionUsage, nounUsage } from './usage.ts'

export function nounCommand(noun: Noun): Command {
  return {
    summary: noun.summary,
    usage: nounUsage(noun),
    async usageOf([name]) {
      const action = actionOf(noun, name)
      return action === undefined ? undefined : actionUsage(noun.name, name as string, action)
    },
    async run([name, ...args]) {
      if (name === undefined) throw new UsageError(`which action? ${Object.keys(noun.actions).join(', ')}`)
      const action = actionOf(noun, name)
      if (action === undefined) throw new UsageError(`unknown action '${name}': ${Object.keys(noun.actions).join(', ')}`)
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
