/** Live events over a real connection: everything that happens reaches who listens, once and in order, until what let them in ends. */
import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type TestApi, testApi } from '../../support/api.ts'
import { fakeProtection, fakeRun, fakeVmRun } from '../../support/fake-control-plane.ts'

interface Heard {
  readonly id: string
  readonly event: string
  readonly data: string
}

interface Listener {
  readonly response: IncomingMessage
  /** The next event; rejects when the stream ends. Heartbeats are counted only. */
  next(): Promise<Heard>
  readonly ended: Promise<void>
  heartbeats(): number
}

async function listen(t: TestContext, api: TestApi, token: string, query = '', lastEventId?: string): Promise<Listener> {
  const { port } = api.app.server.address() as { port: number }
  const headers = { authorization: `Bearer ${token}`, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) }
  const request = get({ host: '127.0.0.1', port, path: `/api/v1/events${query}`, headers, agent: false })
  t.after(() => request.destroy())
  const response = await new Promise<IncomingMessage>((resolve, reject) => request.once('response', resolve).once('error', reject))
  const heard: Heard[] = []
  let wake = () => {}
  let text = ''
  let beats = 0
  let isOver = false
  response.setEncoding('utf8')
  response.on('data', (piece: string) => {
    text += piece
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
      if (lines[0]?.startsWith(':')) beats += 1
      else heard.push({ id: field('id'), event: field('event'), data: field('data') })
    }
    wake()
  })
  const ended = new Promise<void>((resolve) => {
    const over = () => {
      isOver = true
      wake()
      resolve()
    }
    response.once('end', over).once('error', over).once('close', over)
  })
  return {
    response,
    ended,
    heartbeats: () => beats,
    async next() {
      while (heard.length === 0) {
        if (isOver) throw new Error('the stream ended')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return heard.shift() as Heard
    },
  }
}

async function listening(t: TestContext, over: Parameters<typeof testApi>[1] = {}): Promise<TestApi> {
  const api = await testApi(t, over)
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  return api
}

const removed = (id: string) => ({ kind: 'job-removed', id }) as const

test('events come in order, with their kind, and with the headers that keep anybody from holding them back', async (t) => {
  const api = await listening(t)
  const listener = await listen(t, api, await api.token('viewer'))
  assert.equal(listener.response.headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.equal(listener.response.headers['cache-control'], 'no-store')
  assert.equal(listener.response.headers['x-content-type-options'], 'nosniff')
  assert.equal((await listener.next()).event, 'hello')
  for (let n = 0; n < 50; n++) api.plane.tell(removed(`job-${n}`))
  for (let n = 0; n < 50; n++) {
    const { event, data } = await listener.next()
    assert.deepEqual([event, JSON.parse(data)], ['job-removed', removed(`job-${n}`)])
  }
})

test('who comes back with the last id misses nothing; who was away for too long, or since another start, is told to fetch anew', async (t) => {
  const api = await listening(t)
  const token = await api.token('viewer')
  const first = await listen(t, api, token)
  await first.next()
  api.plane.tell(removed('a'))
  const { id } = await first.next()
  first.response.destroy()
  api.plane.tell(removed('b'))
  api.plane.tell(removed('c'))
  const again = await listen(t, api, token, '', id)
  assert.deepEqual(
    [(await again.next()).event, (await again.next()).data, (await again.next()).data],
    ['hello', JSON.stringify(removed('b')), JSON.stringify(removed('c'))],
  )
  for (const unknown of ['other-7', `${id.split('-')[0]}-999`, 'nonsense', `${id.split('-')[0]}--1`]) {
    assert.equal((await (await listen(t, api, token, '', unknown)).next()).event, 'reset', unknown)
  }
  for (let n = 0; n < 6000; n++) api.plane.tell(removed('many'))
  assert.equal((await (await listen(t, api, token, '', id)).next()).event, 'reset')
})

test('a listener hears what it asked for: kinds, a job, a run, a VM, a pool', async (t) => {
  const api = await listening(t)
  const token = await api.token('viewer')
  const job = await api.plane.jobs.create({ name: 'n', enabled: true, selection: { include: [], exclude: [] }, targets: [], settings: {} })
  const run = fakeRun(job)
  const vmRun = fakeVmRun(run)
  const protection = { ...fakeProtection('missed', 'erp'), job: job.id }
  const cases: [query: string, kinds: string[]][] = [
    ['?kind=run&kind=protection', ['run', 'protection']],
    [`?job=${job.id}`, ['run', 'vm-run', 'protection']],
    [`?run=${run.id}`, ['run', 'vm-run']],
    [`?vm=${vmRun.vm.uuid}`, ['vm-run']],
    ['?pool=pool-2&kind=vm-run', ['vm-run']],
    ['?job=other', []],
  ]
  const listeners = []
  for (const [query] of cases) listeners.push(await listen(t, api, token, query))
  api.plane.tell({ kind: 'run', run })
  api.plane.tell({ kind: 'vm-run', vmRun })
  api.plane.tell({ kind: 'protection', protection })
  for (const [index, [query, kinds]] of cases.entries()) {
    const listener: Listener = listeners[index]!
    await listener.next()
    for (const kind of kinds) assert.equal((await listener.next()).event, kind, query)
  }
  // Nothing else came: closing ends them without another event.
  await api.app.close()
  for (const listener of listeners) await assert.rejects(listener.next(), /ended/)
})

test('a stream ends with the token, the session or the user that opened it, at once', async (t) => {
  const api = await listening(t)
  const admin = await api.signIn('administrator')
  const token = await api.token('viewer')
  const other = await api.token('operator')
  const listener = await listen(t, api, token)
  const staying = await listen(t, api, other)
  await Promise.all([listener.next(), staying.next()])
  const { items } = (await api.as(admin, 'GET', '/api/v1/tokens')).json<{ items: { id: string; role: string; userName: string }[] }>()
  const ofViewer = items.find(({ userName }) => userName === 'viewer')!
  await api.as(admin, 'DELETE', `/api/v1/tokens/${ofViewer.id}`)
  await listener.ended
  api.plane.tell(removed('x'))
  assert.equal((await staying.next()).event, 'job-removed')
  const users = (await api.as(admin, 'GET', '/api/v1/users')).json<{ items: { id: string; name: string }[] }>().items
  await api.as(admin, 'PATCH', `/api/v1/users/${users.find(({ name }) => name === 'operator')!.id}`, { disabled: true })
  await staying.ended
})

test('what ended elsewhere is noticed with the next heartbeat', async (t) => {
  const api = await listening(t, { heartbeatMs: 20 })
  const token = await api.token('viewer')
  const listener = await listen(t, api, token)
  await listener.next()
  await api.store.transaction((db) => db.updateTable('users').set({ disabled: 1 }).where('name', '=', 'viewer').execute())
  await listener.ended
  assert.ok(listener.heartbeats() > 0)
})

test('a listener that does not read is dropped, and does not hold up the others', async (t) => {
  const api = await listening(t)
  const token = await api.token('viewer')
  const { port } = api.app.server.address() as { port: number }
  const lazy = connect(port, '127.0.0.1')
  t.after(() => lazy.destroy())
  lazy.pause()
  lazy.write(`GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n\r\n`)
  const reader = await listen(t, api, token)
  await reader.next()
  const dropped = new Promise((resolve) => lazy.once('close', resolve).once('error', resolve))
  const long = 'x'.repeat(50_000)
  let isDropped = false
  void dropped.then(() => {
    isDropped = true
  })
  // As much as the kernel buffers, and the megabyte that we allow; then its connection is gone.
  for (let n = 0; n < 2000 && !isDropped; n++) {
    api.plane.tell(removed(long))
    await reader.next()
    if (n > 200) lazy.resume()
  }
  await dropped
  api.plane.tell(removed('last'))
  for (;;) if ((await reader.next()).data === JSON.stringify(removed('last'))) break
})

test('the end of the server ends the streams, and stops listening to the control plane', async (t) => {
  const api = await listening(t)
  const listener = await listen(t, api, await api.token('viewer'))
  await listener.next()
  assert.ok(api.plane.listeners() > 0)
  await api.app.close()
  await listener.ended
  assert.equal(api.plane.listeners(), 0)
})
