/** Requests to the server's API, as its document describes them. What goes wrong is an `ApiProblem`, which has a code, a sentence and what to do. */
import type { Problem } from './openapi.generated.ts'
import {
  type Answer,
  type Item,
  type Method,
  type OptionsOf,
  type Page,
  type PagedPath,
  type PathOf,
  PREFIX,
  type Query,
} from './operations.ts'

/** RFC 9457, as the server answers; what does not come from the server has less of it. */
export type ShownProblem = Pick<Problem, 'status' | 'code' | 'title'> & Partial<Problem>

export class ApiProblem extends Error {
  readonly problem: ShownProblem
  constructor(problem: ShownProblem) {
    super(problem.detail ?? problem.title)
    this.name = 'ApiProblem'
    this.problem = problem
  }
}

const UNREACHABLE: ShownProblem = {
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

type Value = string | number | boolean
/** What all operations take, whichever it is. */
interface AnyOptions {
  readonly path?: Readonly<Record<string, Value>>
  readonly query?: Readonly<Record<string, Value | readonly Value[] | undefined>>
  readonly header?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** The template of a path with its parameters in place. */
function addressOf(template: string, { path = {}, query = {} }: AnyOptions): string {
  const filled = template.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])))
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one))
  }
  const text = parameters.toString()
  return `${PREFIX}${filled}${text === '' ? '' : `?${text}`}`
}

async function send(method: Method, template: string, options: AnyOptions = {}): Promise<unknown> {
  const { body, signal } = options
  const headers: Record<string, string> = { accept: 'application/json, application/problem+json, text/*', ...options.header }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (method !== 'get' && csrf !== undefined) headers['x-csrf-token'] = csrf
  let response: Response
  try {
    response = await fetch(addressOf(template, options), {
      method: method.toUpperCase(),
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
  if (response.ok && response.headers.get('content-type')?.startsWith('text/')) return text
  const value = text === '' ? undefined : parse(text)
  if (response.ok) return value
  throw new ApiProblem({
    ...UNREACHABLE,
    title: `the server answered ${response.status}`,
    ...(value as Partial<Problem>),
    status: response.status,
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Call<M extends Method> = <Path extends PathOf<M>>(path: Path, ...options: OptionsOf<M, Path>) => Promise<Answer<M, Path>>

/** A call names an operation by its method and the template of its path; the compiler knows what it takes and answers. */
const callOf =
  <M extends Method>(method: M): Call<M> =>
  (path, ...[options]) =>
    send(method, path, options) as never

export const get = callOf('get')
export const post = callOf('post')
export const put = callOf('put')
export const patch = callOf('patch')
export const remove = callOf('delete')

/** One page of a list, whichever list it is. */
export const pageOf = <Path extends PagedPath>(path: Path, query: Query<Path>): Promise<Page<Item<Path>>> =>
  send('get', path, { query } as AnyOptions) as Promise<Page<Item<Path>>>
