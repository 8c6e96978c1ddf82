import { Agent, request } from 'node:https'

/** A failure that the server answered. */
export class RpcFailure extends Error {
  readonly code: string
  readonly params: readonly string[]
  constructor(code: string, params: readonly string[]) {
    super(`${code}(${params.join(', ')})`)
    this.code = code
    this.params = params
  }
}

export interface JsonRpc {
  /** Calls without a session. */
  bare<T = unknown>(method: string, ...params: unknown[]): Promise<T>
  /** Calls with the session of `login`. */
  call<T = unknown>(method: string, ...params: unknown[]): Promise<T>
  login(): Promise<string>
  close(): void
}

/** The plainest client of a pool: JSON-RPC 2.0, certificate checked against `ca`, user root. */
export function jsonRpc(url: string, ca: string, password = 'secret'): JsonRpc {
  const agent = new Agent({ keepAlive: true, ca })
  let session = ''
  const bare = <T>(method: string, ...params: unknown[]): Promise<T> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const sent = request(`${url}/jsonrpc`, { method: 'POST', agent, headers: { 'content-length': Buffer.byteLength(body) } }, (reply) => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('error', reject)
        reply.on('end', () => {
          try {
            const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { result: T; error?: { message: string; data: string[] } }
            if (answer.error) reject(new RpcFailure(answer.error.message, answer.error.data))
            else resolve(answer.result)
          } catch (error) {
            reject(error)
          }
        })
      })
      sent.on('error', reject)
      sent.end(body)
    })
  return {
    bare,
    call: (method, ...params) => bare(method, session, ...params),
    async login() {
      session = await bare<string>('session.login_with_password', 'root', password)
      return session
    },
    close: () => agent.destroy(),
  }
}
