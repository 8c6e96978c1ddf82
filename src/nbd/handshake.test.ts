import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import {
  decodeExportInfo,
  decodeGreeting,
  decodeOptionHeader,
  decodeOptionReplyHeader,
  encodeExportInfo,
  encodeExportName,
  encodeGreeting,
  encodeOption,
  encodeOptionReply,
} from './handshake.ts'
import { NbdError } from './nbd-error.ts'
import { OPTION, OPTION_REPLY } from './protocol.ts'

const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)

test('greeting, options and replies come out of their bytes as they went in', () => {
  assert.equal(decodeGreeting(encodeGreeting(3)), 3)
  const option = encodeOption(OPTION.exportName, encodeExportName('/disk'))
  assert.deepEqual(decodeOptionHeader(option), { option: OPTION.exportName, length: 5 })
  assert.equal(option.subarray(16).toString(), '/disk')
  const reply = encodeOptionReply(OPTION.starttls, OPTION_REPLY.policy, Buffer.from('no'))
  assert.deepEqual(decodeOptionReplyHeader(reply, OPTION.starttls), { reply: OPTION_REPLY.policy, length: 2 })
  const info = encodeExportInfo({ size: 2 ** 41, flags: 3 }, true)
  assert.equal(info.length, 134)
  assert.deepEqual(decodeExportInfo(info), { size: 2 ** 41, flags: 3 })
})

test('what a client sends first is laid out as the protocol has it', () => {
  assert.equal(encodeGreeting(1).toString('hex'), '4e42444d4147494349484156454f50540001')
  assert.equal(encodeOption(OPTION.starttls).toString('hex'), '49484156454f50540000000500000000')
})

test('servers that are no newstyle NBD servers are told apart', () => {
  const oldstyle = Buffer.alloc(18)
  oldstyle.write('NBDMAGIC')
  oldstyle.writeBigUInt64BE(0x00420281861253n, 8)
  assert.throws(() => decodeGreeting(oldstyle), { code: 'NBD_PROTOCOL', message: /oldstyle/ })
  assert.throws(() => decodeGreeting(Buffer.from('HTTP/1.1 400 Bad R')), { code: 'NBD_PROTOCOL', message: /not an NBD server/ })
})

test('sizes that are no exact numbers, flags that are none, and endless replies are refused', () => {
  const info = Buffer.alloc(10, 0xff)
  assert.throws(() => decodeExportInfo(info), { code: 'NBD_PROTOCOL' })
  assert.throws(() => decodeExportInfo(Buffer.alloc(10)), { code: 'NBD_PROTOCOL', message: /HAS_FLAGS/ })
  const reply = encodeOptionReply(OPTION.starttls, OPTION_REPLY.policy)
  reply.writeUInt32BE(0xffff_ffff, 16)
  assert.throws(() => decodeOptionReplyHeader(reply, OPTION.starttls), { code: 'NBD_PROTOCOL' })
  assert.throws(() => decodeOptionReplyHeader(encodeOptionReply(OPTION.list, OPTION_REPLY.ack), OPTION.starttls), { code: 'NBD_PROTOCOL' })
})

test('a name that the protocol does not allow is refused before it is sent', () => {
  assert.equal(encodeExportName('é'.repeat(2048)).length, 4096)
  assert.throws(() => encodeExportName('é'.repeat(2049)), { code: 'NBD_OUT_OF_RANGE' })
})

test('random bytes are refused with NBD_PROTOCOL or decoded, nothing else', (t) => {
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  const decoders = [decodeGreeting, decodeOptionHeader, (bytes: Buffer) => decodeOptionReplyHeader(bytes, 5), decodeExportInfo]
  const right = [encodeGreeting(1), encodeOption(5), encodeOptionReply(5, 1), encodeExportInfo({ size: 512, flags: 1 }, false)]
  for (let round = 0; round < rounds; round++) {
    for (const [index, decode] of decoders.entries()) {
      const bytes = random(2) === 0 ? randomBytes(random, 20) : Buffer.from(right[index] ?? [])
      if (random(3) > 0) bytes.writeUInt8(random(256), random(bytes.length))
      try {
        decode(bytes)
      } catch (error) {
        assert.ok(error instanceof NbdError && error.code === 'NBD_PROTOCOL', String(error))
      }
    }
  }
})
