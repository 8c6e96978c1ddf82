import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VhdError } from './error.ts'
import { decodeFooter, encodeFooter, geometryOf } from './footer.ts'
import { decodeHeader, encodeHeader } from './header.ts'

const MiB = 1 << 20

test('the geometry of a size is what a real XAPI writes and what the specification gives at its limits', () => {
  const table: [size: number, cylinders: number, heads: number, sectors: number][] = [
    [4 * MiB, 120, 4, 17],
    [16 * MiB, 481, 4, 17],
    [20 * MiB, 602, 4, 17],
    [512, 0, 4, 17],
    [2040 * 1024 * MiB, 65535, 16, 255],
  ]
  for (const [size, cylinders, heads, sectorsPerTrack] of table) assert.deepEqual(geometryOf(size), { cylinders, heads, sectorsPerTrack })
})

test('a footer read back says what was written', () => {
  const created = new Date('2026-02-03T04:05:06Z')
  const footer = decodeFooter(encodeFooter({ kind: 'differencing', size: 6 * MiB, uuid: '01234567-89ab-4def-8123-456789abcdef', created }))
  assert.deepEqual(footer, {
    kind: 'differencing',
    size: 6 * MiB,
    originalSize: 6 * MiB,
    uuid: '01234567-89ab-4def-8123-456789abcdef',
    headerOffset: 512,
    creator: 'tap\0',
    created,
  })
})

test('any single changed byte in a footer or a header is noticed', () => {
  const footer = encodeFooter({ kind: 'dynamic', size: MiB })
  const header = encodeHeader({ tableOffset: 2048, tableEntries: 1, blockSize: 2 * MiB })
  for (const [bytes, decode] of [
    [footer, decodeFooter],
    [header, decodeHeader],
  ] as const) {
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] as number) ^ 0x41
      assert.throws(() => decode(damaged), VhdError, `byte ${at}`)
    }
  }
})

test('a parent is named by uuid and by a UTF-16 name cut to what fits', () => {
  const name = `${'é'.repeat(300)}.vhd`
  const uuid = '01234567-89ab-4def-8123-456789abcdef'
  const header = decodeHeader(encodeHeader({ tableOffset: 2048, tableEntries: 1, blockSize: 2 * MiB, parent: { uuid, name } }))
  assert.equal(header.parentUuid, uuid)
  assert.equal(header.parentName, 'é'.repeat(255))
})

test('a block size that is no power of two of at least a sector is refused', () => {
  for (const blockSize of [0, 1, 256, 513, 3 * MiB, 0xffff_ffff])
    assert.throws(
      () => decodeHeader(encodeHeader({ tableOffset: 2048, tableEntries: 1, blockSize })),
      { code: 'bad-header' },
      `${blockSize}`,
    )
})
