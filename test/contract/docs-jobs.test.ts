/** docs/jobs.md names exactly the settings and reasons that jobs have. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/core/control/job.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] as string)
const part = (heading: string) => read('docs/jobs.md').split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
const firstColumn = (text: string) => all(text, /^\| (`[^|]*) \|/gm).flatMap((cell) => all(cell, /`([\w-]+)`/g))

test('docs/jobs.md explains exactly the settings of a job', () => {
  const known = Object.keys(DEFAULT_SETTINGS)
  assert.deepEqual(firstColumn(part('Settings of a job')).sort(), known.sort())
})

test('docs/jobs.md explains exactly the reasons that the control plane gives', () => {
  const sources = globSync('src/{core/control,jobs}/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
  const made = new Set(sources.flatMap((file) => all(read(file), /because\('([a-z-]+)'/g)))
  assert.ok(made.size > 3)
  assert.deepEqual(firstColumn(part('Runs')).sort(), [...made].sort())
})
