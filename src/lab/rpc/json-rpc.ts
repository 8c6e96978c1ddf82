/** JSON-RPC 1.0 and 2.0 as XAPI speaks them (xen-api ocaml/libs/http-lib or rpclib's Jsonrpc; ocaml/xapi/api_server.ml). */
import type { Value, XapiFailure } from '../pool.ts'
import { asFailure } from '../tasks/tasks.ts'
import type { Dispatcher } from './dispatcher.ts'
import { Malformed } from './malformed.ts'

/** The reply's body. Throws Malformed for what is no call; an RPC failure is a reply like any other. */
export async function answerJson(dispatcher: Pick<Dispatcher, 'dispatch'>, body: string): Promise<string> {
  const { id, version, method, params } = parse(body)
  try {
    const { value } = await dispatcher.dispatch(method, params)
    return success(id, version, value)
  } catch (error) {
    return failure(id, version, asFailure(error))
  }
}

interface Request {
  readonly id: string | number
  readonly version: 1 | 2
  readonly method: string
  readonly params: readonly unknown[]
}

function parse(body: string): Request {
  let call: unknown
  try {
    call = JSON.parse(body)
  } catch {
    throw new Malformed('not JSON')
  }
  if (typeof call !== 'object' || call === null || Array.isArray(call)) throw new Malformed('not a call')
  const { id, jsonrpc, method, params } = call as Record<string, unknown>
  if (typeof id !== 'string' && typeof id !== 'number') throw new Malformed('a call has an id')
  if (typeof method !== 'string') throw new Malformed('a call has a method')
  // Named parameters arrive as one parameter; none at all as an empty list.
  return { id, version: jsonrpc === '2.0' ? 2 : 1, method, params: Array.isArray(params) ? params : params === undefined ? [] : [params] }
}

function success(id: Request['id'], version: 1 | 2, value: Value): string {
  return JSON.stringify(version === 2 ? { jsonrpc: '2.0', result: value, id } : { result: value, error: null, id })
}

function failure(id: Request['id'], version: 1 | 2, { code, params }: XapiFailure): string {
  if (version === 1) return JSON.stringify({ result: null, error: [code, ...params], id })
  return JSON.stringify({ jsonrpc: '2.0', error: { code: 1, message: code, data: params }, id })
}
