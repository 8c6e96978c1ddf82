import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

function npmTest(...args: string[]): { status: number | null; lines: string[] } {
  const { NODE_TEST_CONTEXT: _, UNDERSTUDY_LEAK_CHECK: __, ...env } = process.env
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
    env,
    timeout: 60_000,
  })
  return { status, lines: stdout.trimEnd().split('\n') }
}

test('a failed test is shown with its path, its difference and what the file printed; the last line counts', () => {
  const { status, lines } = npmTest('test/support/fixtures/outcomes.ts')
  const text = lines.join('\n')
  assert.equal(status, 1)
  assert.match(text, /^✗ test\/support\/fixtures\/outcomes\.ts > inside > fails \(.*outcomes\.ts:8\)$/m)
  assert.match(text, /^ +\+ {3}offset: 1$/m)
  assert.match(text, /printed by the fixture/)
  assert.match(text, /^NOT RUN: needs no-such-program: test\/support\/fixtures\/outcomes\.ts > lacks a program$/m)
  assert.equal(lines.at(-1), '1 passed, 1 failed')
})

test('passed tests take no lines beside the count', () => {
  const { status, lines } = npmTest('test/support/fixtures/leaks.ts')
  assert.equal(status, 0)
  assert.deepEqual(lines, ['Only a part was run: 1 file', '1 passed, 0 failed'])
})

test('a test file that leaks fails the run', () => {
  process.env.FIXTURE_LEAK = 'file'
  const { status, lines } = npmTest('test/support/fixtures/leaks.ts')
  delete process.env.FIXTURE_LEAK
  assert.equal(status, 1)
  assert.match(lines.join('\n'), /leaks\.ts > leaves nothing behind .*\n +Error: leaked: temporary file left-/)
  assert.equal(lines.at(-1), '1 passed, 1 failed')
})

test('an unknown part is refused', () => {
  assert.equal(npmTest('--only', 'everything').status, 2)
})

test('a test file that does not exist fails the run', () => {
  const { status, lines } = npmTest('test/no-such.test.ts')
  assert.equal(status, 1)
  assert.equal(lines.at(-1), '0 passed, 1 failed')
})
