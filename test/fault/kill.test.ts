/** G1 and G3 under kill -9; `npm run soak` does it for hours. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killLoop } from '../support/kill-loop.ts'

const rounds = Number(process.env.UNDERSTUDY_KILLS ?? 18)
const seed = Number(process.env.UNDERSTUDY_SEED ?? Date.now() % 1_000_000)

test(`G1, G3: ${rounds} kills of mover, source pool and target pool at random instants (UNDERSTUDY_SEED=${seed})`, {
  timeout: 60_000 + rounds * 30_000,
}, async (t) => {
  const tally = await killLoop({ rounds, seed, log: (line) => t.diagnostic(line) })
  const hit = Object.values(tally).reduce((sum, { hit: more }) => sum + more, 0)
  t.diagnostic(`hit in the middle: ${JSON.stringify(tally)}`)
  assert.ok(hit >= rounds / 3, `only ${hit} of ${rounds} kills came before the run was over`)
})
