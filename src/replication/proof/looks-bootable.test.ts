import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { HEAD_BYTES, looksBootable } from './looks-bootable.ts'

const SIZE = 64 * 2 ** 20
const LINUX = 'af3dc60f838472478e793d69d8477de4'
const EFI = '28732ac11ff8d211ba4b00a0c93ec93b'

function mbrDisk(partitions: readonly { readonly type: number; readonly first: number; readonly sectors: number }[], code = true): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  if (code) head.fill(0x90, 0, 64)
  for (const [nth, { type, first, sectors }] of partitions.entries()) {
    head[446 + 16 * nth + 4] = type
    head.writeUInt32LE(first, 446 + 16 * nth + 8)
    head.writeUInt32LE(sectors, 446 + 16 * nth + 12)
  }
  head.writeUInt16LE(0xaa55, 510)
  return head
}

function gptDisk(types: readonly string[], size = SIZE): Buffer {
  const head = mbrDisk([{ type: 0xee, first: 1, sectors: size / 512 - 1 }], false)
  const table = head.subarray(1024, 1024 + 128 * 128)
  for (const [nth, type] of types.entries()) table.write(type, nth * 128, 'hex')
  const header = head.subarray(512, 512 + 92)
  header.write('EFI PART', 'latin1')
  header.writeUInt32LE(0x10000, 8)
  header.writeUInt32LE(92, 12)
  header.writeBigUInt64LE(BigInt(size / 512 - 34), 48)
  header.writeBigUInt64LE(2n, 72)
  header.writeUInt32LE(128, 80)
  header.writeUInt32LE(128, 84)
  header.writeUInt32LE(crc32(table), 88)
  header.writeUInt32LE(crc32(header), 16)
  return head
}

test('a GPT with right checksums is recognised, an EFI system partition makes it bootable', () => {
  assert.deepEqual(looksBootable(gptDisk([EFI, LINUX]), SIZE), {
    kind: 'partitions',
    text: 'GPT with 2 partitions, one of them an EFI system partition',
    boot: true,
  })
  assert.deepEqual(looksBootable(gptDisk([LINUX]), SIZE), { kind: 'partitions', text: 'GPT with 1 partition', boot: false })
})

test('a GPT whose header or table was damaged, or that is too long for its disk, is broken', () => {
  for (const [place, text] of [
    [512 + 40, /checksum of its header/],
    [1024 + 3, /checksum of its table/],
  ] as const) {
    const head = gptDisk([EFI])
    head[place] = (head[place] as number) ^ 1
    const looks = looksBootable(head, SIZE)
    assert.equal(looks.kind, 'broken')
    assert.match(looks.text, text)
  }
  assert.equal(looksBootable(gptDisk([EFI]), SIZE / 2).kind, 'broken')
})

test('a GPT that claims absurd sizes is broken, not read', () => {
  const head = gptDisk([EFI])
  head.writeUInt32LE(0xffffffff, 512 + 80)
  const header = head.subarray(512, 512 + 92)
  header.writeUInt32LE(0, 16)
  header.writeUInt32LE(crc32(header), 16)
  assert.equal(looksBootable(head, SIZE).kind, 'broken')
  head.writeUInt32LE(0xffffffff, 512 + 12)
  assert.equal(looksBootable(head, SIZE).kind, 'broken')
})

test('an MBR is bootable with code before its table; partitions beyond the disk are broken', () => {
  const parts = [{ type: 0x83, first: 2048, sectors: 4096 }]
  assert.deepEqual(looksBootable(mbrDisk(parts), SIZE), { kind: 'partitions', text: 'MBR with 1 partition', boot: true })
  assert.equal(looksBootable(mbrDisk(parts, false), SIZE).boot, false)
  assert.equal(looksBootable(mbrDisk(parts), 2 ** 20).kind, 'broken')
})

test('file systems without partitions, zeroes and unknown bytes are told apart', () => {
  const ext = Buffer.alloc(HEAD_BYTES)
  ext.writeUInt16LE(0xef53, 1024 + 56)
  assert.equal(looksBootable(ext, SIZE).kind, 'file-system')
  assert.equal(looksBootable(Buffer.alloc(HEAD_BYTES), SIZE).kind, 'blank')
  assert.equal(looksBootable(Buffer.alloc(HEAD_BYTES, 7), SIZE).kind, 'unknown')
  assert.equal(looksBootable(Buffer.alloc(512, 7), 512).kind, 'unknown')
})
