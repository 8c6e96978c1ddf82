import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { seededNumbers } from '../../content/seeded-numbers.ts'
import { type Refstring, XapiFailure } from '../../pool.ts'
import { createDisk, destroyData, destroyDisk, duplicateDisk, resizeDisk, trackChanges } from '../disk-records.ts'
import { openSmallPool } from '../small-pool.ts'
import { bitmapBytes, GRANULE } from './change-logs.ts'

const MiB = 2 ** 20
const home = mkdtempSync(join(tmpdir(), 'cbt-'))
after(() => rmSync(home, { recursive: true, force: true }))

const disk = (sr: Refstring, virtual_size: number) => ({
  SR: sr,
  name_label: 'disk',
  type: 'user',
  virtual_size,
  sharable: false,
  read_only: false,
  other_config: {},
})

/** Granules named by a bitmap whose highest bits come first. */
function granules(bits: Buffer): Set<number> {
  const out = new Set<number>()
  for (const [i, byte] of bits.entries()) for (let k = 0; k < 8; k += 1) if ((byte & (0x80 >> k)) !== 0) out.add(i * 8 + k)
  return out
}

test('changed blocks between any two snapshots are what was written between them, through destroys, growth, data_destroy and restarts', async (t) => {
  const seed = process.env.SEED ?? String(randomInt(2 ** 31))
  t.diagnostic(`seed ${seed}`)
  const random = seededNumbers(seed)
  for (let round = 0; round < 4; round += 1) {
    const folder = join(home, `random-${round}`)
    let pool = openSmallPool({ folder, collector: { delayMs: 0, pauseMs: 0 } })
    const live = createDisk(pool.storage, disk(pool.sr, 8 * MiB))
    trackChanges(pool.storage, live, true)
    /** Snapshots in order; `written`: granules written between the one before and this. `broken`: the lineage was cut after it. */
    let line: { vdi: Refstring; written: Set<number>; size: number; data: boolean; broken: boolean }[] = []
    let written = new Set<number>()
    let size = 8 * MiB
    const uuid = (vdi: Refstring) => pool.db.get('VDI', vdi).uuid as string
    for (let step = 0; step < 150; step += 1) {
      const kind = random(100)
      if (kind < 50) {
        const offset = random(size / 512) * 512
        const length = 512 * (1 + random(Math.min(600, (size - offset) / 512)))
        if (random(4) === 0) pool.storage.disk(live).zero(offset, length)
        else pool.storage.disk(live).write(offset, Buffer.alloc(length, step))
        for (let g = Math.floor(offset / GRANULE); g <= Math.floor((offset + length - 1) / GRANULE); g += 1) written.add(g)
      } else if (kind < 65 && line.length < 8) {
        line.push({ vdi: duplicateDisk(pool.storage, live, 'snapshot'), written, size, data: true, broken: false })
        written = new Set()
      } else if (kind < 72 && line.length > 0) {
        const at = random(line.length)
        const gone = line[at] as (typeof line)[number]
        destroyDisk(pool.storage, gone.vdi)
        line = line.filter((one) => one !== gone)
        const next = line[at]
        // Whoever stood before it points from now on to where it pointed, also when nothing is there.
        if (gone.broken && at > 0) (line[at - 1] as (typeof line)[number]).broken = true
        if (gone.data) {
          // Merged into whoever comes next.
          for (const g of gone.written) (next ? next.written : written).add(g)
        } else if (at > 0) {
          // The trap of file SRs: the log went before the neighbours were linked.
          ;(line[at - 1] as (typeof line)[number]).broken = true
        }
      } else if (kind < 77 && line.length > 0) {
        const one = line[random(line.length)] as (typeof line)[number]
        if (one.data) {
          pool.db.update('VDI', one.vdi, { type: 'cbt_metadata' })
          destroyData(pool.storage, one.vdi)
          one.data = false
        }
      } else if (kind < 80 && size < 40 * MiB) {
        size += 2 * MiB
        resizeDisk(pool.storage, live, size)
      } else if (kind < 84) {
        await pool.close()
        pool = openSmallPool({ folder, collector: { delayMs: 0, pauseMs: 0 } })
      } else if (line.length > 0) {
        const from = random(line.length)
        const to = from + 1 + random(line.length - from)
        const steps = line.slice(from + 1, to + 1)
        const toUuid = to < line.length ? uuid((line[to] as (typeof line)[number]).vdi) : uuid(live)
        const ask = () => pool.storage.logs.changedBetween(uuid((line[from] as (typeof line)[number]).vdi), toUuid)
        if (line.slice(from, to).some((one) => one.broken)) {
          assert.throws(ask, (error) => error instanceof XapiFailure && error.code === 'SR_BACKEND_FAILURE_460')
          continue
        }
        const wanted = new Set(steps.flatMap((one) => [...one.written]))
        if (to === line.length) for (const g of written) wanted.add(g)
        const bits = ask()
        assert.equal(bits.length, bitmapBytes(to === line.length ? size : (line[to] as (typeof line)[number]).size))
        assert.deepEqual(
          [...granules(bits)].sort((a, b) => a - b),
          [...wanted].sort((a, b) => a - b),
          `step ${step}, seed ${seed}`,
        )
      }
    }
    await pool.close()
  }
})

test('tracking a 2 TiB disk holds a few pages, and a bit far out is found', async () => {
  const pool = openSmallPool({ folder: join(home, 'large') })
  try {
    const size = 2040 * 1024 * MiB
    const vdi = createDisk(pool.storage, disk(pool.sr, size))
    trackChanges(pool.storage, vdi, true)
    const taken = duplicateDisk(pool.storage, vdi, 'snapshot')
    pool.storage.disk(vdi).write(size - 512, Buffer.alloc(512, 1))
    const uuid = (ref: Refstring) => pool.db.get('VDI', ref).uuid as string
    const bits = pool.storage.logs.changedBetween(uuid(taken), uuid(vdi))
    assert.equal(bits.length, 2040 * 2048)
    assert.deepEqual([...granules(bits)], [size / GRANULE - 1])
    assert.ok(pool.storage.images.pages.size < 20)
  } finally {
    await pool.close()
  }
})
