/** The lab of a server is a process of its own that lives and dies with it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageFolder } from '../../src/api/start-server.ts'
import { Failure } from '../../src/core/failure.ts'
import { startLabProcess } from '../../src/jobs/try-lab/lab-process.ts'
import { TryLab } from '../../src/jobs/try-lab/try-lab.ts'
import { until } from '../support/server-pools.ts'

const command = [process.execPath, join(packageFolder('bin'), 'understudy.js')]
const never = new AbortController().signal

const temporary = (t: { after(then: () => void): void }) => {
  const folder = mkdtempSync(join(tmpdir(), 'try'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the lab is started on its folder, ended, and started again with the same pools', async (t) => {
  const data = join(temporary(t), 'lab')
  const first = await startLabProcess(command, data, never)
  assert.deepEqual(
    first.pools.map(({ name, vms }) => [name, vms.length > 0]),
    [
      ['paris', true],
      ['oslo', false],
    ],
  )
  await first.close()
  const second = await startLabProcess(command, data, never)
  assert.deepEqual(
    second.pools.map(({ url, fingerprint }) => [url, fingerprint]),
    first.pools.map(({ url, fingerprint }) => [url, fingerprint]),
  )
  await second.close()
  await second.ended
})

test('a program that was started with --while-stdin ends when the one that started it is gone', async (t) => {
  const data = join(temporary(t), 'lab')
  // In between stands what gets killed: it starts the lab and tells its process.
  const source = `const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify([command[1], 'lab', '--data', data, '--json', '--while-stdin'])}, { stdio: ['pipe', 'pipe', 'inherit'] })
child.stdout.once('data', () => console.log(child.pid))
setInterval(() => {}, 1000)`
  const between = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [told] = (await once(between.stdout, 'data')) as [Buffer]
  const lab = Number(String(told))
  const lives = () => {
    try {
      process.kill(lab, 0)
      return true
    } catch {
      return false
    }
  }
  assert.ok(lives())
  between.kill('SIGKILL')
  await once(between, 'close')
  await until('the lab has ended', () => !lives())
})

test('a lab that does not start is told with what it said, and can be started again', async (t) => {
  await assert.rejects(
    startLabProcess([process.execPath, '-e', 'console.error("no room"); process.exit(3)', '--'], temporary(t), never),
    (error: unknown) => error instanceof Failure && error.code === 'LAB_NOT_STARTED' && error.message.includes('no room'),
  )
  const errors: unknown[] = []
  const nothing = { list: async () => [] } as never
  const lab = new TryLab({
    plane: { pools: nothing, jobs: nothing, runs: nothing },
    folder: temporary(t),
    command: [process.execPath, '-e', 'console.error("no room"); process.exit(3)', '--'],
    onError: (error) => errors.push(error),
  })
  const by = { kind: 'system', id: '', name: 'test' } as const
  assert.equal(lab.start(by).state, 'starting')
  await until('it has failed', () => lab.status().state === 'failed')
  assert.equal(lab.status().error?.code, 'LAB_NOT_STARTED')
  await assert.rejects(lab.write(), (error: unknown) => error instanceof Failure && error.code === 'LAB_NOT_RUNNING')
  await lab.remove(by)
  await until('it is gone', () => lab.status().state === 'none')
  await lab.close()
  assert.deepEqual(errors, [])
})
