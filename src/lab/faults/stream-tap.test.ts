import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from './fault.ts'
import { StreamCut, type StreamFault, StreamTap, type TappedStream } from './stream-tap.ts'

const seed = Number(process.env.UNDERSTUDY_TEST_SEED ?? Date.now() % 2 ** 31)

function numbers(start: number): (below: number) => number {
  let state = start >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function fault(kind: 'cut' | 'truncate' | 'corrupt', at: number, direction: 'in' | 'out'): StreamFault {
  const common = { match: { at, direction }, count: 1, skip: 0, id: `${kind} ${at}`, passed: 0, fired: 0, armed: true }
  return { ...common, kind, when: 'before', where: 'stream', xor: 255 } as Fault as StreamFault
}

function tapped(faults: readonly StreamFault[]) {
  const done: string[] = []
  const stream: TappedStream = { cut: () => done.push('cut'), end: () => done.push('end'), ended: new Promise(() => {}) }
  const struck: string[] = []
  const tap = new StreamTap(
    { streams: faults, take: (one) => struck.push(one.id) > 0, cleared: () => new Promise(() => {}), act: () => {} },
    stream,
    'export',
    undefined,
  )
  return { tap, done, struck }
}

test('whatever the sizes of pieces, a stream is cut after exactly n bytes, both ways', async (t) => {
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const below = numbers(seed)
  for (let round = 0; round < 300; round += 1) {
    const length = 1 + below(500)
    const at = below(length + 1)
    const wrong = below(length)
    const data = Buffer.from(Array.from({ length }, () => below(256)))
    const expected = Buffer.from(data.subarray(0, at))
    if (wrong < at) expected[wrong] = (expected[wrong] as number) ^ 255
    for (const kind of ['cut', 'truncate'] as const) {
      const out: Buffer[] = []
      const writing = tapped([fault(kind, at, 'out'), fault('corrupt', wrong, 'out')])
      try {
        for (let done = 0; done < length; ) {
          const size = 1 + below(100)
          await writing.tap.write(data.subarray(done, done + size), async (piece) => void out.push(Buffer.from(piece)))
          done += size
        }
      } catch (error) {
        assert.ok(error instanceof StreamCut && kind === 'cut')
      }
      assert.deepEqual(Buffer.concat(out), expected, `round ${round}: ${kind} at ${at} of ${length}`)
      assert.deepEqual(writing.done, [kind === 'cut' ? 'cut' : 'end'])

      const reading = tapped([fault(kind, at, 'in'), fault('corrupt', wrong, 'in')])
      let position = 0
      const take = async (wanted: number) => {
        const piece = data.subarray(position, position + wanted)
        position += piece.length
        return Buffer.from(piece)
      }
      const got: Buffer[] = []
      for (;;) {
        const size = 1 + below(100)
        const piece = await (below(2) === 0 ? reading.tap.read(size, take) : reading.tap.readSome(size, take))
        if (piece.length === 0) break
        got.push(piece)
      }
      assert.deepEqual(Buffer.concat(got), expected, `round ${round}: ${kind} at ${at} of ${length}, read`)
    }
  }
})
