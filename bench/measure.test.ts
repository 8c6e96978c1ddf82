import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measure } from './measure.ts'

const MiB = 2 ** 20

function node(program: string, env: Record<string, string> = {}): Promise<Awaited<ReturnType<typeof measure>>> {
  return measure(process.execPath, ['--eval', program], { env, timeoutMs: 60_000 })
}

test('processor time of the program is measured, also when it mostly waits', async () => {
  // The program says what it used itself.
  const busy = await node('while (process.cpuUsage().user < 400_000); setTimeout(() => console.log(process.cpuUsage()), 300)')
  assert.equal(busy.exitCode, 0, busy.stderr)
  assert.ok(busy.userSeconds >= 0.35 && busy.userSeconds < 1.5, `${busy.userSeconds} s of user time`)
  assert.ok(busy.wallSeconds >= busy.userSeconds + 0.25, `${busy.wallSeconds} s in all`)
  assert.ok(busy.systemSeconds < busy.wallSeconds)
})

test('peak memory is that of the program, also when it gave the memory back', async () => {
  const small = await node('setTimeout(() => undefined, 100)')
  const big = await node(
    'let memory = Buffer.alloc(300 * 2 ** 20, 1); setTimeout(() => { memory = undefined; gc(); setTimeout(() => undefined, 50) }, 100)',
    { NODE_OPTIONS: '--expose-gc' },
  )
  assert.equal(big.exitCode, 0, big.stderr)
  assert.ok(small.peakBytes > 20 * MiB && small.peakBytes < 150 * MiB, `${small.peakBytes}`)
  assert.ok(big.peakBytes - small.peakBytes > 280 * MiB && big.peakBytes - small.peakBytes < 350 * MiB, `${big.peakBytes}`)
})

test('output, errors and exit code are those of the program, and it has no descriptor of ours', async () => {
  const { exitCode, stdout, stderr } = await node(
    "console.log('out'); console.error('err'); try { require('node:fs').fstatSync(3).isFIFO() && console.log('open') } catch {}; process.exitCode = 7",
    { NODE_OPTIONS: '' },
  )
  assert.equal(exitCode, 7)
  assert.equal(stdout, 'out\n')
  assert.equal(stderr, 'err\n')
})

test('a program that takes too long is killed, and that is an error', async () => {
  await assert.rejects(measure('sleep', ['60'], { timeoutMs: 200 }), /sleep took longer than 0\.2 s/)
})

test('a program that does not exist gives the exit code of the shell', async () => {
  const { exitCode, stderr } = await measure('no-such-program', [])
  assert.equal(exitCode, 127)
  assert.match(stderr, /not found/)
})
