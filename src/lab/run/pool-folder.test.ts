import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
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
  `const { openPoolFolder } = await import(${JSON.stringify(here)}); openPoolFolder(${JSON.stringify(data)}, 'locked'); ${after}`

test('a folder has one user at a time, also across processes', async () => {
  const first = openPoolFolder(data, 'locked')
  assert.throws(
    () => openPoolFolder(data, 'locked'),
    (error: unknown) => error instanceof LabError && error.message.includes(String(process.pid)),
  )
  await assert.rejects(promisify(execFile)(process.execPath, ['--input-type=module', '-e', program('')]), /in use by another lab/)
  first.release()
  openPoolFolder(data, 'locked').release()
})

test('the lock of a process that was killed with SIGKILL is not in the way', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program("console.log('locked'); setInterval(() => {}, 1000)")])
  await once(child.stdout, 'data')
  assert.throws(() => openPoolFolder(data, 'locked'), LabError)
  child.kill('SIGKILL')
  await once(child, 'close')
  openPoolFolder(data, 'locked').release()
})

test('what a pool was, and the order of pools, are remembered', () => {
  for (const [name, made] of [
    ['zurich', 10],
    ['aachen', 20],
  ] as const) {
    const folder = openPoolFolder(data, name)
    assert.equal(folder.record, undefined)
    folder.remember({ made, password: 'p', nbd: true, clockOffset: 5, ports: { xapi: 1, nbd: 2, control: 3 } })
    folder.release()
  }
  const zurich = openPoolFolder(data, 'zurich')
  assert.deepEqual(zurich.record, { made: 10, password: 'p', nbd: true, clockOffset: 5, ports: { xapi: 1, nbd: 2, control: 3 } })
  zurich.release()
  assert.deepEqual(poolsIn(data), ['zurich', 'aachen'])
})

test('what a first start left that did not get through is removed, and nothing else ever', () => {
  const left = join(data, 'halfway', 'left')
  openPoolFolder(data, 'halfway').release()
  writeFileSync(left, '')
  const second = openPoolFolder(data, 'halfway')
  assert.ok(!existsSync(left))
  second.remember({ made: 1, password: 'p', nbd: true, clockOffset: 0, ports: { xapi: 1, nbd: 2, control: 3 } })
  writeFileSync(left, '')
  second.release()
  openPoolFolder(data, 'halfway').release()
  assert.ok(existsSync(left))
})

test('a folder with something else in it is left alone', () => {
  mkdirSync(join(data, 'Documents'))
  writeFileSync(join(data, 'Documents', 'letter'), 'dear')
  assert.throws(() => openPoolFolder(data, 'Documents'), LabError)
  assert.deepEqual(readdirSync(join(data, 'Documents')), ['letter'])
})

test('names that can not be folders, or differ in case only, are refused', () => {
  checkPoolNames(['paris', 'oslo-2'])
  for (const names of [[], [''], ['../x'], ['a b'], ['paris', 'Paris'], ['x'.repeat(33)]])
    assert.throws(() => checkPoolNames(names), LabError)
})
