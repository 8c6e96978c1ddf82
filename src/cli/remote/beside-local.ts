/** A noun whose name is that of a command to no server as well: what that one does is reached by its first word. */
import type { Command } from '../command.ts'

export function besideLocal(remote: Command, words: readonly string[], load: () => Promise<Command>, note: string): Command {
  const isLocal = (args: readonly string[]) => args[0] !== undefined && words.includes(args[0])
  return {
    summary: remote.summary,
    usage: `${remote.usage.trimEnd()}\n\n${note}`,
    async run(args) {
      return isLocal(args) ? (await load()).run(args) : remote.run(args)
    },
    async usageOf(args) {
      if (!isLocal(args)) return remote.usageOf?.(args)
      const local = await load()
      return (await local.usageOf?.(args)) ?? local.usage
    },
  }
}
