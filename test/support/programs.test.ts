import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { missingPrograms, needs, programPath } from './programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'programs-'))
const saved = { PATH: process.env.PATH, CI: process.env.CI }

beforeEach(() => {
  process.env.PATH = folder
  delete process.env.CI
  // Programs that no machine has in /usr/sbin, where is looked as well.
  writeFileSync(join(folder, 'qemu-img'), '', { mode: 0o755 })
  writeFileSync(join(folder, 'nbdcopy'), '', { mode: 0o644 })
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  for (const [name, value] of Object.entries(saved)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

test('a program is found by its file that can be executed; a test that needs a missing one is skipped with the reason, or fails in CI', () => {
  assert.equal(programPath('qemu-img'), join(folder, 'qemu-img'))
  assert.deepEqual(missingPrograms(['qemu-img', 'nbdcopy', 'qemu-io', 'nbdinfo']), ['nbdcopy', 'qemu-io', 'nbdinfo'])
  assert.deepEqual(needs('qemu-img'), { skip: false })
  assert.deepEqual(needs('qemu-img', 'nbdcopy', 'nbdinfo', 'qemu-io'), {
    skip: 'needs nbdcopy, nbdinfo, qemu-io (Debian: apt-get install libnbd-bin qemu-utils)',
  })
  process.env.CI = 'true'
  assert.deepEqual(needs('qemu-img'), { skip: false })
  assert.throws(() => needs('nbdcopy'), /this test needs nbdcopy \(Debian: apt-get install libnbd-bin\)/)
})
