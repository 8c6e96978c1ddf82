/** The files of docs/operations fit the program: figures that exist, options that are taken, JSON that can be read. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found]) => found as string)

/** Names of the figures that /metrics has, by the sources. */
function figures(): Set<string> {
  const sources = globSync('src/api/metrics/*.ts', { cwd: root })
    .filter((file) => !file.endsWith('.test.ts'))
    .map(read)
    .join('\n')
  return new Set(all(sources, /'((?:understudy|process)_[a-z_]+)'/g))
}

test('the dashboard asks for figures that /metrics has, and for all that say how VMs, runs and pools are', () => {
  const dashboard = JSON.parse(read('docs/operations/grafana-dashboard.json')) as {
    panels: { id: number; title: string; gridPos: object; targets: { expr: string }[] }[]
  }
  const known = figures()
  assert.ok(known.size > 10)
  const asked = new Set(
    dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => all(expr, /\b((?:understudy|process)_[a-z_]+)/g))),
  )
  const base = (name: string) => (known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))
  assert.deepEqual(
    [...asked].filter((name) => !known.has(base(name))),
    [],
  )
  const told = new Set([...asked].map(base))
  const technical = /build_info|event_streams|start_time/
  assert.deepEqual(
    [...known].filter((name) => !told.has(name) && !technical.test(name)),
    [],
  )
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
})

test('docs/operations.md names every file beside it, and the package carries them', () => {
  const document = read('docs/operations.md')
  for (const file of globSync('docs/operations/*', { cwd: root })) assert.ok(document.includes(`](${file.replace('docs/', '')})`), file)
  const { files } = JSON.parse(read('package.json')) as { files: string[] }
  assert.ok(files.includes('docs/operations/*'))
})
