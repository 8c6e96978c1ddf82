import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlockSink, BlockSource, ByteBudget } from './block.ts'
import { createByteBudget } from './budget.ts'
import { type CopyOptions, copyBlocks } from './copy.ts'

const PIECE = 4096

/** Reads `count` pieces and is two ahead of who takes them; `failAt` breaks before that piece. */
function sourceOf(count: number, budget: ByteBudget, failAt = -1, zero: (nth: number) => boolean = () => false) {
  const state = { closed: 0, held: 0 }
  const source: BlockSource = {
    kind: 'test',
    size: count * PIECE,
    expected: count * PIECE,
    bytesRead: 0,
    async *blocks({ signal }) {
      const ready: { nth: number; release: () => void }[] = []
      try {
        for (let nth = 0; nth < count || ready.length > 0; nth++) {
          signal.throwIfAborted()
          if (nth === failAt) throw new Error('the source broke')
          if (nth < count) {
            const release = await budget.take(PIECE, signal)
            state.held++
            const giveBack = () => {
              state.held--
              release()
            }
            ready.push({ nth, release: once(giveBack) })
          }
          if (nth < count && ready.length < 3) continue
          const { nth: which, release } = ready.shift() as (typeof ready)[number]
          yield { offset: which * PIECE, data: Buffer.alloc(PIECE, zero(which) ? 0 : 1 + which), release }
        }
      } finally {
        for (const { release } of ready) release()
      }
    },
    async close() {
      state.closed++
    },
  }
  return { source, state }
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (!done) action()
    done = true
  }
}

/** Notes what happens; breaks at the named step. */
function sinkOf(breaks: { open?: boolean; write?: number; finish?: boolean; abort?: boolean; onWrite?: (nth: number) => void } = {}) {
  const state = { opened: 0, written: [] as number[], passed: [] as string[], finished: 0, aborted: [] as unknown[] }
  const open = async (): Promise<BlockSink> => {
    state.opened++
    if (breaks.open) throw new Error('the sink refused')
    return {
      kind: 'test',
      bytesSent: 0,
      async write(offset, data) {
        if (state.written.length === breaks.write) throw new Error('the sink broke')
        breaks.onWrite?.(state.written.length)
        assert.ok(data.every((byte) => byte !== 0))
        state.written.push(offset / PIECE)
      },
      async pass(offset, length) {
        state.passed.push(`${offset}+${length}`)
      },
      async finish() {
        if (breaks.finish) throw new Error('the sink did not finish')
        state.finished++
      },
      async abort(reason) {
        state.aborted.push(reason)
        if (breaks.abort) throw new Error('the sink did not even give up')
      },
    }
  }
  return { open, state }
}

const options = (budget: ByteBudget, more: Partial<CopyOptions> = {}): CopyOptions => ({
  signal: new AbortController().signal,
  budget,
  ...more,
})

test('everything is copied, the sink finished, the source closed, the memory given back', async () => {
  const budget = createByteBudget(4 * PIECE)
  const { source, state } = sourceOf(10, budget)
  const sink = sinkOf()
  const progress: number[] = []
  const result = await copyBlocks(source, sink.open, options(budget, { onProgress: ({ bytesDone }) => progress.push(bytesDone) }))
  assert.deepEqual(result, { bytesCopied: 10 * PIECE, bytesWritten: 10 * PIECE })
  assert.deepEqual(
    sink.state.written.toSorted((a, b) => a - b),
    Array.from({ length: 10 }, (_, nth) => nth),
  )
  assert.deepEqual([sink.state.opened, sink.state.finished, sink.state.aborted.length], [1, 1, 0])
  assert.deepEqual([state.closed, state.held, budget.used], [1, 0, 0])
  assert.deepEqual(
    progress,
    Array.from({ length: 10 }, (_, nth) => (nth + 1) * PIECE),
  )
})

test('a source without blocks opens no sink', async () => {
  const budget = createByteBudget(PIECE)
  const { source, state } = sourceOf(0, budget)
  const sink = sinkOf()
  assert.deepEqual(await copyBlocks(source, sink.open, options(budget)), { bytesCopied: 0, bytesWritten: 0 })
  assert.deepEqual([sink.state.opened, state.closed], [0, 1])
})

for (const [name, breaks, failAt, message] of [
  ['the source at its first block', {}, 0, 'the source broke'],
  ['the source in the middle', {}, 5, 'the source broke'],
  ['the source at its end', {}, 10, 'the source broke'],
  ['the sink as it is opened', { open: true }, -1, 'the sink refused'],
  ['the first write', { write: 0 }, -1, 'the sink broke'],
  ['a write in the middle', { write: 4 }, -1, 'the sink broke'],
  ['the last write', { write: 9 }, -1, 'the sink broke'],
  ['the finish', { finish: true }, -1, 'the sink did not finish'],
  ['a write, and then giving up', { write: 4, abort: true }, -1, 'the sink broke'],
] as const) {
  test(`G1: when ${name} fails, the sink is aborted, the source closed, the memory given back, the first error thrown`, async () => {
    const budget = createByteBudget(4 * PIECE)
    const { source, state } = sourceOf(10, budget, failAt)
    const sink = sinkOf(breaks)
    await assert.rejects(copyBlocks(source, sink.open, options(budget)), { message })
    const isOpen = sink.state.opened > 0 && !('open' in breaks)
    assert.equal(sink.state.finished, 0)
    assert.deepEqual(
      sink.state.aborted.map((reason) => (reason as Error).message),
      isOpen ? [message] : [],
    )
    assert.deepEqual([state.closed, state.held, budget.used], [1, 0, 0])
  })
}

test('a source that can not even be closed does not hide why the copy failed, but is told of after success', async () => {
  for (const [write, message] of [
    [2, 'the sink broke'],
    [-1, 'no closing'],
  ] as const) {
    const budget = createByteBudget(4 * PIECE)
    const { source } = sourceOf(4, budget)
    source.close = () => Promise.reject(new Error('no closing'))
    await assert.rejects(copyBlocks(source, sinkOf({ write }).open, options(budget)), { message })
    assert.equal(budget.used, 0)
  }
})

for (const at of [0, 3, 9]) {
  test(`G1: cancelled at write ${at}, nothing is finished and the reason is thrown`, async () => {
    const budget = createByteBudget(4 * PIECE)
    const { source, state } = sourceOf(10, budget)
    const stop = new AbortController()
    const reason = new Error('cancelled')
    const sink = sinkOf({ onWrite: (nth) => nth === at && stop.abort(reason) })
    await assert.rejects(copyBlocks(source, sink.open, options(budget, { signal: stop.signal })), reason)
    assert.deepEqual([sink.state.finished, sink.state.aborted.length, sink.state.aborted[0]], [0, 1, reason])
    assert.deepEqual([state.closed, state.held, budget.used], [1, 0, 0])
  })
}

test('G1: cancelled while the source gives a block that takes no notice, nothing more is written', async () => {
  const stop = new AbortController()
  const budget = createByteBudget(4 * PIECE)
  const deaf: BlockSource = {
    ...sourceOf(0, budget).source,
    async *blocks() {
      for (let nth = 0; nth < 5; nth++) {
        if (nth === 2) stop.abort(new Error('cancelled'))
        yield { offset: nth * PIECE, data: Buffer.alloc(PIECE, 1), release: () => {} }
      }
    },
  }
  const sink = sinkOf()
  await assert.rejects(copyBlocks(deaf, sink.open, options(budget, { signal: stop.signal })), { message: 'cancelled' })
  assert.deepEqual([sink.state.written, sink.state.finished, sink.state.aborted.length], [[0, 1], 0, 1])
})

test('callbacks that fail end the copy like anything else', async () => {
  const boom = () => {
    throw new Error('boom')
  }
  for (const more of [{ onProgress: boom }, { onWrite: boom }, { beforeWrite: boom }] as Partial<CopyOptions>[]) {
    const budget = createByteBudget(4 * PIECE)
    const { source, state } = sourceOf(10, budget)
    const sink = sinkOf()
    await assert.rejects(copyBlocks(source, sink.open, options(budget, more)), { message: 'boom' })
    assert.deepEqual([sink.state.finished, state.closed, state.held, budget.used], [0, 1, 0, 0])
  }
})

test('zeroes are left out only where asked; the sink is told of each byte either way', async () => {
  const zero = (nth: number) => nth % 3 !== 1
  const budget = createByteBudget(4 * PIECE)
  const { source } = sourceOf(9, budget, -1, zero)
  const sink = sinkOf()
  const result = await copyBlocks(source, sink.open, options(budget, { skipZeroes: 512 }))
  assert.deepEqual(result, { bytesCopied: 9 * PIECE, bytesWritten: 3 * PIECE })
  assert.deepEqual(sink.state.written, [1, 4, 7])
  // What was left out before there was a sink is told, too.
  assert.deepEqual(
    sink.state.passed,
    [0, 2, 3, 5, 6, 8].map((nth) => `${nth * PIECE}+${PIECE}`),
  )
  const all = sourceOf(9, budget, -1, zero)
  const written: number[] = []
  await copyBlocks(
    all.source,
    async () => ({ kind: 'test', bytesSent: 0, write: async (at) => void written.push(at), finish: async () => {}, abort: async () => {} }),
    options(budget),
  )
  assert.equal(written.length, 9)
})

test('a disk of zeroes opens no sink when zeroes are left out', async () => {
  const budget = createByteBudget(4 * PIECE)
  const { source } = sourceOf(9, budget, -1, () => true)
  const sink = sinkOf()
  assert.deepEqual(await copyBlocks(source, sink.open, options(budget, { skipZeroes: PIECE })), { bytesCopied: 9 * PIECE, bytesWritten: 0 })
  assert.equal(sink.state.opened, 0)
})

test('a limit of bandwidth is asked before each write, and the record told of exactly what is written', async () => {
  const budget = createByteBudget(4 * PIECE)
  const { source } = sourceOf(4, budget, -1, (nth) => nth === 2)
  const told: string[] = []
  await copyBlocks(
    source,
    sinkOf({ onWrite: (nth) => void told.push(`write ${nth}`) }).open,
    options(budget, {
      skipZeroes: PIECE,
      beforeWrite: async (bytes) => {
        await new Promise(setImmediate)
        told.push(`before ${bytes}`)
      },
      onWrite: (offset, data) => void told.push(`record ${offset / PIECE} ${data[0]}`),
    }),
  )
  assert.deepEqual(
    told,
    [0, 1, 3].flatMap((nth, time) => [`before ${PIECE}`, `record ${nth} ${nth + 1}`, `write ${time}`]),
  )
})
