/** Connections that break, servers that grant few of them, and blocks read through them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Block, Extent } from '../../src/block/block.ts'
import { createByteBudget } from '../../src/block/budget.ts'
import type { ClientSocket } from '../../src/lab/nbd/client-socket.ts'
import { createNbdSource } from '../../src/nbd/nbd-source.ts'
import { type NbdPoolOptions, openNbdPool } from '../../src/nbd/pool.ts'
import { encodeSimpleReply } from '../../src/nbd/transmission.ts'
import { randomExtents, randomNumbers, testSeed } from '../support/random-disk.ts'
import { answer, greetInClear, nextRead, patternAt, type ScriptedNbd, scriptNbd, serveRight } from '../support/scripted-nbd.ts'

const KIB = 1024
const MIB = 1024 * KIB
const SIZE = 16 * MIB

function candidate(port: number) {
  return { address: '127.0.0.1', port, exportname: '/disk?session_id=secret', cert: '', subject: '' }
}

function poolOf(server: ScriptedNbd, options: Partial<NbdPoolOptions> = {}) {
  return openNbdPool({ candidates: [candidate(server.port)], clearText: true, backoffMs: 1, timeoutMs: 5_000, ...options })
}

/** A right server for as many connections at once as are granted; remembers the requests. */
function granting(most: number, script: (client: ClientSocket, number: number) => Promise<void> = serveRight) {
  const seen = { now: 0, most: 0, greeting: 0, greetings: 0, goodbyes: 0 }
  const server = scriptNbd(async (client, number) => {
    if (seen.now >= most) return
    seen.now++
    try {
      seen.greeting++
      seen.greetings = Math.max(seen.greetings, seen.greeting)
      seen.most = Math.max(seen.most, seen.now)
      // Time enough for another connection to come in between, if there was one.
      await new Promise(setImmediate)
      await greetInClear(client, SIZE)
      seen.greeting--
      await script(client, number)
      seen.goodbyes++
    } finally {
      seen.now--
    }
  })
  return { seen, server }
}

test('connections are opened one after the other, only while reads wait, and all of them are said goodbye to', async () => {
  const { seen, server: starting } = granting(16)
  await using server = await starting
  const pool = await poolOf(server, { connections: 4, depth: 2 })
  assert.deepEqual(await pool.read(0, 512), patternAt(0, 512))
  assert.equal(pool.connections, 1)
  const reads = await Promise.all(Array.from({ length: 200 }, (_, index) => pool.read(index * 4096, 4096)))
  for (const [index, data] of reads.entries()) assert.deepEqual(data, patternAt(index * 4096, 4096))
  assert.ok(pool.connections > 1 && pool.connections <= 4, `${pool.connections}`)
  assert.equal(seen.greetings, 1)
  const { connections } = pool
  await pool.close()
  assert.equal(seen.goodbyes, connections)
  assert.equal(pool.bytesRead, 512 + 200 * 4096)
})

test('a server that grants fewer connections is used with what it grants', async () => {
  const { seen, server: starting } = granting(3)
  await using server = await starting
  const pool = await poolOf(server, { connections: 8, depth: 1, tries: 2 })
  const reads = await Promise.all(Array.from({ length: 400 }, (_, index) => pool.read(index * 4096, 4096)))
  for (const [index, data] of reads.entries()) assert.deepEqual(data, patternAt(index * 4096, 4096))
  assert.equal(seen.most, 3)
  assert.equal(pool.connections, 3)
  await pool.close()
})

test('when a connection breaks, what was in flight on it is read again, and nothing else', async () => {
  const asked = new Map<number, number>()
  await using server = await scriptNbd(async (client, number) => {
    await greetInClear(client, SIZE)
    for (let count = 1; ; count++) {
      const request = await nextRead(client)
      if (request === undefined) return
      asked.set(Number(request.offset), (asked.get(Number(request.offset)) ?? 0) + 1)
      // The first connection dies in the middle of its fifth payload.
      if (number === 1 && count === 5) {
        await client.write(Buffer.concat([encodeSimpleReply(request.cookie, 0), Buffer.alloc(100, 0xee)]))
        return
      }
      await answer(client, request)
    }
  })
  const pool = await poolOf(server, { connections: 1, depth: 3 })
  const reads = await Promise.all(Array.from({ length: 50 }, (_, index) => pool.read(index * 4096, 4096)))
  for (const [index, data] of reads.entries()) assert.deepEqual(data, patternAt(index * 4096, 4096))
  assert.equal(server.connections, 2)
  for (const index of [0, 1, 2, 3]) assert.equal(asked.get(index * 4096), 1)
  assert.equal(asked.get(4 * 4096), 2)
  assert.ok([...asked.values()].reduce((sum, count) => sum + count) <= 53)
  assert.equal(pool.bytesRead, 50 * 4096 + 100)
  await pool.close()
})

test('a server that breaks every connection is given up after a bounded number of tries', async () => {
  await using server = await scriptNbd(async (client) => {
    await greetInClear(client, SIZE)
    await nextRead(client)
  })
  const pool = await poolOf(server, { tries: 3 })
  await assert.rejects(pool.read(0, 512), { code: 'NBD_CLOSED' })
  assert.equal(server.connections, 3)
  await pool.close()
})

test('a server that went away is given up after a bounded number of tries, for all reads', async () => {
  const { server: starting } = granting(16)
  const server = await starting
  const pool = await poolOf(server, { tries: 3 })
  await pool.read(0, 512)
  await server[Symbol.asyncDispose]()
  const reads = await Promise.allSettled([pool.read(0, 512), pool.read(512, 512)])
  for (const read of reads) assert.ok(read.status === 'rejected' && /NBD_C(LOSED|ONNECT_FAILED)/.test(read.reason.code))
  await assert.rejects(pool.read(0, 512))
  await pool.close()
})

test('an error that may pass is tried again, one that lasts is not', async () => {
  for (const [errno, sent, code] of [
    [5, 3, 'NBD_SERVER_ERROR'],
    [22, 1, 'NBD_SERVER_ERROR'],
  ] as const) {
    let requests = 0
    await using server = await scriptNbd(async (client) => {
      await greetInClear(client, SIZE)
      const request = await nextRead(client)
      if (request === undefined) return
      requests++
      await client.write(encodeSimpleReply(request.cookie, errno))
    })
    const pool = await poolOf(server, { tries: 3 })
    await assert.rejects(pool.read(0, 512), { code })
    assert.equal(requests, sent)
    await pool.close()
  }
})

test('a candidate that can not be reached is passed over', async () => {
  const { server: starting } = granting(16)
  await using server = await starting
  const gone = await scriptNbd((client) => client.closed)
  await gone[Symbol.asyncDispose]()
  const pool = await poolOf(server, { candidates: [candidate(gone.port), candidate(server.port)] })
  assert.deepEqual(await pool.read(4096, 512), patternAt(4096, 512))
  await pool.close()
  await assert.rejects(poolOf(server, { candidates: [] }), { code: 'NBD_NO_SERVER' })
})

test('an export of another size than the disk is refused, with a goodbye', async () => {
  const { seen, server: starting } = granting(16)
  await using server = await starting
  await assert.rejects(poolOf(server, { size: SIZE + 512 }), { code: 'NBD_SIZE_MISMATCH' })
  assert.equal(seen.goodbyes, 1)
})

test('aborting rejects every read with the reason, also those that wait for a new connection', async () => {
  const { server: starting } = granting(16)
  const server = await starting
  const stop = new AbortController()
  const pool = await poolOf(server, { signal: stop.signal, backoffMs: 60_000 })
  await server[Symbol.asyncDispose]()
  const reads = [pool.read(0, 512), pool.read(512, 512)].map((read) => assert.rejects(read, { message: 'enough' }))
  stop.abort(new Error('enough'))
  await Promise.all(reads)
  await pool.close()
})

async function collect(blocks: AsyncIterable<Block>, disk: Buffer): Promise<number> {
  let total = 0
  for await (const { offset, data, release } of blocks) {
    assert.ok(
      data.every((_, at) => disk[offset + at] === 0),
      `bytes at ${offset} come twice`,
    )
    data.copy(disk, offset)
    total += data.length
    release()
  }
  return total
}

test('a source gives every byte of the extents once, reads at most a quarter more, and gives the budget back', async (t) => {
  const seed = testSeed()
  t.diagnostic(`UNDERSTUDY_TEST_SEED=${seed}`)
  const random = randomNumbers(seed)
  await using server = await scriptNbd(async (client) => {
    await greetInClear(client, SIZE)
    // Breaks now and then, at a random place.
    for (let left = 20 + random(20); left > 0; left--) {
      const request = await nextRead(client)
      if (request === undefined) return
      if (left === 1) await client.write(Buffer.concat([encodeSimpleReply(request.cookie, 0), Buffer.alloc(256)]))
      else await answer(client, request)
    }
  })
  const extents = randomExtents(random, SIZE, 300).filter(({ offset }) => offset > 0)
  const expected = Buffer.alloc(SIZE)
  for (const { offset, length } of extents) patternAt(offset, length).copy(expected, offset)
  const asked = extents.reduce((sum, { length }) => sum + length, 0)
  const budget = createByteBudget(2 * MIB)
  const source = createNbdSource({
    pool: () => poolOf(server, { connections: 3, depth: 4, tries: 50 }),
    size: SIZE,
    extents,
    mergeUpTo: 256 * KIB,
  })
  assert.equal(source.expected, asked)
  const disk = Buffer.alloc(SIZE)
  // Every eight bytes of the pattern start with zeroes: `collect` looks at those that differ.
  let total = 0
  for await (const { offset, data, release } of source.blocks({ signal: new AbortController().signal, budget })) {
    assert.ok(budget.used <= budget.total)
    assert.ok(
      disk.subarray(offset, offset + data.length).every((byte) => byte === 0),
      `bytes at ${offset} come twice`,
    )
    data.copy(disk, offset)
    total += data.length
    release()
    release()
  }
  assert.equal(total, asked)
  assert.ok(disk.equals(expected))
  assert.equal(budget.used, 0)
  assert.ok(source.bytesRead >= asked && source.bytesRead <= 1.25 * asked + 3 * 256 * server.connections, `${source.bytesRead} of ${asked}`)
  await source.close()
})

test('a consumer that stops early, and an abort, free the budget and the connections', async () => {
  const { server: starting } = granting(16)
  await using server = await starting
  const extents: Extent[] = [{ offset: 0, length: SIZE }]
  for (const how of ['return', 'abort'] as const) {
    const budget = createByteBudget(4 * MIB)
    const stop = new AbortController()
    const source = createNbdSource({ pool: () => poolOf(server), size: SIZE, extents, mergeUpTo: 64 * KIB })
    const consume = async () => {
      for await (const block of source.blocks({ signal: stop.signal, budget })) {
        block.release()
        if (how === 'return') return
        stop.abort(new Error('enough'))
      }
    }
    if (how === 'return') await consume()
    else await assert.rejects(consume(), { message: 'enough' })
    await source.close()
    await source.close()
    assert.equal(budget.used, 0)
  }
})

test('extents that come as a stream and fail end the source with their error', async () => {
  const { server: starting } = granting(16)
  await using server = await starting
  const budget = createByteBudget(4 * MIB)
  async function* extents(): AsyncGenerator<Extent> {
    yield { offset: 0, length: 4096 }
    throw new Error('no more of these')
  }
  const source = createNbdSource({ pool: () => poolOf(server), size: SIZE, extents: extents() })
  await assert.rejects(collect(source.blocks({ signal: new AbortController().signal, budget }), Buffer.alloc(SIZE)), {
    message: 'no more of these',
  })
  await source.close()
  assert.equal(budget.used, 0)
})

test('a source for a disk of another size than the export fails before it reads', async () => {
  const { server: starting } = granting(16)
  await using server = await starting
  const source = createNbdSource({ pool: () => poolOf(server), size: SIZE * 2, extents: [] })
  const blocks = source.blocks({ signal: new AbortController().signal, budget: createByteBudget(MIB) })
  await assert.rejects(collect(blocks, Buffer.alloc(0)), { code: 'NBD_SIZE_MISMATCH' })
  await source.close()
})

test('small reads go out by the dozen before the first answer comes, so that a long line is filled', async () => {
  const granule = 64 * KIB
  // Every other granule: nothing can be merged.
  const extents = Array.from({ length: SIZE / granule / 2 }, (_, index) => ({ offset: 2 * index * granule, length: granule }))
  await using server = await scriptNbd(async (client) => {
    await greetInClear(client, SIZE)
    for (let left = extents.length; left > 0; left -= 64) {
      const requests = []
      while (requests.length < 64) requests.push(await nextRead(client))
      for (const request of requests) if (request !== undefined) await answer(client, request)
    }
    await nextRead(client)
  })
  const source = createNbdSource({ pool: () => poolOf(server, { connections: 1 }), size: SIZE, extents })
  const blocks = source.blocks({ signal: new AbortController().signal, budget: createByteBudget(64 * MIB) })
  let total = 0
  for await (const { data, release } of blocks) {
    total += data.length
    release()
  }
  assert.equal(total, SIZE / 2)
  await source.close()
})

test('a slow consumer bounds what is held', async () => {
  const { server: starting } = granting(16)
  await using server = await starting
  const budget = createByteBudget(1024 * MIB)
  const source = createNbdSource({
    pool: () => poolOf(server),
    size: SIZE,
    extents: [{ offset: 0, length: SIZE }],
    mergeUpTo: 64 * KIB,
    depth: 4,
  })
  let most = 0
  for await (const block of source.blocks({ signal: new AbortController().signal, budget })) {
    await new Promise(setImmediate)
    most = Math.max(most, budget.used)
    block.release()
  }
  assert.ok(most <= (2 * 4 + 1) * 64 * KIB, `${most}`)
  await source.close()
})

test('every block of a part comes before any of the next, while reads of the next are on their way already', async () => {
  const granule = 64 * KIB
  // Answers the first part only when it has seen a read of the second.
  await using server = await scriptNbd(async (client) => {
    await greetInClear(client, SIZE)
    const requests = []
    for (let left = 12; left > 0; left--) {
      const request = await nextRead(client)
      if (request !== undefined) requests.push(request)
    }
    assert.ok(requests.some(({ offset }) => Number(offset) >= SIZE / 2))
    // The later ones first.
    for (const request of requests.reverse()) await answer(client, request)
    await nextRead(client)
  })
  const part = (from: number) => Array.from({ length: 4 }, (_, index) => ({ offset: from + 2 * index * granule, length: granule }))
  const parts = [part(0), [], part(SIZE / 2), part((3 * SIZE) / 4)]
  const budget = createByteBudget(4 * MIB)
  const source = createNbdSource({ pool: () => poolOf(server, { connections: 1 }), size: SIZE, parts })
  assert.equal(source.expected, 12 * granule)
  const order: number[] = []
  for await (const { offset, data, release } of source.blocks({ signal: new AbortController().signal, budget })) {
    assert.deepEqual(data, patternAt(offset, granule))
    order.push(parts.findIndex((extents) => extents.some((extent) => extent.offset === offset)))
    release()
  }
  assert.deepEqual(order, [0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3])
  await source.close()
  assert.equal(budget.used, 0)
})

test('a consumer that stops in the first part frees what was read of the next', async () => {
  const { server: starting } = granting(16)
  await using server = await starting
  const granule = 64 * KIB
  const parts = [0, 1, 2, 3].map((index) => [{ offset: index * 4 * granule, length: 2 * granule }])
  const budget = createByteBudget(4 * MIB)
  const source = createNbdSource({ pool: () => poolOf(server), size: SIZE, parts, mergeUpTo: granule })
  for await (const block of source.blocks({ signal: new AbortController().signal, budget })) {
    await source.close()
    block.release()
    break
  }
  assert.equal(budget.used, 0)
})
