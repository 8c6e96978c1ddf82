/**
 * The pools that the contract suite runs against: a simulated one always, and a real one when the environment names it. On either the
 * suite touches nothing but scratch objects of the doctor's kind: named and marked as they are made, so that whatever a killed suite leaves
 * is removed by the next one, or by `understudy doctor`.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createByteBudget } from '../../src/block/budget.ts'
import type { Bench } from '../../src/replication/doctor/bench.ts'
import { poolToCheck } from '../../src/replication/doctor/pool-to-check.ts'
import { findScratch, removeScratch, scratchOwner } from '../../src/replication/doctor/scratch.ts'
import { createScratchDisk, MIB } from '../../src/replication/doctor/scratch-disk.ts'
import { storage } from '../../src/replication/doctor/storage-checks.ts'
import { explainedTrust } from '../../src/xapi/explained-trust.ts'
import { type PoolLogin, parsePoolUrl } from '../../src/xapi/pool-url.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import { startLab } from './lab.ts'

/** A disk made by the suite, and the bytes that it must hold. */
export interface MadeDisk {
  readonly ref: Awaited<ReturnType<typeof createScratchDisk>>
  readonly size: number
  readonly content: Buffer
}

export interface ContractPool {
  readonly bench: Bench
  readonly signal: AbortSignal
  makeDisk(size?: number): Promise<MadeDisk>
  /** Removes everything that the suite made; rejects when something of it stays. */
  removeAll(): Promise<void>
  close(): Promise<void>
}

export interface ContractCandidate {
  readonly name: string
  /** Whatever the pool lacks is a failure of the suite; on a real one it is told and left out. */
  readonly mustHaveAll: boolean
  open(): Promise<ContractPool>
}

/** @param env what names a real pool: UNDERSTUDY_CONTRACT_URL, UNDERSTUDY_CONTRACT_TRUST, and UNDERSTUDY_CONTRACT_SR (default: the pool's) */
export function contractPools(env: Readonly<Record<string, string | undefined>> = process.env): ContractCandidate[] {
  const candidates: ContractCandidate[] = [{ name: 'the lab', mustHaveAll: true, open: openLabPool }]
  const { UNDERSTUDY_CONTRACT_URL: url, UNDERSTUDY_CONTRACT_TRUST: fingerprints, UNDERSTUDY_CONTRACT_SR: sr } = env
  if (url === undefined) return candidates
  if (fingerprints === undefined)
    throw new Error('UNDERSTUDY_CONTRACT_TRUST is missing: the SHA-256 fingerprint of the certificate of the pool')
  const login = parsePoolUrl(url)
  return [...candidates, { name: login.url, mustHaveAll: false, open: () => openPool(login, [fingerprints], sr) }]
}

async function openLabPool(): Promise<ContractPool> {
  const lab = await startLab({ pools: ['contract'], empty: true })
  const [pool] = lab.pools
  assert.ok(pool)
  return openPool(pool, [pool.fingerprint], undefined, lab.close)
}

async function openPool(
  { url, user, password }: PoolLogin,
  fingerprints: readonly string[],
  sr: string | undefined,
  close: () => Promise<void> = async () => undefined,
): Promise<ContractPool> {
  const signal = new AbortController().signal
  const trust = explainedTrust([['the environment', trustListed(fingerprints)]])
  const pool = poolToCheck('both', { url, user, password }, { trust }, { sr, vm: undefined })
  const connected = await pool.connect(signal).catch(async (error: unknown) => {
    await close()
    throw error
  })
  const bench: Bench = { pool, owner: scratchOwner(randomUUID()), budget: createByteBudget(32 * MIB), connected }
  const own = async () => ({ ...(await findScratch(connected, bench.owner, signal)), others: [] })
  const end = async () => {
    await connected.close()
    await close()
  }
  try {
    const found = await storage.run(bench, signal)
    assert.notEqual(found.outcome, 'failed', found.detail)
  } catch (error) {
    await end()
    throw error
  }
  return {
    bench,
    signal,
    async makeDisk(size = 8 * MIB) {
      const ref = await createScratchDisk(bench, 'contract', size, signal)
      const { virtual_size: made } = await connected.record('VDI', ref)
      return { ref, size: made, content: Buffer.alloc(made) }
    },
    async removeAll() {
      let problems: string[] = []
      // What an operation that was cut short made a moment later goes in the next round.
      for (let round = 0; round < 3; round++) {
        const made = await own()
        if (made.vms.size + made.vdis.size === 0) return
        problems = await removeScratch(connected, made, signal)
      }
      const { vms, vdis } = await own()
      assert.equal(vms.size + vdis.size, 0, `scratch objects stay: ${problems.join('; ')}`)
    },
    close: end,
  }
}
