import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedText } from '../../../test/support/damaged-text.ts'
import { randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { readEvents } from './event-stream.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const STREAMS = ['event: run\nid: 7\ndata: {"a":1}\n\n: a comment\n\ndata: x\ndata: y\n\n', 'data: {}\r\n\r\nevent: b\rdata: c\r\r']
const PIECES = ['\n', '\r', '\r\n', '\n\n', 'data:', 'data: ', 'event:', 'id:', ':', '\0', 'é', 'retry: 1\n']

test(`a damaged stream of events gives events of whole lines, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  let seen = 0
  for (let round = 0; round < rounds; round++) {
    const text = damagedText(random, STREAMS, PIECES)
    async function* pieces() {
      for (let at = 0; at < text.length; ) {
        const length = 1 + random(random(2) ? 4 : 60)
        yield text.slice(at, at + length)
        at += length
      }
    }
    for await (const { event, data } of readEvents(pieces())) {
      assert.ok(event.length > 0 && !/[\r\n]/.test(event) && !data.includes('\r'))
      seen++
    }
  }
  assert.ok(seen > rounds / 2, `${seen}`)
})
