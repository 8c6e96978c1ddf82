import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import { NbdError } from './nbd-error.ts'
import { REQUEST_LENGTH } from './protocol.ts'
import { decodeRequest, encodeRequest, encodeSimpleReply, ReplyReader } from './transmission.ts'

const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)

function cookie(number: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(number))
  return bytes
}

test('a request comes out of its bytes as it went in, also beyond 32 bits', () => {
  const bytes = Buffer.alloc(REQUEST_LENGTH)
  for (const [number, offset] of [
    [1, 0],
    [2 ** 32 + 7, 2 ** 40 + 512],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ] as const) {
    encodeRequest(bytes, 0, { flags: 1, command: 6, cookie: number, offset, length: 0xffff_ffff })
    const request = decodeRequest(bytes)
    assert.deepEqual(request, { flags: 1, command: 6, cookie: cookie(number), offset: BigInt(offset), length: 0xffff_ffff })
  }
})

test('a request without the magic number is refused', () => {
  assert.throws(() => decodeRequest(Buffer.alloc(REQUEST_LENGTH)), { code: 'NBD_PROTOCOL' })
})

test('replies reach their targets however the stream is cut, and in whatever order they come', (t) => {
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  for (let round = 0; round < rounds; round++) {
    const replies = Array.from({ length: 1 + random(8) }, (_, index) => ({
      number: index + 1,
      error: random(4) === 0 ? 5 : 0,
      payload: randomBytes(random, random(3000)),
    }))
    const targets = new Map(replies.map(({ number, payload }) => [number, Buffer.alloc(payload.length)]))
    const done: [number, number][] = []
    const reader = new ReplyReader({ target: (number) => targets.get(number), done: (number, error) => done.push([number, error]) })
    const order = replies.map((reply) => ({ reply, key: random(1000) })).sort((a, b) => a.key - b.key)
    const stream = Buffer.concat(
      order.flatMap(({ reply: { number, error, payload } }) => [
        encodeSimpleReply(cookie(number), error),
        error === 0 ? payload : Buffer.alloc(0),
      ]),
    )
    for (let at = 0; at < stream.length; ) {
      if (random(2) === 0) {
        const chunk = stream.subarray(at, at + 1 + random(5000))
        reader.push(chunk)
        at += chunk.length
      } else {
        const space = reader.space()
        assert.ok(space.length > 0)
        const count = Math.min(1 + random(space.length), stream.length - at)
        space.set(stream.subarray(at, at + count))
        reader.filled(count)
        at += count
      }
    }
    assert.ok(reader.between)
    assert.deepEqual(
      done,
      order.map(({ reply }) => [reply.number, reply.error]),
    )
    for (const { number, error, payload } of replies) if (error === 0) assert.deepEqual(targets.get(number), payload)
  }
})

test('whatever bytes come, the reader refuses them with NBD_PROTOCOL or stays within the targets', (t) => {
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  let refused = 0
  for (let round = 0; round < rounds; round++) {
    const guarded = Buffer.alloc(700, 0xaa)
    const target = guarded.subarray(100, 600)
    const open = new Set([1, 2, 3])
    const reader = new ReplyReader({
      target: (number) => (open.has(number) ? target : undefined),
      done: (number) => assert.ok(open.delete(number)),
    })
    const stream = Buffer.concat([1, 2, 3].flatMap((number) => [encodeSimpleReply(cookie(number), 0), Buffer.alloc(500, number)]))
    for (let flip = random(4); flip >= 0; flip--) stream.writeUInt8(random(256), random(2) === 0 ? random(16) : random(stream.length))
    try {
      for (let at = 0; at < stream.length; ) {
        const chunk = stream.subarray(at, at + 1 + random(600))
        reader.push(chunk)
        at += chunk.length
      }
    } catch (error) {
      assert.ok(error instanceof NbdError && error.code === 'NBD_PROTOCOL', String(error))
      refused++
    }
    assert.ok(guarded.subarray(0, 100).every((byte) => byte === 0xaa) && guarded.subarray(600).every((byte) => byte === 0xaa))
  }
  assert.ok(refused > rounds / 10, `${refused} of ${rounds}`)
})

test('a second reply to one request is refused', () => {
  const open = new Set([1])
  const reader = new ReplyReader({ target: (n) => (open.has(n) ? Buffer.alloc(0) : undefined), done: (n) => open.delete(n) })
  reader.push(encodeSimpleReply(cookie(1), 0))
  assert.throws(() => reader.push(encodeSimpleReply(cookie(1), 0)), { code: 'NBD_PROTOCOL' })
})

test('payload is counted, headers and errors are not', () => {
  const reader = new ReplyReader({ target: () => Buffer.alloc(512), done: () => undefined })
  reader.push(encodeSimpleReply(cookie(1), 0))
  reader.push(Buffer.alloc(100))
  assert.equal(reader.payloadBytes, 100)
  reader.push(Buffer.concat([Buffer.alloc(412), encodeSimpleReply(cookie(2), 5)]))
  assert.equal(reader.payloadBytes, 512)
})
