import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Numbers, seededNumbers } from '../content/seeded-numbers.ts'
import type { Refstring } from '../pool.ts'
import { GRANULE } from './cbt/change-logs.ts'
import { DISK_SIZE, type Line, type Operation } from './killed-writer.ts'
import { openSmallPool, type SmallPool } from './small-pool.ts'

const ROUNDS = 10
const SECTORS = DISK_SIZE / 512
const home = mkdtempSync(join(tmpdir(), 'killed-'))
after(() => rmSync(home, { recursive: true, force: true }))

/** By uuid: for each sector the operation that wrote it last, 0 for none. */
type Model = Map<string, Uint32Array>

/** Runs the writer until it is killed, by us at a random moment or by itself in the middle of a step; what it said. */
async function runAndKill(folder: string, seed: string, first: number, random: Numbers): Promise<Line[]> {
  const lifetime = random(4) === 0 ? 0 : 1 + random(700)
  const program = join(import.meta.dirname, 'killed-writer.ts')
  const child = spawn(process.execPath, [program, folder, seed, String(first), String(lifetime)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const parts: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => parts.push(data))
  await Promise.race([once(child.stdout, 'data'), closed])
  if (lifetime === 0) {
    await sleep(20 + random(900))
    child.kill('SIGKILL')
  }
  const [code, signal] = await closed
  assert.equal(signal, 'SIGKILL', `the writer ended by itself with ${code}`)
  const lines = Buffer.concat(parts).toString().split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Line)
}

function apply(model: Model, number: number, operation: Operation, made: string | undefined): void {
  switch (operation.kind) {
    case 'create':
      model.set(made as string, new Uint32Array(SECTORS))
      return
    case 'write':
    case 'zero':
      model.get(operation.vdi)?.fill(operation.kind === 'write' ? number : 0, operation.sector, operation.sector + operation.sectors)
      return
    case 'snapshot':
    case 'clone':
      model.set(made as string, Uint32Array.from(model.get(operation.vdi) as Uint32Array))
      return
    case 'destroy':
    case 'data_destroy':
      model.delete(operation.vdi)
      return
    case 'track':
      return
  }
}

/** What the disk holds, by sectors; fails on a sector that is a mixture. */
function contentOf(pool: SmallPool, uuid: string): Uint32Array {
  const bytes = pool.storage.disk(pool.db.byUuid('VDI', uuid) as Refstring).read(0, DISK_SIZE)
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const out = new Uint32Array(SECTORS)
  for (let sector = 0; sector < SECTORS; sector += 1) {
    const value = words[sector * 128] as number
    for (let k = 1; k < 128; k += 1) if (words[sector * 128 + k] !== value) assert.fail(`sector ${sector} of ${uuid} is a mixture`)
    out[sector] = value
  }
  return out
}

/** Compares the pool with the model; the operation under way may have happened or not, a write in part. */
function check(pool: SmallPool, model: Model, pending: { number: number; operation: Operation } | undefined): void {
  const found = new Map<string, Uint32Array>()
  for (const ref of pool.db.refs('VDI')) {
    const row = pool.db.get('VDI', ref)
    const image = pool.storage.images.get(row.uuid as string)
    if (row.type === 'cbt_metadata') assert.equal(image, undefined, 'a record without data has data')
    else assert.ok(image, `record ${row.uuid} has no image`)
    if (image) assert.equal(row.managed, !image.hidden)
    if (row.managed === true && row.type !== 'cbt_metadata') found.set(row.uuid as string, contentOf(pool, row.uuid as string))
  }
  for (const image of pool.storage.images.all()) {
    assert.ok(pool.db.byUuid('VDI', image.uuid), `image ${image.uuid} has no record`)
    if (image.parent !== '') assert.ok(pool.storage.images.get(image.parent)?.hidden, 'a parent that is missing or not hidden')
  }
  const operation = pending?.operation
  for (const [uuid, wanted] of model) {
    const got = found.get(uuid)
    const goes = operation && 'vdi' in operation && operation.vdi === uuid
    if (!got) {
      assert.ok(goes && (operation.kind === 'destroy' || operation.kind === 'data_destroy'), `disk ${uuid} was lost`)
      model.delete(uuid)
      continue
    }
    for (let sector = 0; sector < SECTORS; sector += 1) {
      if (got[sector] === wanted[sector]) continue
      assert.ok(
        goes && (operation.kind === 'write' || operation.kind === 'zero'),
        `sector ${sector} of ${uuid}: ${got[sector]}, not ${wanted[sector]}`,
      )
      assert.ok(sector >= operation.sector && sector < operation.sector + operation.sectors, 'a write reached beyond its range')
      assert.equal(got[sector], operation.kind === 'write' ? pending?.number : 0)
    }
    model.set(uuid, got)
  }
  for (const [uuid, got] of found) {
    if (model.has(uuid)) continue
    assert.ok(
      operation && (operation.kind === 'create' || operation.kind === 'snapshot' || operation.kind === 'clone'),
      `disk ${uuid} came from nowhere`,
    )
    assert.deepEqual(got, operation.kind === 'create' ? new Uint32Array(SECTORS) : model.get(operation.vdi))
    model.set(uuid, got)
  }
}

/** From each tracked snapshot to the next disk of its lineage: whatever differs is named. */
function checkTracking(pool: SmallPool, model: Model): number {
  let pairs = 0
  for (const log of pool.storage.logs.all()) {
    const [before, now] = [model.get(log.uuid), model.get(log.child)]
    if (!before || !now || !pool.storage.logs.get(log.child)) continue
    pairs += 1
    const bits = pool.storage.logs.changedBetween(log.uuid, log.child)
    for (let sector = 0; sector < SECTORS; sector += 1) {
      if (before[sector] === now[sector]) continue
      const granule = Math.floor((sector * 512) / GRANULE)
      assert.ok(((bits[granule >> 3] as number) & (0x80 >> (granule & 7))) !== 0, `granule ${granule} changed and is not named`)
    }
  }
  return pairs
}

test('a pool killed at any moment keeps everything that it acknowledged, mixes no states, and tracks no change too few', async (t) => {
  const seed = process.env.SEED ?? String(randomInt(2 ** 31))
  t.diagnostic(`seed ${seed}`)
  const random = seededNumbers(seed)
  const folder = join(home, 'pool')
  const model: Model = new Map()
  let next = 1
  let pairs = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    let pending: { number: number; operation: Operation } | undefined
    for (const line of await runAndKill(folder, `${seed}/${round}`, next, random)) {
      if ('begin' in line) {
        pending = { number: line.begin, operation: line.operation }
        next = line.begin + 1
      } else if (pending) {
        apply(model, pending.number, pending.operation, line.made)
        pending = undefined
      }
    }
    // The switch keeps the collector from running while we look.
    const pool = openSmallPool({ folder, collector: { delayMs: 3_600_000 } })
    try {
      check(pool, model, pending)
      pairs += checkTracking(pool, model)
      const known = new Set([...pool.storage.images.all().map(({ node }) => node), ...pool.storage.logs.all().map(({ file }) => file)])
      for (const name of readdirSync(join(folder, 'storage')))
        assert.ok(known.has(name.split('.')[0] as string), `${name} belongs to nobody`)
    } catch (error) {
      throw new Error(`round ${round}, seed ${seed}: ${(error as Error).message}`, { cause: error })
    } finally {
      await pool.close()
    }
  }
  t.diagnostic(`${next - 1} operations, ${pairs} tracked pairs, ${model.size} disks at the end`)
  assert.ok(next > ROUNDS * 5 && pairs > 0, 'too little happened for this to prove anything')
})
