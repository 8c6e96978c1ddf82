/** The whole seed by our own commands' functions: exported to a folder, carried, imported, linked, continued by a delta. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFileSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { createByteBudget } from '../../src/block/budget.ts'
import { Failure } from '../../src/core/failure.ts'
import { SEED_CHUNK } from '../../src/core/seed-manifest.ts'
import { type ExportedSeed, type ExportSeedOptions, exportSeed } from '../../src/replication/seeding/export-seed.ts'
import { type ImportedSeed, type ImportSeedOptions, importSeed } from '../../src/replication/seeding/import-seed.ts'
import { goOn, landings, modes } from '../support/adopting.ts'
import { type StartedLab, type StartedPool, startLab } from '../support/lab.ts'
import {
  assertNoLeftovers,
  assertProtected,
  type Chain,
  connectTo,
  hashesOf,
  hashOf,
  look,
  type MadeVm,
  MIB,
  makeVm,
  restorePoints,
} from '../support/replicating.ts'

describe('a seed in a folder', () => {
  let lab: StartedLab
  let source: StartedPool
  let target: StartedPool
  let folder: string
  before(async () => {
    lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
    ;[source, target] = lab.pools as [StartedPool, StartedPool]
  })
  after(() => lab.close())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'seed-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const chainOf = (vm: MadeVm): Required<Chain> => {
    return { source, target, vm: vm.uuid, sr: target.srs[0]?.uuid as string, job: randomUUID(), schedule: randomUUID() }
  }
  async function exportVm(vm: MadeVm, changes: Partial<ExportSeedOptions> = {}): Promise<ExportedSeed> {
    const xapi = await connectTo(source)
    const common = { source: xapi, folder, budget: createByteBudget(32 * MIB), now: Date.now }
    try {
      return await exportSeed({ ...common, of: { kind: 'vm', uuid: vm.uuid }, signal: AbortSignal.timeout(60_000), ...changes })
    } finally {
      await xapi.close()
    }
  }
  async function importVm(chain: Required<Chain>, changes: Partial<ImportSeedOptions> = {}): Promise<ImportedSeed> {
    const [from, to] = await Promise.all([connectTo(source), connectTo(target)])
    const { sr, job, schedule } = chain
    const common = { source: from, target: to, folder, sr, job, schedule, networks: new Map(), budget: createByteBudget(32 * MIB) }
    try {
      return await importSeed({ ...common, verify: 'changed', signal: AbortSignal.timeout(60_000), ...changes })
    } finally {
      await Promise.all([from.close(), to.close()])
    }
  }
  const refused = (code: string) => (error: unknown) => {
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.code, code, error.message)
    return true
  }
  async function assertHolds(chain: Required<Chain>, hashes: Readonly<Record<string, string>>): Promise<void> {
    const [point] = restorePoints(await look(target), chain)
    assert.ok(point)
    for (const [userdevice, disk] of Object.entries(point.disks)) assert.equal(await hashOf(target, disk), hashes[userdevice])
  }
  const files = () => globSync('disk-*/*.zst', { cwd: folder }).sort()

  test('G1, G4: exported, imported, read back and linked; the next run is a delta in place', async () => {
    const vm = await makeVm(source, [160 * MIB, 8 * MIB])
    const chain = chainOf(vm)
    const hashes = await hashesOf(source, vm)
    const exported = await exportVm(vm)
    assert.deepEqual(
      exported.disks.map(({ userdevice }) => userdevice),
      ['0', '1'],
    )
    const stored = files().reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
    assert.equal(
      exported.disks.reduce((sum, disk) => sum + disk.bytesStored, 0),
      stored,
    )
    const { bytes } = await source.post('/guest/random', { vm: vm.uuid, userdevice: '1', count: 20, seed: 'x' })
    const imported = await importVm(chain)
    assert.equal(imported.status, 'linked')
    assertProtected(await look(target), chain)
    await assertHolds(chain, hashes)
    const report = await goOn(chain, vm, 2)
    assert.deepEqual(modes(report), ['delta', 'delta'])
    assert.deepEqual(landings(report), ['in-place', 'in-place'])
    assert.ok(report.totals.bytesSent <= 1.05 * bytes)
    assertNoLeftovers(await look(source), await look(target), chain, vm)
    assert.ok(![...(await look(source)).VM.values()].some(({ name_label: name }) => name.startsWith('seed of')), 'the snapshot has served')
  })

  test('G3: an export that is broken off goes on with its own snapshot, and writes nothing twice', async () => {
    const vm = await makeVm(source, [160 * MIB])
    await source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count: 300, seed: 'all over' })
    const stop = new AbortController()
    const broken = exportVm(vm, {
      signal: stop.signal,
      onProgress: () => files().length > 0 && stop.abort(new Error('stopped')),
    })
    await assert.rejects(broken, /stopped/)
    const first = files()[0] as string
    const before = statSync(join(folder, first)).mtimeMs
    await source.post('/guest/random', { vm: vm.uuid, userdevice: '0', count: 20, seed: 'later' })
    const whole = await exportVm(vm)
    assert.equal(statSync(join(folder, first)).mtimeMs, before)
    assert.ok((whole.disks[0]?.bytesRead as number) <= 160 * MIB - SEED_CHUNK)
    const again = await exportVm(vm)
    assert.equal(again.disks[0]?.bytesRead, 0)
    const seeds = [...(await look(source)).VM.values()].filter(
      ({ snapshot_of, name_label: name }) => snapshot_of !== '' && name.startsWith('seed of'),
    )
    assert.equal(seeds.filter(({ uuid }) => uuid === whole.snapshot.uuid).length, 1)
    const chain = chainOf(vm)
    await importVm(chain)
    const snapshot = (await look(source)).VDI
    const of = [...snapshot.values()].find(({ uuid }) => uuid === whole.disks[0]?.snapshot)
    await assertHolds(chain, { 0: await hashOf(source, of?.uuid as string) })
  })

  test('G3: an import that is broken off goes on from its last checkpoint', async () => {
    const vm = await makeVm(source, [128 * MIB])
    const chain = chainOf(vm)
    const hashes = await hashesOf(source, vm)
    await exportVm(vm)
    const stop = new AbortController()
    let seen = 0
    const broken = importVm(chain, {
      signal: stop.signal,
      leastSegment: 8 * MIB,
      onProgress: (_device, done) => {
        seen = done
        if (done > 20 * MIB) stop.abort(new Error('stopped'))
      },
    })
    await assert.rejects(broken, /stopped/)
    assert.equal(restorePoints(await look(target), chain).length, 0)
    const imported = await importVm(chain, { leastSegment: 8 * MIB })
    assert.ok(imported.bytesSent < 32 * MIB - seen + 16 * MIB, `${imported.bytesSent} sent after ${seen}`)
    await assertHolds(chain, hashes)
    assert.equal((await importVm(chain)).status, 'already-linked')
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  })

  test('a folder that was damaged, cut short or mixed up is refused, and leaves no restore point', async () => {
    const vm = await makeVm(source, [16 * MIB])
    const chain = chainOf(vm)
    await assert.rejects(importVm(chain), refused('SEED_FOLDER_DAMAGED'))
    await exportVm(vm)
    const other = await makeVm(source, [8 * MIB])
    await assert.rejects(exportVm(other), refused('SEED_FOLDER_TAKEN'))
    const index = join(folder, 'disk-0', 'index.jsonl')
    const whole = readFileSync(index, 'utf8')
    writeFileSync(index, whole.split('\n').slice(0, 1).join('\n'))
    await assert.rejects(importVm(chain), refused('SEED_FOLDER_INCOMPLETE'))
    writeFileSync(index, whole.replace('"extents":[[', '"extents":[[1,'))
    await assert.rejects(importVm(chain), refused('SEED_FOLDER_DAMAGED'))
    writeFileSync(index, whole)
    const file = join(folder, files()[0] as string)
    const data = readFileSync(file)
    const wrong = Buffer.from(data)
    wrong[data.length >> 1] = (wrong[data.length >> 1] as number) ^ 1
    writeFileSync(file, wrong)
    await assert.rejects(importVm(chain), refused('SEED_FOLDER_DAMAGED'))
    appendFileSync(file, 'more')
    await assert.rejects(importVm(chain), refused('SEED_FOLDER_DAMAGED'))
    assert.equal(restorePoints(await look(target), chain).length, 0)
    writeFileSync(file, data)
    assert.equal((await importVm(chain)).status, 'linked')
    await assert.rejects(importVm({ ...chain, sr: randomUUID() }), refused('SR_NOT_FOUND'))
  })
})
