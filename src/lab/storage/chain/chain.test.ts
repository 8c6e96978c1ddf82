import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { seededNumbers } from '../../content/seeded-numbers.ts'
import { extents, heldBlocks, mayHoldData, mergeBlock, readChain, zeroChain } from './chain.ts'
import { ChainNode } from './node.ts'
import { PageCache } from './paged-file.ts'
import { BLOCK, SECTOR } from './sector-bits.ts'
import { OpenFiles } from './sparse-file.ts'

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'chain-'))
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('a chain reads what a plain array holds, through random writes, zeroes, new leaves, merges and restarts', (t) => {
  const seed = process.env.SEED ?? String(randomInt(2 ** 31))
  t.diagnostic(`seed ${seed}`)
  const random = seededNumbers(seed)
  for (let round = 0; round < 4; round += 1) {
    const size = (3 + random(4)) * BLOCK
    const home = mkdtempSync(join(folder, 'round-'))
    // Limits far below what is in use, so that files and pages are thrown out all the time.
    let files = new OpenFiles(3)
    let cache = new PageCache(5)
    const open = (id: string) => new ChainNode(id, home, files, cache)
    let nodes = [open('0')]
    let made = 1
    const model = Buffer.alloc(size)
    for (let step = 0; step < 200; step += 1) {
      const offset = random(size / SECTOR) * SECTOR
      const most = Math.min(size - offset, [4096, 64 * 1024, 3 * BLOCK][random(3)] as number)
      const length = SECTOR + random(most / SECTOR) * SECTOR
      const kind = random(100)
      if (kind < 55) {
        const data = Buffer.alloc(length, 1 + random(255))
        nodes[0]?.write(offset, data, 0, length)
        data.copy(model, offset)
      } else if (kind < 70) {
        zeroChain(nodes, offset, length)
        model.fill(0, offset, offset + length)
      } else if (kind < 78 && nodes.length < 12) {
        nodes = [open(`${made}`), ...nodes]
        made += 1
      } else if (kind < 84 && nodes.length > 1) {
        const k = random(nodes.length - 1)
        const [child, parent] = [nodes[k] as ChainNode, nodes[k + 1] as ChainNode]
        for (const block of heldBlocks([child], size / BLOCK)) mergeBlock(child, parent, block)
        child.remove()
        nodes = nodes.filter((_, i) => i !== k)
      } else if (kind < 88) {
        files.closeAll()
        files = new OpenFiles(3)
        cache = new PageCache(5)
        nodes = nodes.map((node) => open(node.id))
      } else {
        const got = Buffer.alloc(length, 0xee)
        readChain(nodes, offset, got, 0, length)
        assert.ok(got.equals(model.subarray(offset, offset + length)), `step ${step}: [${offset}, +${length}) differs (seed ${seed})`)
        if (!mayHoldData(nodes, offset, length)) assert.ok(got.equals(Buffer.alloc(length)), 'a range called empty holds data')
      }
    }
    const all = Buffer.alloc(size)
    readChain(nodes, 0, all, 0, size)
    assert.ok(all.equals(model), `content differs at the end (seed ${seed})`)
    const flat = Buffer.alloc(size)
    let last = -1
    for (const { offset, length } of extents(nodes, size)) {
      assert.ok(offset > last && length > 0)
      last = offset + length
      readChain(nodes, offset, flat, offset, length)
    }
    assert.ok(flat.equals(model), `the extents leave data out (seed ${seed})`)
    for (const node of nodes) assert.equal(open(node.id).heldBlocks, node.heldBlocks, 'the count of blocks is not what a fresh look finds')
    files.closeAll()
  }
})

test('an empty node of any size has no file, and one sector in a 2 TiB node costs a few pages', () => {
  const files = new OpenFiles(8)
  const home = mkdtempSync(join(folder, 'empty-'))
  const node = new ChainNode('n', home, files, new PageCache(16))
  assert.equal(node.heldBlocks, 0)
  assert.deepEqual([...extents([node], 2040 * 2 ** 30)], [])
  assert.deepEqual(readdirSync(home), [])
  const end = 2040 * 2 ** 30
  node.write(end - SECTOR, Buffer.alloc(SECTOR, 7), 0, SECTOR)
  assert.equal(node.heldBlocks, 1)
  assert.deepEqual([...extents([node], end)], [{ offset: end - 65536, length: 65536 }])
  const held = readdirSync(home).reduce((sum, name) => sum + statSync(join(home, name)).blocks * 512, 0)
  assert.ok(held <= 64 * 1024, `${held} bytes on disk`)
  files.closeAll()
})

test('zeroing whole blocks keeps no data, and data written into a zeroed block reads back between zeroes', () => {
  const files = new OpenFiles(8)
  const home = mkdtempSync(join(folder, 'zero-'))
  const cache = new PageCache(16)
  const [root, leaf] = [new ChainNode('root', home, files, cache), new ChainNode('leaf', home, files, cache)]
  root.write(0, Buffer.alloc(2 * BLOCK, 1), 0, 2 * BLOCK)
  zeroChain([leaf, root], 0, 2 * BLOCK)
  assert.deepEqual(
    readdirSync(home).filter((name) => name.startsWith('leaf')),
    ['leaf.map'],
  )
  assert.equal(mayHoldData([leaf, root], 0, 2 * BLOCK), false)
  leaf.write(4096, Buffer.alloc(512, 9), 0, 512)
  const got = Buffer.alloc(BLOCK)
  readChain([leaf, root], 0, got, 0, BLOCK)
  const wanted = Buffer.alloc(BLOCK).fill(9, 4096, 4608)
  assert.ok(got.equals(wanted))
  assert.deepEqual([...heldBlocks([leaf, root], 4)], [0, 1])
  files.closeAll()
})

test('sparse disks of 16 TiB read what was written, at their very end and across the borders of their files, also after a restart', () => {
  const home = mkdtempSync(join(folder, 'large-'))
  const open = () => new ChainNode('n', home, new OpenFiles(8), new PageCache(64))
  const TiB = 2 ** 40
  const size = 16 * TiB
  const node = open()
  const border = Buffer.alloc(2 * BLOCK, 7)
  node.write(2 * TiB - BLOCK, border, 0, border.length)
  const last = Buffer.alloc(4096, 9)
  node.write(size - 4096, last, 0, last.length)
  const found = Buffer.alloc(2 * BLOCK)
  for (const one of [node, open()]) {
    readChain([one], 2 * TiB - BLOCK, found, 0, found.length)
    assert.deepEqual(found, border)
    readChain([one], size - 4096, found, 0, 4096)
    assert.deepEqual(found.subarray(0, 4096), last)
    assert.equal(one.heldBlocks, 3)
    assert.deepEqual([...heldBlocks([one], size / BLOCK)], [2 ** 20 - 1, 2 ** 20, 2 ** 23 - 1])
    assert.deepEqual(
      [...extents([one], size)],
      [
        { offset: 2 * TiB - BLOCK, length: 2 * BLOCK },
        { offset: size - 65_536, length: 65_536 },
      ],
    )
  }
  assert.equal(readdirSync(home).length, 6)
  const held = readdirSync(home).reduce((sum, name) => sum + statSync(join(home, name)).blocks * 512, 0)
  assert.ok(held < 8 * 2 ** 20, `${held} bytes are held for ${border.length + last.length}`)
  open().remove()
  assert.deepEqual(readdirSync(home), [])
})
