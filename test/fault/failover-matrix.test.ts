/** The fault matrix of failovers. `npm run soak -- failover-matrix` goes through all of it; here a sample that differs from run to run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allFailoverCells, type FailoverCellResult, runFailoverMatrix } from '../support/failover-matrix.ts'
import { seededRandom } from '../support/kill-loop.ts'

const wanted = process.env.UNDERSTUDY_MATRIX ?? '14'
const seed = Number(process.env.UNDERSTUDY_SEED ?? Date.now() % 1_000_000)
const only = process.env.UNDERSTUDY_CELLS

test(`faults at the stages of failovers: right bytes or one clear error, taken back or gone on with, and nothing left (UNDERSTUDY_SEED=${seed})`, {
  timeout: wanted === 'all' ? 14_400_000 : 120_000 + Number(wanted) * 10_000,
}, async (t) => {
  const cells = allFailoverCells().filter(
    ({ fault, operation, step, side, after }) => only === undefined || `${fault}, ${operation}, ${step}, ${side}, ${after}`.includes(only),
  )
  const random = seededRandom(seed)
  const chosen =
    wanted === 'all'
      ? cells
      : cells
          .map((cell) => ({ cell, order: random() }))
          .sort((a, b) => a.order - b.order)
          .slice(0, Number(wanted))
          .map(({ cell }) => cell)
  const broken: string[] = []
  const results = await runFailoverMatrix(
    chosen,
    (cell) => process.env.UNDERSTUDY_MATRIX_LOG === '1' && console.error(JSON.stringify(cell)),
    (_, error) => {
      broken.push(`${error.message}\n${(error.cause as Error).stack}`)
      if (process.env.UNDERSTUDY_MATRIX_LOG === '1') console.error(broken.at(-1))
    },
  )
  for (const line of table(results)) t.diagnostic(line)
  for (const line of broken) t.diagnostic(line)
  assert.deepEqual(broken.length, 0, broken.join('\n'))
  assert.ok(results.filter(({ struck }) => struck).length >= chosen.length / 4, 'most faults never struck')
})

/** A row a fault, a column an operation: how many succeeded although it struck, how many ended with one clear error, and with which. */
function table(results: readonly FailoverCellResult[]): string[] {
  const rows = new Map<string, Map<string, { ok: number; failed: number }>>()
  const codes = new Map<string, Set<string>>()
  for (const { fault, operation, outcome, struck } of results) {
    const row = rows.get(fault) ?? new Map<string, { ok: number; failed: number }>()
    const cell = row.get(operation) ?? { ok: 0, failed: 0 }
    if (struck) cell[outcome === 'ok' ? 'ok' : 'failed']++
    row.set(operation, cell)
    rows.set(fault, row)
    if (outcome !== 'ok') codes.set(fault, (codes.get(fault) ?? new Set()).add(outcome))
  }
  const columns = [...new Set(results.map(({ operation }) => operation))]
  return [
    `| fault | ${columns.join(' | ')} | errors |`,
    `|---|${columns.map(() => '---|').join('')}---|`,
    ...[...rows].map(([fault, row]) => {
      const cells = columns.map((column) => {
        const { ok, failed } = row.get(column) ?? { ok: 0, failed: 0 }
        return ok + failed === 0 ? '–' : failed === 0 ? `${ok}` : `${ok} + ${failed}`
      })
      return `| ${fault} | ${cells.join(' | ')} | ${[...(codes.get(fault) ?? [])].sort().join(', ')} |`
    }),
  ]
}
