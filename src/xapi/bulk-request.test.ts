import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseReplyHead, requestHead } from './bulk-request.ts'
import { errorReplyAt } from './bulk-transfer.ts'

const ref = 'OpaqueRef:01234567-89ab-cdef-0123-456789abcdef'
const address = { host: '2001:db8::1', port: 443, tls: true }

test('the head of the longest request of ours stays below what XAPI reads', () => {
  const query = { vdi: ref, base: ref, format: 'vhd', task_id: ref, chunked: 'true' }
  const head = requestHead({ method: 'PUT', path: '/import_raw_vdi', query, session: ref, contentLength: 2 ** 52 }, address)
  assert.ok(head.length < 700, `${head.length} bytes`)
  assert.match(head, /^PUT \/import_raw_vdi\?vdi=OpaqueRef%3A01234567-[^ ]* HTTP\/1\.1\r\nHost: \[2001:db8::1\]:443\r\n/)
  assert.match(head, /\r\nContent-Length: 4503599627370496\r\n/)
  assert.ok(!/transfer-encoding|expect/i.test(head))
})

test('a head that XAPI would not read is refused before it is sent', () => {
  const head = { method: 'GET', path: '/export_raw_vdi', query: { vdi: 'x'.repeat(1000) }, session: ref } as const
  assert.throws(() => requestHead(head, address), { name: 'XapiConnectionError', reason: 'too-large', unsent: true })
})

test('heads of replies are read, and what is none is not', () => {
  assert.deepEqual(parseReplyHead('HTTP/1.0 302 Found\r\nLocation: https://h/x:y\r\nodd'), {
    status: 302,
    headers: new Map([['location', 'https://h/x:y']]),
  })
  assert.equal(parseReplyHead('HTTP/1.1 200')?.status, 200)
  for (const text of ['', 'HTTP/2 200 OK', 'HTTP/1.1 2000 OK', 'SSH-2.0-x', 'HTTP/1.1 999 OK'])
    assert.equal(parseReplyHead(text), undefined)
})

test('an error reply inside data is found only where a whole status line of one stands', () => {
  const cases: [text: string, at: number][] = [
    ['HTTP/1.1 500 Internal Error\r\n\r\n', 0],
    ['data HTTP/1.1 400 Bad Request\r\n\r\nHTTP/1.1 500 x\r\n', 5],
    ['HTTP/1.1 200 OK\r\n', -1],
    ['HTTP/1.1 500 Internal Error', -1],
    ['HTTP/1. HTTP/1.0 404 Not Found\r\n', 8],
    ['', -1],
  ]
  for (const [text, at] of cases) assert.equal(errorReplyAt(Buffer.from(text)), at, text)
})
