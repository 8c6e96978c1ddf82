/** A first copy made by hand and tagged by the original's cr-seed is continued with a delta. The tool itself is run beside, where npm has it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type Adopted, codes, goOn, hashesOfVm, landings, modes, uuidsOf } from '../support/adopting.ts'
import type { StartedPool } from '../support/lab.ts'
import { attachedDisks } from '../support/original-chain.ts'
import { assertNoLeftovers, hashesOf, look, type MadeVm, MIB, makeVm, withTwoPools, withXapi } from '../support/replicating.ts'
import { type Seed, seedByHand, tagSeed } from '../support/seeding.ts'

const PACKAGE = '@xen-orchestra/cr-seed-cli@1.0.2'
const INSTALL_LIMIT = 180_000
const RUN_LIMIT = 60_000

describe('a chain seeded by hand', () => {
  let source: StartedPool
  let target: StartedPool
  withTwoPools((from, to) => {
    source = from
    target = to
  })

  async function begin(): Promise<{ vm: MadeVm; chain: Adopted; seed: Seed }> {
    const vm = await makeVm(source, [24 * MIB, 32 * MIB])
    const sr = target.srs[0]?.uuid as string
    const chain: Adopted = { source, target, vm: vm.uuid, sr, job: randomUUID(), schedule: randomUUID() }
    const seed = await seedByHand(chain, vm)
    assert.deepEqual(await hashesOfVm(target, seed.vm), await hashesOf(source, vm))
    return { vm, chain, seed }
  }
  const write = async (vm: MadeVm, seed: string): Promise<number> => {
    const { bytes } = await source.post('/guest/random', { vm: vm.uuid, userdevice: '1', count: 30, seed })
    return bytes
  }

  async function assertGoesOn({ vm, chain, seed }: Awaited<ReturnType<typeof begin>>): Promise<void> {
    const bytes = await write(vm, 'a')
    const first = await goOn(chain, vm, 2)
    assert.deepEqual(modes(first), ['delta', 'delta'])
    assert.deepEqual(landings(first), ['clone', 'clone'])
    assert.ok(first.totals.bytesSent <= 1.05 * bytes, `${first.totals.bytesSent} sent for ${bytes}`)
    assert.ok(codes(first).includes('base-on-trust'))
    assert.ok((await uuidsOf(target)).has(seed.vm), 'the seed counts as a restore point')
    assert.ok((await uuidsOf(source)).has(seed.snapshot))
    await write(vm, 'b')
    const second = await goOn(chain, vm, 2)
    assert.deepEqual(landings(second), ['in-place', 'in-place'])
    assert.ok(!(await uuidsOf(target)).has(seed.vm))
    assert.ok(!(await uuidsOf(source)).has(seed.snapshot))
    assertNoLeftovers(await look(source), await look(target), chain, vm)
  }

  test('with the keys that cr-seed writes: goes on with a delta, keeps the seed as a restore point until its turn', async () => {
    const begun = await begin()
    await tagSeed(begun.chain, begun.seed)
    await assertGoesOn(begun)
  })

  test('without keys a seed is nobody’s: a full copy, and it stays', async () => {
    const { vm, chain, seed } = await begin()
    const report = await goOn(chain, vm, 1)
    assert.deepEqual(modes(report), ['full', 'full'])
    assert.ok((await uuidsOf(target)).has(seed.vm))
    assert.ok((await uuidsOf(source)).has(seed.snapshot))
  })

  test('G2: a disk of a seed that has no counterpart is sent whole, the other as a delta', async () => {
    const { vm, chain, seed } = await begin()
    await tagSeed(chain, seed)
    await withXapi(target, async (xapi) => {
      const disks = await attachedDisks(xapi, await xapi.byUuid('VM', seed.vm))
      const second = disks.find(({ userdevice }) => userdevice === '1')
      assert.ok(second)
      await xapi.call('VBD.destroy', [second.record.VBDs[0]])
    })
    const report = await goOn(chain, vm)
    assert.deepEqual(modes(report), ['delta', 'full'])
  })

  test('tagged by xo-cr-seed itself, which takes the lab for XAPI', { timeout: 300_000 }, async (t: TestContext) => {
    const folder = mkdtempSync(join(tmpdir(), 'cr-seed-'))
    try {
      const install = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=1']
      const installed = await ended(spawn('npm', [...install, PACKAGE], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }), INSTALL_LIMIT)
      if (installed.code !== 0) return t.skip(`needs ${PACKAGE} of an npm registry: ${installed.output.trim().split('\n')[0] ?? ''}`)
      const begun = await begin()
      const { chain, seed } = begun
      const tool = join(folder, 'node_modules/@xen-orchestra/cr-seed-cli/index.mjs')
      const args = [urlOf(source), seed.snapshot, urlOf(target), seed.vm, chain.job, chain.schedule]
      // Passwords of simulated pools only: the tool takes them as arguments. It accepts any certificate by itself.
      const ran = await ended(spawn(process.execPath, [tool, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }), RUN_LIMIT)
      // What goes wrong it tells and yet ends well.
      assert.deepEqual(ran, { code: 0, output: '' })
      await assertGoesOn(begun)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

function urlOf(pool: StartedPool): string {
  const url = new URL(pool.url)
  url.username = pool.user
  url.password = pool.password
  return url.href
}

/** Exit code (null: it was stopped) and all that it said; `code` is undefined when it could not be started. */
async function ended(child: ChildProcess, limit: number): Promise<{ code: number | null | undefined; output: string }> {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), limit)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, output }
  } catch (error) {
    return { code: undefined, output: (error as Error).message }
  } finally {
    clearTimeout(timer)
  }
}
