import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeChangedBlocks } from './block-source.ts'

const MIB = 1024 * 1024
const bitmapOf = (bytes: number) => Buffer.alloc(bytes).toString('base64')

test('G2: a list of changed blocks that does not cover the whole disk is refused, an empty one above all', () => {
  assert.equal(decodeChangedBlocks(bitmapOf(4), 2 * MIB).length, 4)
  for (const text of ['', bitmapOf(3)]) {
    assert.throws(() => decodeChangedBlocks(text, 2 * MIB), { code: 'CBT_BITMAP_TOO_SHORT' }, JSON.stringify(text))
  }
})

test('a disk that ends inside a granule or a byte needs the bit that stands for its end', () => {
  assert.equal(decodeChangedBlocks(bitmapOf(1), 512).length, 1)
  assert.equal(decodeChangedBlocks(bitmapOf(1), 8 * 65_536).length, 1)
  assert.throws(() => decodeChangedBlocks(bitmapOf(1), 8 * 65_536 + 512), { code: 'CBT_BITMAP_TOO_SHORT' })
})
