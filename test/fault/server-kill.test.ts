/** `UNDERSTUDY_SERVER_KILLS=200` makes it the long version (npm run soak); `UNDERSTUDY_SEED` repeats a run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverKillLoop } from '../support/server-kill-loop.ts'

const rounds = Number(process.env.UNDERSTUDY_SERVER_KILLS ?? 6)
const seed = Number(process.env.UNDERSTUDY_SEED ?? Date.now() % 1_000_000)

test(`G3: a server killed ${rounds} times under load loses no job, no finished run, and its database stays whole`, {
  timeout: Math.max(240_000, rounds * 20_000),
}, async (context) => {
  context.diagnostic(`UNDERSTUDY_SEED=${seed}`)
  const log = rounds > 20 ? (line: string) => void process.stderr.write(`${line}\n`) : () => undefined
  const tally = await serverKillLoop({ rounds, seed, log })
  context.diagnostic(JSON.stringify(tally))
  assert.ok(tally.jobs > 0 && tally.changes > rounds && tally.runs > 0, 'there was something to lose')
})
