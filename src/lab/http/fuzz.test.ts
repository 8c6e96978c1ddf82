import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedText } from '../../../test/support/damaged-text.ts'
import { randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { parseHead } from './request.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)

const HEADS = [
  'POST /jsonrpc HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nConnection: close',
  'PUT /import_raw_vdi?session_id=OpaqueRef%3A1&vdi=OpaqueRef:2&format=raw&chunked=true HTTP/1.1\r\nAuthorization: Basic cm9vdDp4\r\nCookie: session_id=a; task_id=b',
  'GET https://127.0.0.1/export?uuid=x HTTP/1.0\nCookie: a=b&c=d\nConnection: keep-alive',
]
const PIECES = [
  '\r\n',
  '\n',
  ':',
  ' ',
  '?',
  '&',
  '=',
  '%',
  '%zz',
  '%41',
  'HTTP/',
  'content-length: 99999999999999999\r\n',
  'content-length: -1\r\n',
  '\0',
  'é',
  '__proto__: x\r\n',
  'http://',
]

test(`damaged heads of requests are read or no HTTP, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed)
  let read = 0
  for (let round = 0; round < rounds; round++) {
    const text = damagedText(random, HEADS, PIECES)
    const head = parseHead(text)
    if (head === undefined) continue
    read++
    assert.ok(head.method.length > 0 && head.path.length > 0)
    assert.ok(head.contentLength === undefined || (Number.isSafeInteger(head.contentLength) && head.contentLength >= 0))
    for (const [name, value] of head.headers) assert.ok(name === name.toLowerCase() && value === value.trim() && !value.includes('\n'))
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  if (rounds >= 300) assert.ok(read > rounds / 10 && read < rounds, `${read}`)
})
