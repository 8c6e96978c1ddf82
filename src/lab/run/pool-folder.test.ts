import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { checkPoolNames, LabError, openPoolFolder, poolsIn } from './pool-folder.ts'

let data: string
before(() => {
  data = mkdtempSync(join(tmpdir(), 'lab-folder-'))
})
after(() => rmSync(data, { recursive: true, force: true }))

const here = new URL('./pool-folder.ts', import.meta.url).href
const program = (after: string) =>
  `const { openPoolFolder } = await import(${JSON.stringify(here)}); openPoolFolder(${JSON.stringify(data)}, 'locked', 1); ${after}`

test('a folder has one user at a time, also across processes', async () => {
  const first = openPoolFolder(data, 'locked', 1)
  assert.throws(
    () => openPoolFolder(data, 'locked', 1),
    (error: unknown) => error instanceof LabError && error.message.includes(String(process.pid)),
  )
  await assert.rejects(promisify(execFile)(process.execPath, ['--input-type=module', '-e', program('')]), /in use by another lab/)
  first.release()
  openPoolFolder(data, 'locked', 1).release()
})

test('the lock of a process that was killed with SIGKILL is not in the way', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program("console.log('locked'); setInterval(() => {}, 1000)")])
  await once(child.stdout, 'data')
  assert.throws(() => openPoolFolder(data, 'locked', 1), LabError)
  child.kill('SIGKILL')
  await once(child, 'close')
  openPoolFolder(data, 'locked', 1).release()
})

test('ports and the order of pools are remembered', () => {
  for (const [name, made] of [
    ['zurich', 10],
    ['aachen', 20],
  ] as const)
    openPoolFolder(data, name, made).release()
  const zurich = openPoolFolder(data, 'zurich', 99)
  assert.equal(zurich.ports, undefined)
  zurich.remember({ xapi: 1, nbd: 2, control: 3 })
  zurich.release()
  const again = openPoolFolder(data, 'zurich', 99)
  assert.deepEqual(again.ports, { xapi: 1, nbd: 2, control: 3 })
  again.release()
  assert.deepEqual(poolsIn(data), ['locked', 'zurich', 'aachen'])
})

test('names that can not be folders, or differ in case only, are refused', () => {
  checkPoolNames(['paris', 'oslo-2'])
  for (const names of [[], [''], ['../x'], ['a b'], ['paris', 'Paris'], ['x'.repeat(33)]])
    assert.throws(() => checkPoolNames(names), LabError)
})
