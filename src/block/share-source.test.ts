import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Block, BlockSource, Extent } from './block.ts'
import { createByteBudget } from './budget.ts'
import { partsWithin } from './extents.ts'
import { shareSource } from './share-source.ts'

const PIECE = 1024 * 1024
const budget = createByteBudget(1024 * PIECE)
const signal = new AbortController().signal

/** Pieces 0…count−1, each filled with its number; breaks before piece `failAt`. */
function piecesOf(count: number, failAt = -1) {
  const state = { given: 0, held: 0, closed: 0 }
  const source: BlockSource = {
    kind: 'pieces',
    size: count * PIECE,
    expected: count * PIECE,
    get bytesRead() {
      return state.given * PIECE
    },
    async *blocks(options) {
      for (let nth = 0; nth < count; nth++) {
        options.signal.throwIfAborted()
        if (nth === failAt) throw new Error('the source broke')
        state.given++
        state.held++
        yield { offset: nth * PIECE, data: Buffer.alloc(PIECE, nth), release: () => void state.held-- }
      }
    },
    async close() {
      state.closed++
    },
  }
  return { source, state }
}

async function taken(branch: BlockSource, each: (block: Block) => Promise<void> | void = () => undefined): Promise<Extent[]> {
  const out: Extent[] = []
  for await (const block of branch.blocks({ signal, budget })) {
    assert.ok(block.data.every((byte) => byte === Math.floor(block.offset / PIECE) % 256))
    out.push({ offset: block.offset, length: block.data.length })
    await each(block)
    block.release()
  }
  await branch.close()
  return out
}

describe('a source shared by several takers', () => {
  test('is read once; each gets what it wants, and all memory is given back', async () => {
    const { source, state } = piecesOf(4)
    const some = [
      { offset: 512, length: 512 },
      { offset: 2048, length: 512 },
      { offset: 3 * PIECE - 512, length: 1024 },
    ]
    const [all, few, none] = shareSource(source, [undefined, some, []], { signal, budget }) as [BlockSource, BlockSource, BlockSource]
    assert.equal(few.expected, 2048)
    const results = await Promise.all([taken(all), taken(few), taken(none)])
    assert.deepEqual(results, [
      [0, 1, 2, 3].map((nth) => ({ offset: nth * PIECE, length: PIECE })),
      [some[0], some[1], { offset: 3 * PIECE - 512, length: 512 }, { offset: 3 * PIECE, length: 512 }],
      [],
    ])
    assert.deepEqual([all.bytesRead, few.bytesRead], [4 * PIECE, 2048])
    assert.deepEqual(state, { given: 4, held: 0, closed: 1 })
  })

  test('waits for its slowest taker, and reads no more ahead than a bounded number of bytes', async () => {
    const { source, state } = piecesOf(64)
    const [quick, slow] = shareSource(source, [undefined, undefined], { signal, budget }) as [BlockSource, BlockSource]
    let passed = 0
    let most = 0
    const one = taken(quick, () => void passed++)
    const other = taken(slow, async () => {
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
      most = Math.max(most, state.held)
    })
    assert.equal((await Promise.all([one, other]))[1].length, 64)
    assert.equal(passed, 64)
    assert.ok(most > 1 && most <= 10, `${most} pieces held at once`)
    assert.deepEqual(state, { given: 64, held: 0, closed: 1 })
  })

  test('goes on for the others when one taker fails, or never begins', async () => {
    const { source, state } = piecesOf(40)
    const [good, bad, absent] = shareSource(source, [undefined, undefined, undefined], { signal, budget }) as [
      BlockSource,
      BlockSource,
      BlockSource,
    ]
    const fails = taken(bad, ({ offset }) => {
      if (offset === 3 * PIECE) throw new Error('this target is full')
    })
    const all = taken(good)
    await new Promise(setImmediate)
    assert.equal(state.given, 0, 'reading began before every taker was there')
    await absent.close()
    await assert.rejects(fails, /this target is full/)
    assert.equal((await all).length, 40)
    await bad.close()
    // What the failed one had in hand is its own to release.
    assert.deepEqual(state, { given: 40, held: 1, closed: 1 })
  })

  test('fails for every taker when the source does, and is closed when all have gone', async () => {
    const { source, state } = piecesOf(8, 5)
    const branches = shareSource(source, [undefined, undefined], { signal, budget })
    const results = await Promise.allSettled(branches.map((branch) => taken(branch)))
    for (const result of results) assert.match(String((result as PromiseRejectedResult).reason), /the source broke/)
    assert.deepEqual(state, { given: 5, held: 0, closed: 1 })
    const unread = piecesOf(8)
    for (const branch of shareSource(unread.source, [undefined, undefined], { signal, budget })) await branch.close()
    assert.deepEqual(unread.state, { given: 0, held: 0, closed: 1 })
  })
})

test('parts of a list of extents within one', () => {
  const list = [
    { offset: 10, length: 10 },
    { offset: 30, length: 10 },
    { offset: 50, length: 10 },
  ]
  const parts = (offset: number, length: number) => partsWithin(list, { offset, length }).map((part) => [part.offset, part.length])
  assert.deepEqual(parts(0, 10), [])
  assert.deepEqual(parts(0, 100), [
    [10, 10],
    [30, 10],
    [50, 10],
  ])
  assert.deepEqual(parts(15, 20), [
    [15, 5],
    [30, 5],
  ])
  assert.deepEqual(parts(20, 10), [])
  assert.deepEqual(parts(59, 1), [[59, 1]])
  assert.deepEqual(parts(60, 5), [])
})
