import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { type ControlServer, startControlServer } from './control-server.ts'
import { ControlError } from './request-fields.ts'

let server: ControlServer
before(async () => {
  server = await startControlServer(
    {
      'GET /': { what: '', answer: () => ({ here: true }) },
      'POST /sum': {
        what: '',
        answer: ({ fields, report }) => {
          const sum = fields.integer('a', { least: 0, most: 10 }) + fields.object('more').integer('b', { least: 0, most: 8, multiple: 4 })
          fields.done()
          report({ progress: 0.5 })
          return { sum }
        },
      },
      'POST /fail': {
        what: '',
        answer: ({ report }) => {
          report({ progress: 0.1 })
          throw new ControlError(409, 'not now')
        },
      },
    },
    0,
  )
})
after(() => server.close())

interface Sent {
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

function ask(path: string, { method = 'POST', body, headers = {} }: Sent = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}${path}`, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode as number, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const error = ({ text }: { text: string }) => (JSON.parse(text) as { error: string }).error

test('requests are answered with JSON, whatever content type they claim', async () => {
  assert.deepEqual(await ask('/', { method: 'GET' }), { status: 200, text: '{"here":true}\n' })
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.deepEqual(await ask('/sum', { body: '{"a": 1, "more": {"b": 4}}', headers: urlencoded }), { status: 200, text: '{"sum":5}\n' })
})

test('what is wrong with a request is said, with the name of the field', async () => {
  for (const [body, message] of [
    ['{"a": 1', /not JSON/],
    ['[1]', /needs a JSON object/],
    ['{"more": {"b": 4}}', /^a is missing$/],
    ['{"a": 11, "more": {"b": 4}}', /^a needs to be a whole number from 0 to 10$/],
    ['{"a": "1", "more": {"b": 4}}', /^a needs/],
    ['{"a": 1.5, "more": {"b": 4}}', /^a needs/],
    ['{"a": 1, "more": {"b": 3}}', /^more\.b needs to be .* a multiple of 4$/],
    ['{"a": 1, "more": 4}', /^more needs to be an object$/],
    ['{"a": 1, "more": {"b": 4}, "c": 1}', /no field c; known here: a, more/],
    ['', /^a is missing$/],
  ] as const) {
    const answer = await ask('/sum', { body })
    assert.equal(answer.status, 400, body)
    assert.match(error(answer), message)
  }
})

test('unknown paths and wrong methods are told apart', async () => {
  const unknown = await ask('/nothing')
  assert.equal(unknown.status, 404)
  assert.match(error(unknown), /GET \/ lists/)
  const method = await ask('/sum', { method: 'GET' })
  assert.equal(method.status, 405)
  assert.match(error(method), /takes POST/)
})

test('a request above 4 MiB is refused', async () => {
  const answer = await ask('/sum', { body: 'x'.repeat(4 * 1024 * 1024 + 1) })
  assert.equal(answer.status, 413)
})

test('web pages can not reach it, neither across origins nor by rebinding a name', async () => {
  assert.equal((await ask('/', { method: 'GET', headers: { origin: 'http://evil.example' } })).status, 403)
  assert.equal((await ask('/', { method: 'GET', headers: { host: 'evil.example:80' } })).status, 403)
  assert.equal((await ask('/', { method: 'GET', headers: { host: `localhost:${server.port}` } })).status, 200)
})

test('a client that takes lines gets reports first, and the result or the error last', async () => {
  const headers = { accept: 'application/x-ndjson' }
  const done = await ask('/sum', { body: '{"a": 1, "more": {"b": 0}}', headers })
  assert.deepEqual(done, { status: 200, text: '{"progress":0.5}\n{"sum":1}\n' })
  assert.equal((await ask('/fail', { headers })).text, '{"progress":0.1}\n{"error":"not now"}\n')
  assert.deepEqual(await ask('/fail'), { status: 409, text: '{"error":"not now"}\n' })
})
