/** What the commands that seed share: progress by disk, one result. */
import type { Connections } from './connect-pool.ts'
import { inPoolSession } from './pool-session.ts'
import { formatBytes } from './sizes.ts'

/** Block data in memory at once. */
export const SEED_MEMORY = 32 * 1024 * 1024

export interface SeedSession extends Connections {
  readonly signal: AbortSignal
  progress(what: string, userdevice: string, done: number, expected: number): void
  log(message: string): void
}

/** Runs, and prints what `use` gives as text or JSON. */
export async function inSeedSession<T>(
  access: { readonly trust: readonly string[]; readonly json: boolean },
  use: (session: SeedSession) => Promise<T>,
  format: (result: T) => string,
): Promise<number> {
  return inPoolSession(access, async (session) => {
    const result = await use({
      signal: session.signal,
      open: session.open,
      log: session.log,
      progress(what, userdevice, done, expected) {
        const share = expected > 0 ? `, ${Math.floor((100 * done) / expected)} %` : ''
        session.show(`disk ${userdevice}: ${what} ${formatBytes(done)} of ${formatBytes(expected)}${share}`)
      },
    })
    session.print(result, () => format(result))
    return 0
  })
}
