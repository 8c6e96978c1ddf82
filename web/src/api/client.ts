/** Requests to the server's API. What goes wrong is an `ApiProblem`, which has a code, a sentence and what to do. */

/** RFC 9457, as the server answers. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail?: string
  readonly hint?: string
  readonly errors?: readonly { readonly field: string; readonly message: string }[]
}

export class ApiProblem extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail ?? problem.title)
    this.name = 'ApiProblem'
    this.problem = problem
  }
}

const PREFIX = '/api/v1'
const UNREACHABLE: Problem = {
  status: 0,
  code: 'SERVER_UNREACHABLE',
  title: 'the server does not answer',
  hint: 'it may be restarting: this page tries again by itself',
}

let csrf: string | undefined
/** Goes with each change; /me tells it. */
export function useCsrf(token: string | null): void {
  csrf = token ?? undefined
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface RequestOptions {
  readonly query?: Query
  readonly body?: unknown
  /** The same for attempts at one and the same start. */
  readonly idempotencyKey?: string
  readonly ifMatch?: string
  readonly signal?: AbortSignal
  /** The answer is a text, not JSON. */
  readonly isText?: boolean
}

export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const { query, body, idempotencyKey, ifMatch, signal, isText = false } = options
  const headers: Record<string, string> = { accept: isText ? 'text/*, application/problem+json' : 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (method !== 'GET' && csrf !== undefined) headers['x-csrf-token'] = csrf
  if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
  if (ifMatch !== undefined) headers['if-match'] = ifMatch
  let response: Response
  try {
    response = await fetch(`${PREFIX}${path}${queryOf(query)}`, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw new ApiProblem({ ...UNREACHABLE, detail: (error as Error).message })
  }
  const text = await response.text()
  if (response.ok && isText) return text as T
  const value: unknown = text === '' ? undefined : parse(text)
  if (response.ok) return value as T
  const problem = value as Partial<Problem> | undefined
  throw new ApiProblem({ ...UNREACHABLE, title: `the server answered ${response.status}`, ...problem, status: response.status })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function queryOf(query: Query | undefined): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  request<T>('GET', path, { ...(query === undefined ? {} : { query }), ...(signal === undefined ? {} : { signal }) })
export const post = <T>(path: string, body?: unknown, more: RequestOptions = {}): Promise<T> => request<T>('POST', path, { ...more, body })
export const patch = <T>(path: string, body: unknown, more: RequestOptions = {}): Promise<T> => request<T>('PATCH', path, { ...more, body })
export const remove = <T>(path: string): Promise<T> => request<T>('DELETE', path)
