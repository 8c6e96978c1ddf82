import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { seededNumbers } from '../content/seeded-numbers.ts'
import type { Refstring } from '../pool.ts'
import { createDisk, destroyDisk, duplicateDisk } from './disk-records.ts'
import { openSmallPool } from './small-pool.ts'

const MiB = 2 ** 20
const home = mkdtempSync(join(tmpdir(), 'collector-'))
after(() => rmSync(home, { recursive: true, force: true }))

test('coalescing never changes what a disk shows, while disks are written, snapshot, cloned and destroyed beside it', async (t) => {
  const seed = process.env.SEED ?? String(randomInt(2 ** 31))
  t.diagnostic(`seed ${seed}`)
  const random = seededNumbers(seed)
  // One block at a time and a rest after each, so that everything else happens in the middle of merges.
  const pool = openSmallPool({ folder: join(home, 'random'), collector: { delayMs: 0, pauseMs: 0, blocksAtOnce: 1 } })
  const size = 12 * MiB
  const model = new Map<Refstring, Buffer>()
  const show = (vdi: Refstring) =>
    assert.ok(
      pool.storage
        .disk(vdi)
        .read(0, size)
        .equals(model.get(vdi) as Buffer),
      `content differs, seed ${seed}`,
    )
  try {
    const fields = { SR: pool.sr, name_label: 'd', type: 'user', virtual_size: size, sharable: false, read_only: false, other_config: {} }
    model.set(createDisk(pool.storage, fields), Buffer.alloc(size))
    for (let step = 0; step < 400; step += 1) {
      const all = [...model.keys()]
      const vdi = all[random(all.length)] as Refstring
      const kind = random(100)
      if (kind < 50) {
        const offset = random(size / 512) * 512
        const length = 512 * (1 + random(Math.min(2000, (size - offset) / 512)))
        const data = Buffer.alloc(length, 1 + random(255))
        pool.storage.disk(vdi).write(offset, data)
        data.copy(model.get(vdi) as Buffer, offset)
      } else if (kind < 65 && all.length < 8) {
        const copy = duplicateDisk(pool.storage, vdi, random(2) === 0 ? 'snapshot' : 'clone')
        model.set(copy, Buffer.from(model.get(vdi) as Buffer))
      } else if (kind < 80 && all.length > 1) {
        destroyDisk(pool.storage, vdi)
        model.delete(vdi)
      } else if (kind < 90) {
        show(vdi)
      }
      if (random(2) === 0) for (let i = random(6); i > 0; i -= 1) await nextTurn()
      else if (random(20) === 0) await pool.storage.collector.idle()
    }
    pool.storage.collector.kick(pool.db.get('SR', pool.sr).uuid as string)
    await pool.storage.collector.idle()
    for (const vdi of model.keys()) show(vdi)
    // Nothing is left to do: every hidden image has two children.
    for (const image of pool.storage.images.all()) {
      if (image.hidden) assert.ok(pool.storage.images.childrenOf(image.uuid).length > 1, 'a hidden image with one child is left')
    }
    const last = [...model.keys()]
    for (const vdi of last.slice(1)) destroyDisk(pool.storage, vdi)
    await pool.storage.collector.idle()
    assert.equal(pool.storage.images.all().length, 1)
    assert.equal(pool.db.refs('VDI').length, 1)
    show(last[0] as Refstring)
  } finally {
    await pool.close()
  }
})
