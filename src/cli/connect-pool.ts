/** Connections of a command to the pools that its arguments name. */
import { Failure } from '../core/failure.ts'
import { explainError } from '../replication/explain.ts'
import { connectXapi } from '../xapi/connect.ts'
import type { ExplainedTrust } from '../xapi/explained-trust.ts'
import type { PoolLogin } from '../xapi/pool-url.ts'
import type { Xapi } from '../xapi/xapi.ts'

/** Whom to trust, and how long a login may take: longer than usual where a person is asked about a certificate. */
export interface PoolAccess {
  readonly trust: ExplainedTrust
  readonly loginTimeoutMs?: number
}

export interface Connections {
  /** The pool of this login: one connection for all of the same URL. A login may take `loginTimeoutMs`, else as long as usual. A failure says whose it is: `source pool https://host: …`. */
  open(side: 'source' | 'target', login: PoolLogin, loginTimeoutMs?: number): Promise<Xapi>
}

/** Gives connections to `use`, and logs out of all of them whatever happens. */
export async function withConnections<T>(access: PoolAccess, signal: AbortSignal, use: (pools: Connections) => Promise<T>): Promise<T> {
  const opened = new Map<string, Promise<Xapi>>()
  const connect = async (side: string, login: PoolLogin, limit: { readonly loginTimeoutMs?: number }) => {
    try {
      return await connectXapi({ ...login, ...access, ...limit, signal })
    } catch (error) {
      signal.throwIfAborted()
      const explained = explainError(error)
      if (!(explained instanceof Failure)) throw explained
      throw new Failure(explained.code, `${side} pool ${login.url}: ${explained.message}`, explained.hint, error)
    }
  }
  try {
    return await use({
      open(side, login, loginTimeoutMs) {
        const pool = opened.get(login.url) ?? connect(side, login, loginTimeoutMs === undefined ? {} : { loginTimeoutMs })
        opened.set(login.url, pool)
        return pool
      },
    })
  } finally {
    const all = await Promise.allSettled(opened.values())
    await Promise.all(all.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)))
  }
}
