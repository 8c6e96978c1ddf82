/**
 * `npm run soak`: the long versions of the tests that look for rare mistakes: 300 kills of runs and 200 of a server, both fault matrices whole, 300 kills of
 * failovers, a million inputs for each decoder. Hours. Usage: npm run soak [-- kills|server|matrix|failover-matrix|failover-kills|fuzz]
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const HOURS_MS = 12 * 3_600_000

const parts: Readonly<Record<string, { readonly env: Readonly<Record<string, string>>; readonly files: readonly string[] }>> = {
  kills: { env: { UNDERSTUDY_KILLS: '300' }, files: ['test/fault/kill.test.ts'] },
  server: { env: { UNDERSTUDY_SERVER_KILLS: '200' }, files: ['test/fault/server-kill.test.ts'] },
  matrix: { env: { UNDERSTUDY_MATRIX: 'all' }, files: ['test/fault/matrix.test.ts'] },
  'failover-matrix': { env: { UNDERSTUDY_MATRIX: 'all' }, files: ['test/fault/failover-matrix.test.ts'] },
  'failover-kills': { env: { UNDERSTUDY_FAILOVER_KILLS: '300' }, files: ['test/fault/failover-kill.test.ts'] },
  fuzz: {
    env: { UNDERSTUDY_FUZZ_ROUNDS: '1000000' },
    files: [
      // Every decoder of bytes that come from outside: docs/figures.md lists them.
      'src/**/fuzz.test.ts',
      'src/nbd/{handshake,transmission}.test.ts',
      'src/lab/bulk/receive.test.ts',
      'src/block/chunked-frame.test.ts',
    ],
  },
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((part) => !Object.hasOwn(parts, part))
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')} (${Object.keys(parts).join(', ')})`)
  process.exit(2)
}
let failed = false
for (const [name, { env, files }] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`== ${name}`)
  const args = [
    '--import',
    './test/support/leak-check.ts',
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=2',
    ...globSync([...files], { cwd: root }).sort(),
  ]
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env, UNDERSTUDY_TEST_FILE_LIMIT_MS: String(HOURS_MS) },
  })
  failed ||= status !== 0
}
process.exit(failed ? 1 : 0)
