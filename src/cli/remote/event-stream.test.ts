import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEvents, type StreamEvent } from './event-stream.ts'

async function read(pieces: readonly string[]): Promise<StreamEvent[]> {
  async function* stream() {
    yield* pieces
  }
  return await Array.fromAsync(readEvents(stream()))
}

const text = 'retry: 500\n\n: still there\n\nevent: run\r\nid: 7\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:x\n\nevent: lost\ndata: half'

test('events are read wherever the pieces are cut', async () => {
  const expected = [
    { event: 'run', data: '{"a":\n1}', id: '7' },
    { event: 'message', data: 'x', id: '7' },
  ]
  assert.deepEqual(await read([text]), expected)
  assert.deepEqual(await read([...text]), expected)
  for (let cut = 1; cut < text.length; cut++) assert.deepEqual(await read([text.slice(0, cut), text.slice(cut)]), expected, `cut at ${cut}`)
})

test('comments and an event without data are no events', async () => {
  assert.deepEqual(await read([':\n\n', 'event: ping\n\n']), [])
})

test('an event without end is given up before it fills the memory', async () => {
  const piece = `data: ${'x'.repeat(1024 * 1024)}`
  await assert.rejects(read([piece, piece, piece, piece, piece]), /without end/)
})
