/** Held by the type check of the page alone: calls that the API's document does not have don't compile. */
import { get, pageOf, patch, post, remove } from './client.ts'
import type { Run, ServerEvent } from './types.ts'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const hold = <_ extends true>(): void => undefined

export async function whatCompiles(): Promise<void> {
  const run = await post('/runs', { body: { job: '' }, header: { 'idempotency-key': '' } })
  hold<Same<typeof run, Run>>()
  const report = await get('/activities/{id}/report.md', { path: { id: '' } })
  hold<Same<typeof report, string>>()
  const nothing = await remove('/pools/{id}', { path: { id: '' } })
  hold<Same<typeof nothing, undefined>>()
  hold<Same<Extract<ServerEvent, { kind: 'run' }>['run'], Run>>()
  await get('/runs', { query: { state: ['queued'], job: undefined } })
  await pageOf('/audit', { limit: 1 })
}

export async function whatDoesNotCompile(): Promise<void> {
  // @ts-expect-error no such path
  await get('/pool')
  // @ts-expect-error the path has no such method
  await post('/server')
  // @ts-expect-error its parameter is missing
  await get('/pools/{id}')
  // @ts-expect-error the parameter has another name
  await get('/pools/{id}', { path: { uuid: '' } })
  // @ts-expect-error no such parameter of the query
  await get('/runs', { query: { states: ['queued'] } })
  // @ts-expect-error no such state
  await get('/runs', { query: { state: ['waiting'] } })
  // @ts-expect-error a parameter that is needed is missing
  await get('/restore-points', { query: { pool: '', sr: '' } })
  // @ts-expect-error its body is missing
  await post('/users')
  // @ts-expect-error a field of the body is missing
  await post('/users', { body: { name: '', role: 'viewer' } })
  // @ts-expect-error the body has no such field
  await patch('/users/{id}', { path: { id: '' }, body: { rights: 'viewer' } })
  // @ts-expect-error no such role
  await patch('/users/{id}', { path: { id: '' }, body: { role: 'owner' } })
  // @ts-expect-error it takes no body
  await post('/logout', { body: {} })
  // @ts-expect-error it is not answered page by page
  await pageOf('/pools', {})
  const run = await get('/runs/{id}', { path: { id: '' } })
  // @ts-expect-error no such field of the answer
  run.finishedAt satisfies string
}
