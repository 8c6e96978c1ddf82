import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { readVhd } from '../../vhd/read-vhd.ts'
import type { BulkRequest, Disk } from '../pool.ts'
import { percentSteps } from './percent.ts'
import { sendRaw, sendVhd } from './send.ts'
import { ToolFailure } from './tool-input.ts'

const MiB = 1 << 20
const BLOCK = 2 * MiB
const seed = testSeed()
const disk = randomBytes(randomNumbers(seed), 9 * MiB)
disk.fill(0, 3 * MiB, 5 * MiB)

/** The disk, of which `[3 MiB, 5 MiB)` is a hole. */
const source: Disk = {
  uuid: 'disk',
  size: disk.length,
  read: () => assert.fail('not needed'),
  readInto: (target, offset) => {
    assert.ok(target.length <= MiB)
    disk.copy(target, 0, offset, offset + target.length)
  },
  write: () => assert.fail('not needed'),
  zero: () => assert.fail('not needed'),
  holdsData: (offset, length) => !(offset >= 3 * MiB && offset + length <= 5 * MiB),
  allocatedBlocks: () => [],
  allocatedExtents: () => [],
}

/** A socket that takes what it was given only when the next comes, as late as one may that waits for room. */
function lazyReceiver() {
  const taken: Buffer[] = []
  let late: Buffer | undefined
  const take = () => {
    if (late) taken.push(Buffer.from(late))
    late = undefined
  }
  const write = async (data: string | Buffer) => {
    take()
    late = data as Buffer
  }
  const bytes = () => {
    take()
    return Buffer.concat(taken)
  }
  return { request: { write } as BulkRequest, bytes }
}

const nobody = () => {}

test(`a raw export is the whole disk, holes as zeroes (seed ${seed})`, async () => {
  const { request, bytes } = lazyReceiver()
  const fractions: number[] = []
  await sendRaw(
    request,
    source,
    undefined,
    percentSteps((fraction) => fractions.push(fraction)),
  )
  assert.ok(bytes().equals(disk))
  assert.equal(fractions.at(-1), 1)
})

test('a raw export with a base has the length of the disk and only the differing blocks in it', async () => {
  const { request, bytes } = lazyReceiver()
  await sendRaw(request, source, [0, 4], nobody)
  const expected = Buffer.alloc(disk.length)
  disk.copy(expected, 0, 0, BLOCK)
  disk.copy(expected, 4 * BLOCK, 4 * BLOCK)
  assert.ok(bytes().equals(expected))
})

test('a VHD export holds the blocks asked for, the last of them whole where the disk ends inside it', async () => {
  const { request, bytes } = lazyReceiver()
  await sendVhd(request, source, { size: disk.length, blocks: [1, 4] }, nobody)
  const stream = bytes()
  assert.equal(stream.length, 2560 + 2 * (512 + BLOCK) + 512)
  const vhd = await readVhd(
    (async function* () {
      yield stream
    })(),
  )
  for await (const { offset, data } of vhd.blocks()) assert.ok(data.equals(disk.subarray(offset, offset + data.length)))
  assert.ok(vhd.kind === 'dynamic')
  assert.deepEqual(vhd.allocatedBlocks, [1, 4])
})

test('a receiver that is gone makes the tool fail at once', async () => {
  let writes = 0
  const write = async () => {
    if (++writes === 3) throw new Error('gone')
  }
  await assert.rejects(sendRaw({ write } as unknown as BulkRequest, source, undefined, nobody), ToolFailure)
  assert.equal(writes, 3)
})
