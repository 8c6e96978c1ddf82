import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const folder = import.meta.dirname

/** Runs the fixture as `npm test` runs a test file. */
function runFixture(settings: Record<string, string>): { status: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, UNDERSTUDY_LEAK_CHECK: __, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=tap', '--import', join(folder, 'leak-check.ts'), join(folder, 'fixtures', 'leaks.ts')],
    { encoding: 'utf8', env: { ...env, UNDERSTUDY_LEAK_GRACE_MS: '500', ...settings }, timeout: 30_000, killSignal: 'SIGKILL' },
  )
  return { status, output: stdout + stderr }
}

for (const leak of ['nothing', 'closed late', 'closed in the hook']) {
  test(`a test file that leaks nothing passes: ${leak}`, () => {
    const { status, output } = runFixture({ FIXTURE_LEAK: leak })
    assert.equal(status, 0, output)
    assert.match(output, /^# pass 1$/m)
  })
}

for (const [leak, named] of Object.entries({
  timer: /leaked: Timeout/,
  interval: /leaked: Timeout/,
  server: /leaked: TCPServerWrap \(listening on 127\.0\.0\.1:\d+\)/,
  socket: /leaked: TCPSocketWrap \(127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+\)/,
  process: /leaked: process \d+ \(sleep 60\)/,
  grandchild: /leaked: process \d+ \(sleep 60\)/,
  file: /leaked: temporary file left-/,
})) {
  test(`a test file that leaks a ${leak} fails, names it, and doesn't hang`, () => {
    const { status, output } = runFixture({ FIXTURE_LEAK: leak })
    assert.equal(status, 1, output)
    assert.match(output, named)
    assert.match(output, /^# fail 1$/m)
  })
}

test('a test file that hangs is ended at its limit and says what is open', () => {
  const { status, output } = runFixture({ FIXTURE_LEAK: 'never ends', UNDERSTUDY_TEST_FILE_LIMIT_MS: '700' })
  assert.equal(status, 1, output)
  assert.match(output, /this file hangs; open: TCPServerWrap \(listening on/)
})
