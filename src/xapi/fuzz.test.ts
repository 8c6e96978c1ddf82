import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedText } from '../../test/support/damaged-text.ts'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { parseReplyHead } from './bulk-request.ts'
import { errorReplyAt } from './bulk-transfer.ts'
import { XapiConnectionError, XapiError } from './errors.ts'
import { decodeReply } from './json-rpc.ts'
import { decodeTaskResult } from './task-result.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)

const RESULTS = [
  '<value>OpaqueRef:1</value>',
  '<value><string>a &lt;b&gt; &#x1F600;</string></value>',
  '<value><array><data><value>a</value><value/><value><int>1</int></value></data></array></value>',
]
const PIECES = [
  '<value>',
  '</value>',
  '<value/>',
  '<array><data>',
  '</data></array>',
  '&#xffffffff;',
  '&#99999999999;',
  '&amp;',
  '<',
  '&',
  '<struct>',
]

test(`damaged task results give values or TypeError, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed)
  let read = 0
  for (let round = 0; round < rounds; round++) {
    const text = damagedText(random, RESULTS, PIECES)
    try {
      const value = decodeTaskResult(text)
      assert.ok(value === undefined || typeof value === 'string' || value.every((item) => typeof item === 'string'))
      read++
    } catch (error) {
      if (!(error instanceof TypeError)) throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  if (rounds >= 300) assert.ok(read > rounds / 100, `${read}`)
})

const HEADS = [
  'HTTP/1.1 200 OK\r\ntask-id: OpaqueRef:1\r\nConnection: close',
  'HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/x?a=b\r\nContent-Length: 0',
]
const HEAD_PIECES = ['\r\n', ':', 'HTTP/1.1 ', '404 ', ' ', '\n', '\0', 'content-length: -1\r\n', '\r\n\r\n', 'é']

test(`damaged heads of replies are read or not HTTP, and a second reply is found wherever it begins (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed + 1)
  for (let round = 0; round < rounds; round++) {
    const text = damagedText(random, HEADS, HEAD_PIECES)
    const head = parseReplyHead(text)
    if (head !== undefined) {
      assert.ok(head.status >= 100 && head.status < 600)
      for (const [name, value] of head.headers) assert.ok(name === name.toLowerCase().trim() && value === value.trim())
    }
    // The stream before it holds no whole status line of its own.
    const before = Buffer.from(text.replaceAll('HTTP/1.', 'HTTP/2.'), 'latin1')
    const place = errorReplyAt(Buffer.concat([before, Buffer.from('HTTP/1.1 500 Internal Error\r\n\r\n')]))
    assert.equal(place, before.length)
    assert.ok(errorReplyAt(before) < 0)
  }
})

/** Within a long text most damage is harmless: so that every outcome is met. */
const LONG = 'words of an administrator '.repeat(20)
const REPLIES = [
  '{"jsonrpc":"2.0","id":7,"result":{"OpaqueRef:1":{"uuid":"a","other_config":{"k":"v"},"VBDs":["OpaqueRef:2"],"n":5}}}',
  '{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"HANDLE_INVALID","data":["VDI","OpaqueRef:1"]}}',
  '{"result":null,"error":["HOST_IS_SLAVE","10.0.0.1"]}',
  `{"jsonrpc":"2.0","id":7,"result":{"OpaqueRef:1":{"uuid":"a","name_description":"${LONG}"}}}`,
  `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"INTERNAL_ERROR","data":["${LONG}"]}}`,
]
const REPLY_PIECES = ['{', '}', '[', ']', '"', ',', 'null', '"error":', '"result":', '"__proto__":', '1e999', '-', '\\u0000', '<html>']

test(`damaged replies give values, XapiError or not-xapi, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed + 2)
  const outcomes = { values: 0, errors: 0, foreign: 0 }
  const address = { host: '127.0.0.1', port: 443, tls: true }
  for (let round = 0; round < rounds; round++) {
    const text = damagedText(random, REPLIES, REPLY_PIECES)
    try {
      const value = decodeReply({ status: 200, text }, 'VM.get_all_records', address)
      assert.ok(value !== undefined && value !== null)
      outcomes.values++
    } catch (error) {
      if (error instanceof XapiError) {
        assert.ok(typeof error.code === 'string' && error.params.every((param) => typeof param === 'string'))
        outcomes.errors++
      } else if (error instanceof XapiConnectionError && error.reason === 'not-xapi') outcomes.foreign++
      else throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error })
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  if (rounds >= 300)
    assert.ok(
      Object.values(outcomes).every((count) => count > rounds / 50),
      JSON.stringify(outcomes),
    )
})
