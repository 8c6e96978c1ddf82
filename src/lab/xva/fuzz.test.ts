import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { DamagedBytes, withCut } from '../../../test/support/damaged-bytes.ts'
import { randomBytes, randomNumbers, testSeed } from '../../../test/support/random-disk.ts'
import { type BulkRequest, XapiFailure } from '../pool.ts'
import { ArchiveFault, OVA_XML } from './ova-xml.ts'
import { contentOf, nextMember, openArchive, PrematureEnd } from './read-archive.ts'
import { encodeTarHeader, paddingAfter, TAR_BLOCK } from './tar-header.ts'

// Most inputs end in an error, whose stack nobody looks at and which costs more than finding it.
Error.stackTraceLimit = 2
const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
/** Members of archives may be of any size; what a test reads of one is bounded. */
const MOST = 4 << 20

function bodyOf(parts: readonly Buffer[]): BulkRequest {
  let bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  const read = async (length: number) => {
    assert.ok(length >= 0 && length <= 65 << 20, `${length} bytes are asked for at once`)
    const piece = bytes.subarray(0, length)
    bytes = bytes.subarray(piece.length)
    return piece
  }
  return { headers: new Map(), read, readSome: read } as unknown as BulkRequest
}

function archive(random: (below: number) => number): Buffer {
  const member = (name: string, content: Buffer) => [
    encodeTarHeader(name, content.length),
    content,
    Buffer.alloc(paddingAfter(content.length)),
  ]
  return Buffer.concat([
    ...member(OVA_XML, Buffer.from(`<value>${'x'.repeat(600)}</value>`)),
    ...member('Ref:1/00000000', randomBytes(random, 2048)),
    ...member('Ref:1/00000000.xxhash', Buffer.from('0123456789abcdef')),
    ...member('Ref:1/00000001', randomBytes(random, 1000)),
    Buffer.alloc(2 * TAR_BLOCK),
  ])
}

test(`damaged archives end as such or give their members, nothing else (seed ${seed}, ${rounds} rounds)`, async () => {
  const random = randomNumbers(seed)
  const good = archive(random)
  const whole = new DamagedBytes(good)
  // To unpack costs many times what the rest does.
  const packed = [gzipSync(good), zstdCompressSync(good)].map((bytes) => new DamagedBytes(bytes))
  const outcomes = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const body = round % 64 === 0 ? (packed[random(2)] as DamagedBytes) : whole
    const headers = [0, 2 * TAR_BLOCK + 512, 8 * TAR_BLOCK, 9 * TAR_BLOCK]
    for (let strokes = random(4); strokes > 0; strokes--) {
      const at = random(2) ? (headers[random(4)] as number) + random(512) : random(body.length)
      body.setByte(Math.min(at, body.length - 1), random(2) ? 48 + random(8) : random(256))
    }
    let outcome = 'ended'
    let members = 0
    try {
      const { source, xml } = await openArchive(bodyOf(withCut(random, body.bytes)))
      assert.ok(xml.length <= good.length)
      try {
        for (;;) {
          const member = await nextMember(source)
          assert.ok(Number.isSafeInteger(member.size) && member.size >= 0)
          members++
          if (member.size > MOST) break
          await contentOf(source, member)
        }
      } finally {
        await source.close()
      }
    } catch (error) {
      if (!(error instanceof ArchiveFault || error instanceof PrematureEnd || error instanceof XapiFailure))
        throw new Error(`round ${round}`, { cause: error })
      outcome = error.name
    }
    assert.ok(members <= 20, `${members} members`)
    outcomes.set(`${outcome} ${members}`, (outcomes.get(`${outcome} ${members}`) ?? 0) + 1)
    body.mend()
  }
  if (rounds >= 300) assert.ok(outcomes.size >= 6, [...outcomes].join(', '))
})
