/** `understudy failover …`: finds the subcommand. */
import { type Command, UsageError } from './command.ts'

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  test: async () => (await import('./failover/test.ts')).command,
  now: async () => (await import('./failover/now.ts')).command,
  planned: async () => (await import('./failover/planned.ts')).command,
  reprotect: async () => (await import('./failover/reprotect.ts')).command,
  undo: async () => (await import('./failover/undo.ts')).command,
  fence: async () => (await import('./failover/fence.ts')).command,
  status: async () => (await import('./failover/status.ts')).command,
  cleanup: async () => (await import('./failover/cleanup.ts')).command,
}

const summaries: readonly (readonly [name: string, summary: string])[] = [
  ['test', 'start a clone of a restore point where it disturbs nobody, see whether it comes up, remove it'],
  ['now', 'let a replica take over now; its source need not answer'],
  ['planned', 'shut the source down and let its replica take over, without losing a byte'],
  ['reprotect', 'protect a VM that failed over, in the direction back'],
  ['undo', 'give up what a VM that failed over wrote: it is a replica again'],
  ['fence', 'keep the originals of VMs that failed over from being started, once their pool is back'],
  ['status', 'which VMs of a pool have failed over, which tests are there, and what is left over'],
  ['cleanup', 'remove what tests kept, and what clones and failovers left'],
]

export const command: Command = {
  summary: 'test a replica, let it take over, turn protection round, go back',
  usage: `
Usage: understudy failover COMMAND [OPTION...]

${summaries.map(([name, summary]) => `  ${name.padEnd(12)}${summary}`).join('\n')}

'understudy failover COMMAND --help' tells more about one of them; docs/failover.md is the procedure to follow.`,
  async run(args) {
    const [name, ...rest] = args
    const load = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
    if (load === undefined) {
      throw new UsageError(
        name === undefined
          ? 'which failover? test, now, planned, reprotect, undo, fence, status or cleanup'
          : `there is no 'failover ${name}'`,
      )
    }
    const found = await load()
    return found.run(rest)
  },
  async usageOf(args) {
    const [name] = args
    const load = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
    return load === undefined ? undefined : (await load()).usage
  },
}
