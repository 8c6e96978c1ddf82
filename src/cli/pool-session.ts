/** The frame of a command that works on pools: connections, what is shown meanwhile, and how it ends. */
import { explainError } from '../replication/explain.ts'
import { stopSignal } from './command.ts'
import { type Connections, withConnections } from './connect-pool.ts'
import { trustArgument } from './pool-arguments.ts'
import { statusLine } from './status-line.ts'

export interface PoolSession extends Connections {
  readonly signal: AbortSignal
  readonly json: boolean
  /** The line that is overwritten as things go on. */
  show(text: string): void
  /** Takes that line away, before anything else is written. */
  clear(): void
  /** A line that stays, on standard error. */
  log(message: string): void
  /** What standard output gets: `value` as JSON, or the text. */
  print(value: unknown, text: () => string): void
}

/** Logs out whatever happens. What fails is told once, as JSON too when that is wanted. */
export async function inPoolSession(
  { trust, json }: { readonly trust: readonly string[]; readonly json: boolean },
  use: (session: PoolSession) => Promise<number>,
): Promise<number> {
  const signal = stopSignal()
  const status = statusLine(process.stderr)
  const access = trustArgument(trust, signal, { beforeAsking: status.clear })
  try {
    const code = await withConnections(access, signal, (pools) =>
      use({
        signal,
        json,
        open: pools.open,
        show: status.show,
        clear: status.clear,
        log(message) {
          status.clear()
          process.stderr.write(`${message}\n`)
        },
        print(value, text) {
          status.clear()
          process.stdout.write(json ? `${JSON.stringify(value)}\n` : text())
        },
      }),
    )
    status.clear()
    return code
  } catch (error) {
    status.clear()
    throw explainError(error)
  }
}
