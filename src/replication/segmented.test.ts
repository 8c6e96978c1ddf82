import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BlockSink } from '../block/block.ts'
import type { Segment } from '../core/segments.ts'
import { segmentedSink } from './segmented.ts'

const MIB = 1 << 20
const BLOCK = 16 * MIB
const SEGMENT = 8 * BLOCK
const data = Buffer.alloc(BLOCK)

const segmentsOf = (count: number): Segment[] =>
  Array.from({ length: count }, (_, index) => ({ extents: [{ offset: index * SEGMENT, length: SEGMENT }], end: (index + 1) * SEGMENT }))

/** Uploads that tell what happens to them, and whose confirmation comes when a test says so. */
function uploads({ overlaps = true, held = false }: { overlaps?: boolean; held?: boolean } = {}) {
  const told: string[] = []
  const confirmations: PromiseWithResolvers<void>[] = []
  let open = 0
  let mostOpen = 0
  const made: BlockSink[] = []
  const begin = async (segment: Segment | undefined): Promise<BlockSink> => {
    const name = segment === undefined ? 'all' : `${segment.end / SEGMENT - 1}`
    told.push(`open ${name}`)
    mostOpen = Math.max(mostOpen, ++open)
    const confirmation = Promise.withResolvers<void>()
    confirmation.promise.catch(() => undefined)
    confirmations.push(confirmation)
    if (!held) confirmation.resolve()
    let bytesSent = 0
    let over = false
    const close = () => {
      if (!over) open--
      over = true
    }
    const sink: BlockSink = {
      kind: 'fake',
      overlaps,
      get bytesSent() {
        return bytesSent
      },
      async write(offset, { length }) {
        assert.ok(!over, 'written after its end')
        if (segment !== undefined) assert.ok(offset < segment.end && offset >= segment.end - SEGMENT, 'a block of another segment')
        told.push(`write ${name}`)
        bytesSent += length
      },
      async finish() {
        told.push(`end ${name}`)
        await confirmation.promise
        told.push(`confirmed ${name}`)
        close()
      },
      async abort() {
        if (!over) told.push(`abort ${name}`)
        close()
      },
    }
    made.push(sink)
    return sink
  }
  return {
    told,
    confirmations,
    begin,
    made,
    get open() {
      return open
    },
    get mostOpen() {
      return mostOpen
    },
  }
}

async function write(sink: BlockSink, segment: number, blocks = 8): Promise<void> {
  for (let block = 0; block < blocks; block++) await sink.write(segment * SEGMENT + block * BLOCK, data)
}

const order = (told: readonly string[], ...events: string[]) => {
  const places = events.map((event) => told.indexOf(event))
  assert.ok(!places.includes(-1), `${events} are not all in ${told}`)
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
    `${events} in another order: ${told}`,
  )
}

test('the next segment is written while the one before waits for its confirmation', async () => {
  const pool = uploads({ held: true })
  const finished: number[] = []
  const sink = segmentedSink(segmentsOf(2), pool.begin, async (end) => void finished.push(end))
  await write(sink, 0)
  await write(sink, 1)
  assert.deepEqual(finished, [], 'G3: a checkpoint before the host confirmed it')
  order(pool.told, 'open 1', 'end 0')
  order(pool.told, 'end 0', 'write 1')
  assert.ok(!pool.told.includes('confirmed 0'))
  for (const { resolve } of pool.confirmations) resolve()
  await sink.finish()
  assert.deepEqual(finished, [SEGMENT])
  assert.equal(sink.bytesSent, 2 * SEGMENT)
  assert.equal(pool.open, 0)
})

test('G3: checkpoints come in order, each after its confirmation, whatever is confirmed first', async () => {
  const pool = uploads({ held: true })
  const log: string[] = pool.told
  const sink = segmentedSink(segmentsOf(3), pool.begin, async (end) => void log.push(`checkpoint ${end / SEGMENT - 1}`))
  await write(sink, 0)
  await write(sink, 1)
  pool.confirmations[1]?.resolve()
  const third = write(sink, 2)
  // The second one's end has to wait for the first one's confirmation: no more than one waits beside the one that is written.
  await new Promise(setImmediate)
  assert.ok(!log.includes('end 1'))
  pool.confirmations[0]?.resolve()
  await third
  pool.confirmations[2]?.resolve()
  await sink.finish()
  order(log, 'confirmed 0', 'checkpoint 0', 'end 1', 'confirmed 1', 'checkpoint 1', 'confirmed 2')
  assert.ok(!log.includes('checkpoint 2'), 'the last segment needs none: the run goes on to its commit')
})

test('however slow confirmations are, no more than two uploads are open', async () => {
  const pool = uploads({ held: true })
  const sink = segmentedSink(segmentsOf(6), pool.begin, async () => undefined)
  const copy = (async () => {
    for (let segment = 0; segment < 6; segment++) await write(sink, segment)
    await sink.finish()
  })()
  for (let confirmed = 0; confirmed < 6; confirmed++) {
    while (pool.confirmations[confirmed] === undefined) await new Promise(setImmediate)
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
    pool.confirmations[confirmed]?.resolve()
  }
  await copy
  assert.equal(pool.mostOpen, 2)
  assert.equal(pool.open, 0)
  assert.equal(sink.bytesSent, 6 * SEGMENT)
})

test('G3: a segment whose end fails fails the transfer, and no later checkpoint is made', async () => {
  const pool = uploads({ held: true })
  const finished: number[] = []
  const sink = segmentedSink(segmentsOf(3), pool.begin, async (end) => void finished.push(end))
  await write(sink, 0)
  await write(sink, 1)
  const lost = new Error('the task failed')
  pool.confirmations[0]?.reject(lost)
  pool.confirmations[1]?.resolve()
  await assert.rejects(write(sink, 2), lost)
  await assert.rejects(sink.finish(), lost)
  await sink.abort(lost)
  assert.deepEqual(finished, [])
  assert.equal(pool.open, 0)
  assert.ok(!pool.told.includes('write 2'))
})

test('G3: a checkpoint that fails fails the transfer at the next block, not only at its end', async () => {
  const pool = uploads()
  const refused = new Error('another run writes to the replica')
  const sink = segmentedSink(segmentsOf(2), pool.begin, () => Promise.reject(refused))
  await write(sink, 0)
  await sink.write(SEGMENT, data)
  await new Promise(setImmediate)
  await assert.rejects(sink.write(SEGMENT + BLOCK, data), refused)
  await sink.abort(refused)
  assert.equal(pool.open, 0)
})

test('a transfer that is given up keeps the segment that only waited to be confirmed', async () => {
  const pool = uploads({ held: true })
  const finished: number[] = []
  const sink = segmentedSink(segmentsOf(2), pool.begin, async (end) => void finished.push(end))
  await write(sink, 0)
  await write(sink, 1, 2)
  const given = sink.abort(new Error('the source broke'))
  pool.confirmations[0]?.resolve()
  await given
  assert.deepEqual(finished, [SEGMENT])
  assert.ok(pool.told.includes('abort 1') && !pool.told.includes('abort 0'))
  assert.equal(pool.open, 0)
})

test('an upload that was opened ahead is given up with the transfer, and ended when nothing comes for it', async () => {
  for (const how of ['abort', 'finish'] as const) {
    const pool = uploads()
    const sink = segmentedSink(segmentsOf(2), pool.begin, async () => undefined)
    await write(sink, 0, 7)
    assert.ok(pool.told.includes('open 1'), 'opened before its first block')
    await (how === 'abort' ? sink.abort(new Error('enough')) : sink.finish())
    assert.ok(pool.told.includes(how === 'abort' ? 'abort 1' : 'end 1'))
    assert.equal(pool.open, 0)
  }
})

test('an upload that can not be opened ahead fails the transfer only when it is needed, after the segment before it is kept', async () => {
  const pool = uploads()
  const full = new Error('no')
  const finished: number[] = []
  const open = (segment: Segment | undefined) => (segment?.end === SEGMENT ? pool.begin(segment) : Promise.reject(full))
  const sink = segmentedSink(segmentsOf(2), open, async (end) => void finished.push(end))
  await write(sink, 0)
  await assert.rejects(sink.write(SEGMENT, data), full)
  await sink.abort(full)
  assert.deepEqual(finished, [SEGMENT])
  assert.equal(pool.open, 0)
})

test('uploads of a form that may not overlap come one after the other', async () => {
  const pool = uploads({ overlaps: false })
  const sink = segmentedSink(segmentsOf(3), pool.begin, async (end) => void pool.told.push(`checkpoint ${end / SEGMENT - 1}`))
  for (let segment = 0; segment < 3; segment++) await write(sink, segment)
  await sink.finish()
  assert.equal(pool.mostOpen, 1)
  order(pool.told, 'confirmed 0', 'checkpoint 0', 'open 1', 'confirmed 1', 'checkpoint 1', 'open 2', 'confirmed 2')
})

test('the first upload may be opened before the first block, once', async () => {
  const pool = uploads()
  const sink = segmentedSink(segmentsOf(1), pool.begin, async () => undefined)
  sink.begin()
  sink.begin()
  assert.deepEqual(pool.told, ['open 0'])
  await write(sink, 0)
  sink.begin()
  await sink.finish()
  assert.equal(pool.made.length, 1)
})

test('parts that are left out count: what lies beyond them is opened ahead and reached', async () => {
  const pool = uploads()
  const finished: number[] = []
  const sink = segmentedSink(segmentsOf(4), pool.begin, async (end) => void finished.push(end))
  await write(sink, 0, 1)
  await sink.pass?.(BLOCK, SEGMENT - BLOCK)
  // Two segments of which nothing is written.
  await sink.pass?.(SEGMENT, SEGMENT)
  await sink.pass?.(2 * SEGMENT, SEGMENT)
  await write(sink, 3)
  await sink.finish()
  assert.deepEqual(finished.at(-1), 3 * SEGMENT)
  assert.deepEqual(
    pool.told.filter((event) => event.startsWith('write')),
    ['write 0', ...Array(8).fill('write 3')],
  )
  assert.equal(pool.open, 0)
})
