import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { encodeClientFlags, encodeOption } from '../../nbd/handshake.ts'
import { NbdError } from '../../nbd/nbd-error.ts'
import { OPTION, REQUEST_LENGTH } from '../../nbd/protocol.ts'
import { encodeRequest } from '../../nbd/transmission.ts'
import type { Disk } from '../pool.ts'
import { ClientGone, ClientSocket } from './client-socket.ts'
import { negotiateGuestDisk } from './guest-disk-negotiation.ts'
import { serveGuestRequests } from './guest-disk-requests.ts'
import { negotiate } from './xapi-nbd-negotiation.ts'
import { serveReads } from './xapi-nbd-reads.ts'

// Most inputs end in an error, whose stack nobody looks at and which costs more than finding it.
Error.stackTraceLimit = 2
const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const SIZE = 64 * 1024

/** A socket whose other end says something and leaves; what is answered is counted. */
class SaidSocket extends Duplex {
  answered = 0
  constructor(said: Buffer) {
    super({ autoDestroy: false })
    this.push(said)
    // Not before the server has done with what was said: one whose client has left answers no more.
    setImmediate(() => setImmediate(() => this.destroyed || this.push(null)))
  }
  override _read(): void {}
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.answered += chunk.length
    done()
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
}

/** Sectors only, as a pool's disks have it, and nothing outside. */
function strictDisk(): { disk: Disk; bytes: Buffer } {
  const bytes = Buffer.alloc(SIZE)
  const inside = (offset: number, length: number) => {
    // As a disk does: the servers have to do with it.
    if (!(offset >= 0 && offset + length <= SIZE)) throw new RangeError('outside the disk')
    assert.ok(offset % 512 === 0 && length % 512 === 0 && length > 0, `${offset} ${length}`)
  }
  const disk = {
    uuid: '00000000-0000-4000-8000-000000000000',
    size: SIZE,
    read(offset: number, length: number) {
      inside(offset, length)
      return Buffer.from(bytes.subarray(offset, offset + length))
    },
    readInto(target: Buffer, offset: number) {
      inside(offset, target.length)
      bytes.copy(target, 0, offset)
    },
    write(offset: number, data: Buffer) {
      inside(offset, data.length)
      data.copy(bytes, offset)
    },
    zero(offset: number, length: number) {
      inside(offset, length)
      bytes.fill(0, offset, offset + length)
    },
  }
  return { disk: disk as unknown as Disk, bytes }
}

/** Options and requests, some of them right. */
function conversation(random: (below: number) => number, exportName: Buffer): Buffer {
  const parts = [encodeClientFlags(random(4))]
  for (let options = random(3); options > 0; options--) parts.push(encodeOption(random(12), randomBytes(random, random(20))))
  if (random(4) === 0) parts.push(encodeOption(random(2) ? OPTION.go : OPTION.info, nameWish(random)))
  parts.push(encodeOption(OPTION.exportName, exportName))
  for (let requests = random(6); requests > 0; requests--) {
    const request = Buffer.alloc(REQUEST_LENGTH)
    const offset = random(8) === 0 ? 2 ** 50 : random(2) ? random(SIZE) : random(SIZE / 512) * 512
    const length = random(2) ? random(3000) : random(16) * 512
    const command = random(8)
    encodeRequest(request, 0, { flags: random(4) ? 0 : random(32), command, cookie: requests, offset, length })
    parts.push(request)
    if (command === 1) parts.push(randomBytes(random, length))
  }
  const said = Buffer.concat(parts)
  for (let flips = random(4); flips > 0; flips--) said.writeUInt8(random(256), random(random(2) ? Math.min(60, said.length) : said.length))
  return said.subarray(0, random(3) === 0 ? random(said.length) : said.length)
}

function nameWish(random: (below: number) => number): Buffer {
  const wish = Buffer.alloc(6 + 2 * random(3))
  wish.writeUInt32BE(random(3) ? 0 : random(10), 0)
  wish.writeUInt16BE((wish.length - 6) / 2, 4)
  return wish
}

/** How a server ends with a client: in order, or it is gone, or not understood. */
async function endOf(serve: (client: ClientSocket) => Promise<void>, said: Buffer): Promise<string> {
  const socket = new SaidSocket(said)
  try {
    await serve(new ClientSocket(socket as unknown as Socket))
    return socket.answered > 18 ? 'served' : 'greeted'
  } catch (error) {
    if (error instanceof ClientGone) return 'gone'
    if (error instanceof NbdError) return error.code
    // What the disk refused after the header of a reply had left: the server hangs up.
    if (error instanceof RangeError && error.message === 'outside the disk') return 'cut'
    throw error
  } finally {
    socket.destroy()
  }
}

test(`whatever a client says, the guest's NBD server answers or hangs up, and stays inside the disk (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const { disk, bytes } = strictDisk()
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const writable = random(4) > 0
    const before = writable ? undefined : Buffer.from(bytes)
    const said = conversation(random, Buffer.alloc(0))
    const serve = async (client: ClientSocket) => {
      const size = await negotiateGuestDisk(client, { size: () => SIZE, writable })
      if (size !== undefined) await serveGuestRequests(client, { disk: () => disk, size, writable })
    }
    const outcome = await endOf(serve, said).catch((error: unknown) => {
      throw new Error(`round ${round}`, { cause: error })
    })
    if (before !== undefined) assert.ok(bytes.equals(before), 'a disk that is not to be written was written')
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  if (rounds >= 300)
    assert.ok(
      ['served', 'gone', 'NBD_PROTOCOL'].every((one) => outcomes.has(one)),
      [...outcomes].join(' '),
    )
})

test(`whatever a client says, the pool's NBD server answers or hangs up, and never writes (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed + 1)
  const { disk, bytes } = strictDisk()
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const said = conversation(random, Buffer.from('/5a1b2c3d-0000-4000-8000-123456789abc?session_id=OpaqueRef:1'))
    const serve = async (client: ClientSocket) => {
      const name = await negotiate(client, undefined)
      if (name !== undefined) await serveReads(client, disk)
    }
    const outcome = await endOf(serve, said).catch((error: unknown) => {
      throw new Error(`round ${round}`, { cause: error })
    })
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  assert.ok(bytes.every((byte) => byte === 0))
  if (rounds >= 300)
    assert.ok(
      ['served', 'gone', 'NBD_PROTOCOL'].every((one) => outcomes.has(one)),
      [...outcomes].join(' '),
    )
})
