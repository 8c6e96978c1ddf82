import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'

const script = join(import.meta.dirname, '..', '..', 'scripts', 'quickstart.ts')

/** Runs the script to its end; `onText` sees all that it has printed so far. */
async function quickstart(args: string[], onText: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    onText(stripVTControlCharacters(text), (signal) => child.kill(signal))
  })
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    errors += piece
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, text: stripVTControlCharacters(text), errors }
}

test('quickstart --once shows a full copy, a delta and the equal hashes of both sides, and ends', async () => {
  const { code, text, errors } = await quickstart(['--once'])
  assert.equal(code, 0, errors)
  assert.match(text, /^✓ First run +full: .* sent, /m)
  assert.match(text, /^✓ Second run +delta: 12\.0 MiB changed, /m)
  assert.equal(text.match(/^✓ Equal +disk \d on both pools: SHA-256 [0-9a-f]{16}…/gm)?.length, 2)
  assert.match(text, /^✓ Server +job "database to \w+", every 10 minutes; its first run: delta, /m)
  assert.doesNotMatch(text, /Ctrl-C/)
})

test('quickstart without --once keeps the lab up until it is interrupted, then leaves nothing', async () => {
  let isSignalled = false
  const { code, text, errors } = await quickstart([], (shown, kill) => {
    if (isSignalled || !shown.includes('stay up until Ctrl-C')) return
    isSignalled = true
    kill('SIGINT')
  })
  assert.equal(code, 0, errors)
  assert.match(text, /^The page: http:\/\/127\.0\.0\.1:\d+ +admin \/ /m)
  assert.match(text, /https:\/\/127\.0\.0\.1:\d+ +root \/ /)
})

test('an unknown option is refused', async () => {
  assert.deepEqual(await quickstart(['--twice']), {
    code: 2,
    text: '',
    errors: 'quickstart: unknown option --twice; there is only --once\n',
  })
})
