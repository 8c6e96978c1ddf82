/** What the commands that seed share: connections, progress on the terminal, how they end. */

import { Failure } from '../core/failure.ts'
import { explainError } from '../replication/explain.ts'
import { stopSignal } from './command.ts'
import { type Connections, withConnections } from './connect-pool.ts'
import { trustArgument } from './pool-arguments.ts'
import { formatBytes } from './sizes.ts'
import { statusLine } from './status-line.ts'
import { failed } from './told-failure.ts'

/** Block data in memory at once. */
export const SEED_MEMORY = 32 * 1024 * 1024

export interface SeedSession extends Connections {
  readonly signal: AbortSignal
  progress(what: string, userdevice: string, done: number, expected: number): void
  log(message: string): void
}

/** Runs, prints what `use` gives as text or JSON, and tells a failure as JSON too when that is wanted. */
export async function inSeedSession<T>(
  { trust, json }: { readonly trust: readonly string[]; readonly json: boolean },
  use: (session: SeedSession) => Promise<T>,
  format: (result: T) => string,
): Promise<number> {
  const signal = stopSignal()
  const status = statusLine(process.stderr)
  const access = trustArgument(trust, signal, { beforeAsking: status.clear })
  try {
    const result = await withConnections(access, signal, (pools) =>
      use({
        signal,
        open: pools.open,
        progress(what, userdevice, done, expected) {
          const share = expected > 0 ? `, ${Math.floor((100 * done) / expected)} %` : ''
          status.show(`disk ${userdevice}: ${what} ${formatBytes(done)} of ${formatBytes(expected)}${share}`)
        },
        log(message) {
          status.clear()
          process.stderr.write(`${message}\n`)
        },
      }),
    )
    status.clear()
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : format(result))
    return 0
  } catch (error) {
    status.clear()
    const explained = explainError(error)
    if (json && explained instanceof Failure) process.stdout.write(`${JSON.stringify(failed(explained))}\n`)
    throw explained
  }
}
