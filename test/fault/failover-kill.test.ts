/** Failovers, ways back and seeds whose command is killed with -9. `npm run soak -- failover-kills` does it for long. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { failoverKills, runCommand } from '../support/failover-kills.ts'
import { seededRandom } from '../support/kill-loop.ts'
import { type StartedPool, startLab } from '../support/lab.ts'
import { assertHoldsNow, chainBetween, look, MIB, makeVm, replicate } from '../support/replicating.ts'

const rounds = Number(process.env.UNDERSTUDY_FAILOVER_KILLS ?? 10)
const seed = Number(process.env.UNDERSTUDY_SEED ?? Date.now() % 1_000_000)

test(`G3: ${rounds} commands that fail over or go back, killed at random instants: gone on with or taken back, right bytes, nothing left (UNDERSTUDY_SEED=${seed})`, {
  timeout: 120_000 + rounds * 30_000,
}, async (t) => {
  const tally = await failoverKills({ rounds, seed, log: (line) => t.diagnostic(line) })
  const hit = [...tally.values()].reduce((sum, { hit: more }) => sum + more, 0)
  t.diagnostic(`hit in the middle: ${JSON.stringify(Object.fromEntries(tally))}`)
  // How long a command takes is learned from those that were over; few rounds learn little.
  assert.ok(hit >= (rounds < 50 ? 1 : rounds / 3), `only ${hit} of ${rounds} kills came before the command was over`)
})

test(`a seed's export killed at random instants goes on, with one snapshot, and the first run is a delta (UNDERSTUDY_SEED=${seed})`, {
  timeout: 600_000,
}, async (t) => {
  const random = seededRandom(seed)
  const lab = await startLab({ pools: ['paris', 'oslo'], empty: true })
  const folder = mkdtempSync(join(tmpdir(), 'seed-kills-'))
  try {
    const [source, target] = lab.pools as [StartedPool, StartedPool]
    const vm = await makeVm(source, [32 * MIB, 8 * MIB])
    const chain = chainBetween(source, target, vm)
    const dir = join(folder, 'medium')
    const before = (await look(source)).VM.size
    let hits = 0
    for (let kill = 0; kill < Math.max(3, rounds / 3); kill++) {
      const child = runCommand(['seed', 'export', '--vm', vm.uuid, '--dir', dir], chain)
      const delay = 300 + random() * 1200
      await Promise.race([sleep(delay), child.ended])
      hits += child.running() ? 1 : 0
      child.kill()
      await child.ended
      assert.ok((await look(source)).VM.size <= before + 1, 'one snapshot at most')
    }
    t.diagnostic(`${hits} killed in the middle`)
    const done = await runCommand(['seed', 'export', '--vm', vm.uuid, '--dir', dir], chain).ended
    assert.equal(done.code, 0, done.stderr)
    assert.equal((await look(source)).VM.size, before + 1)
    const imported = await runCommand(
      ['seed', 'import', '--sr', chain.sr, '--job', chain.job, '--schedule', chain.job, '--dir', dir],
      chain,
    ).ended
    assert.equal(imported.code, 0, imported.stderr)
    await source.post('/guest/random', { vm: vm.uuid, count: 5 })
    const next = await replicate(chain)
    assert.ok(next.disks.every(({ mode }) => mode === 'delta'))
    await assertHoldsNow(chain, next.run, vm)
    assert.equal((await look(source)).VM.size, before, 'the seed’s snapshot went with the first delta')
  } finally {
    await lab.close()
    rmSync(folder, { recursive: true })
  }
})
