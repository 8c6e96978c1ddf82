/** The fault matrix. `npm run soak` goes through all of it; here a sample that differs from run to run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allCells, type CellResult, runMatrix, SETTINGS, STAGES } from '../support/fault-matrix.ts'
import { seededRandom } from '../support/kill-loop.ts'

const wanted = process.env.UNDERSTUDY_MATRIX ?? '24'
const seed = Number(process.env.UNDERSTUDY_SEED ?? Date.now() % 1_000_000)

test(`G1, G3: faults at the stages of a run: right bytes or one clear error, and a clean next run (UNDERSTUDY_SEED=${seed})`, {
  timeout: wanted === 'all' ? 7_200_000 : 600_000,
}, async (t) => {
  const cells = allCells()
  const random = seededRandom(seed)
  const chosen =
    wanted === 'all'
      ? cells
      : cells
          .map((cell) => ({ cell, order: random() }))
          .sort((a, b) => a.order - b.order)
          .slice(0, Number(wanted))
          .map(({ cell }) => cell)
  const rounds = wanted === 'all' ? SETTINGS.map((how) => () => how) : [undefined]
  const results: CellResult[] = []
  for (const settings of rounds) results.push(...(await runMatrix(chosen, undefined, settings)))
  for (const line of table(results)) t.diagnostic(line)
  assert.equal(results.length, chosen.length * rounds.length)
  assert.ok(results.filter(({ struck }) => struck).length >= results.length / 3, 'most faults never struck')
})

/** A row a fault and side, a column a stage: what came of first copy / delta. */
function table(results: readonly CellResult[]): string[] {
  const rows = new Map<string, Map<string, string[]>>()
  for (const { fault, side, stage, outcome, struck } of results) {
    const key = `${fault} (${side})`
    const row = rows.get(key) ?? new Map<string, string[]>()
    row.set(stage, [...(row.get(stage) ?? []), struck ? outcome : '–'])
    rows.set(key, row)
  }
  return [...rows].map(
    ([key, row]) => `${key.padEnd(52)} ${STAGES.map((stage) => `${stage}: ${(row.get(stage) ?? ['']).join('/')}`).join('  ')}`,
  )
}
