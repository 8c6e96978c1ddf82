import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedText } from '../../test/support/damaged-text.ts'
import { randomNumbers, testSeed } from '../../test/support/random-disk.ts'
import {
  MARK,
  parseDatetime,
  readDigestMark,
  readMarks,
  readReplicaMark,
  readRestorePointMark,
  readRunMark,
  readWritingMark,
} from './marks.ts'
import { formatChunk, formatEnd, parseIndex, parseManifest, SEED_CHUNK } from './seed-manifest.ts'

const seed = testSeed()
const rounds = Number(process.env.UNDERSTUDY_FUZZ_ROUNDS ?? 300)
const UUID = '5a1b2c3d-0000-4000-8000-123456789abc'
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  'null',
  '-1',
  '1e999',
  '9007199254740993',
  '0.5',
  '"__proto__":',
  '\\ud800',
  '\n',
  'true',
  `"${UUID}"`,
  '../',
]

const manifestOf = (name: string) =>
  JSON.stringify({
    format: 'understudy-seed',
    version: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    from: 'https://pool',
    vm: { uuid: UUID, name },
    snapshot: { uuid: UUID, name: 'b', takenAt: '2026-01-01T00:00:00.000Z' },
    disks: [
      { userdevice: '0', snapshot: UUID, name: 'c', size: 1024 },
      { userdevice: '1', snapshot: UUID, name: 'd', size: 4096 },
    ],
  })
/** Within a long name most damage is harmless: so that some are read after all. */
const MANIFESTS = [manifestOf('a'), manifestOf('a long name '.repeat(40))]
const SIZE = 3 * SEED_CHUNK
const hash = 'ab'.repeat(32)
const INDICES = [
  formatChunk({
    chunk: 0,
    extents: [
      { offset: 512, length: 1024 },
      { offset: 65_536, length: 512 },
    ],
    stored: 100,
    sha256: hash,
  }) +
    formatChunk({ chunk: 2, extents: [{ offset: 2 * SEED_CHUNK, length: 512 }], stored: 9, sha256: hash }) +
    formatEnd(2),
]

test(`a damaged seed.json or index is read as what makes sense or told to be wrong, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed)
  const read = { manifest: 0, index: 0 }
  for (let round = 0; round < rounds; round++) {
    const manifest = parseManifest(damagedText(random, MANIFESTS, PIECES))
    if (typeof manifest !== 'string') {
      read.manifest++
      for (const { userdevice, size } of manifest.disks) assert.ok(/^\d{1,3}$/.test(userdevice) && Number.isSafeInteger(size) && size > 0)
    }
    const index = parseIndex(damagedText(random, INDICES, PIECES), SIZE)
    if (typeof index === 'string') continue
    read.index++
    let end = 0
    for (const { extents } of index.chunks) {
      for (const { offset, length } of extents) {
        assert.ok(offset >= end && offset % 512 === 0 && length % 512 === 0 && length > 0 && offset + length <= SIZE)
        end = offset + length
      }
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  if (rounds >= 300)
    assert.ok(
      Object.values(read).every((count) => count > rounds / 50 && count < rounds),
      JSON.stringify(read),
    )
})

const MARKS: Readonly<Record<string, readonly string[]>> = {
  [MARK.replica]: [JSON.stringify({ job: UUID, vm: UUID, sr: UUID, self: UUID })],
  [MARK.writing]: [JSON.stringify({ run: UUID, from: null, to: UUID, done: 65_536 })],
  [MARK.run]: [JSON.stringify({ run: UUID, sr: UUID, also: [UUID] })],
  [MARK.restorePoint]: [JSON.stringify({ run: UUID, generation: 3, disks: { 0: UUID }, from: [UUID] })],
  [MARK.digest]: [JSON.stringify({ size: 512, content: 'a', bytes: 512, sha256: hash })],
  [MARK.datetime]: ['20260101T00:00:00Z', '2026-01-01T00:00:00.5Z'],
  [MARK.chainLength]: ['7'],
}

test(`damaged marks are read as what they are or as none, nothing else (seed ${seed}, ${rounds} rounds)`, () => {
  const random = randomNumbers(seed + 1)
  const text = (value: unknown) => assert.equal(typeof value, 'string')
  let read = 0
  for (let round = 0; round < rounds; round++) {
    const config = Object.fromEntries(Object.entries(MARKS).map(([key, good]) => [key, damagedText(random, good, PIECES)]))
    const replica = readReplicaMark(config, UUID)
    if (replica !== undefined) [replica.job, replica.vm, replica.sr].forEach(text)
    const writing = readWritingMark(config)
    if (writing !== undefined) assert.ok(writing.done === undefined || Number.isSafeInteger(writing.done))
    const run = readRunMark(config)
    if (run !== undefined) (run.also ?? []).forEach(text)
    const point = readRestorePointMark(config)
    if (point !== undefined) assert.ok(Number.isSafeInteger(point.generation) && typeof point.disks === 'object')
    const digest = readDigestMark(config)
    if (digest !== undefined) assert.ok(Number.isSafeInteger(digest.size))
    const { datetime, chainLength } = readMarks(config)
    const time = parseDatetime(datetime)
    assert.ok(time === undefined || Number.isSafeInteger(time))
    assert.ok(chainLength === undefined || chainLength >= 0)
    read += [replica, writing, run, point, digest].filter((mark) => mark !== undefined).length
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  if (rounds >= 300) assert.ok(read > rounds / 20 && read < 5 * rounds, `${read}`)
})
