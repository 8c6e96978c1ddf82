/** docs/errors.md lists exactly the registry of errors; the other documents name exactly the reasons, options and variables of the sources. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ErrorArea } from '../../src/core/errors/entry.ts'
import { FAILING_OVER } from '../../src/core/errors/failing-over.ts'
import { PLANNING } from '../../src/core/errors/planning.ts'
import { ERROR_AREAS, isErrorCode, isXapiErrorCode } from '../../src/core/errors/registry.ts'
import { RUNNING } from '../../src/core/errors/running.ts'
import { MARK } from '../../src/core/marks.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** Sources of some folders without their tests, as one text. */
function sources(...folders: readonly string[]): string {
  const files = folders.flatMap((folder) => globSync(`src/${folder}/**/*.ts`, { cwd: root })).filter((file) => !file.endsWith('.test.ts'))
  assert.ok(files.length > 0)
  return files.sort().map(read).join('\n')
}

const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] as string)
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()

/** Names in the first column of a document's tables, one or several in a row. */
function firstColumn(document: string, name: RegExp): string[] {
  return all(document, /^\| (`[^|]*) \|/gm).flatMap((cell) => all(cell, name))
}

/** Codes of the plan's refusals that something makes. */
function refusals(): string[] {
  const body = /^export interface Refusal \{\n([\s\S]*?)\n {2}readonly text/m.exec(read('src/core/refusals.ts'))?.[1]
  assert.ok(body)
  const made = new Set(all(sources('core'), /\bcode: '([\w-]+)'/g))
  return all(body, /'([\w-]+)'/g).filter((code) => made.has(code))
}

/** A document's parts by their headings of the second level. */
const partsOf = (document: string) => new Map(document.split(/^## /m).map((part) => [part.slice(0, part.indexOf('\n')), part] as const))

for (const [heading, area] of Object.entries<ErrorArea>(ERROR_AREAS)) {
  test(`docs/errors.md lists under "${heading}" exactly the codes that the registry has of it`, () => {
    const part = partsOf(read('docs/errors.md')).get(heading)
    assert.ok(part, 'the heading')
    assert.deepEqual(sorted(firstColumn(part, /`([A-Z][A-Z0-9_]+)`/g)), sorted(Object.keys(area)))
  })
}

test('docs/errors.md explains no code that the registry has not', () => {
  const codes = firstColumn(read('docs/errors.md'), /`([A-Z][A-Z0-9_]+)`/g)
  assert.equal(new Set(codes).size, codes.length, 'each once')
  assert.deepEqual(
    codes.filter((code) => !isErrorCode(code)),
    [],
  )
})

test('every code of the registry is made by something', () => {
  const folders = globSync('src/*/', { cwd: root }).map((folder) => folder.replace(/^src\/|\/$/g, ''))
  const files = folders.filter((folder) => folder !== 'lab').flatMap((folder) => globSync(`src/${folder}/**/*.ts`, { cwd: root }))
  const made = files.filter((file) => !file.endsWith('.test.ts') && !file.startsWith('src/core/errors/')).map(read)
  /** Times that a name stands as a literal: members of a union stand there once without being made. */
  const times = (name: string) => made.reduce((sum, text) => sum + text.split(`'${name}'`).length - 1, 0)
  const lower = (name: string) => name.toLowerCase().replaceAll('_', '-')
  const isMade = (code: string): boolean => {
    // XAPI makes them itself.
    if (isXapiErrorCode(code)) return true
    const [, reason] = /^(?:POOL|IMAGE)_(\w+)$/.exec(code) ?? []
    if (reason !== undefined && times(lower(reason)) > 1) return true
    const [, kind] = /^CERTIFICATE_(\w+)$/.exec(code) ?? []
    if (kind !== undefined) return times(lower(kind)) > 1
    return times(code) > (code.startsWith('NBD_') ? 1 : 0) || times(lower(code)) > 1
  }
  assert.deepEqual(
    Object.values<ErrorArea>(ERROR_AREAS)
      .flatMap((area) => Object.keys(area))
      .filter((code) => !isMade(code)),
    [],
  )
})

test('docs/replicate.md explains exactly the reasons and warnings that plans and reports have', () => {
  const engine = sources('core', 'replication').replaceAll(sources('core/failover'), '').replaceAll(sources('replication/failover'), '')
  const refused = new Set(refusals())
  const codes = [
    ...all(engine, /code: '([a-z][\w-]+)'/g).filter((code) => !refused.has(code)),
    ...all(engine, /\b(?:clone|fullBecause)\(\s*'([\w-]+)'/g),
    ...all(engine, /\? fullBecause\('([\w-]+)'/g),
  ]
  const part = read('docs/replicate.md').split('### Codes of reasons and warnings')[1]?.split('\n## ')[0]
  assert.ok(part)
  const vifs = /^Why an interface goes where it goes: (.*)$/m.exec(part)?.[1]
  assert.ok(vifs)
  assert.deepEqual(sorted([...firstColumn(part, /`([\w-]+)`/g), ...all(vifs, /`([\w-]+)`/g)]), sorted(codes))
})

test('docs/failover.md explains exactly the reasons and warnings that plans and reports of failovers have', () => {
  const made = all(sources('core/failover', 'replication/failover'), /code: (?:\w+ \? '[\w-]+' : )?'([a-z][\w-]+)'/g)
  const others = [
    ...all(sources('core/failover', 'replication/failover'), /code: \w+ \? '([\w-]+)'/g),
    ...all(sources('core/failover'), /\breplaced\('([\w-]+)'/g),
  ]
  const refused = Object.keys(FAILING_OVER)
    .concat(Object.keys(PLANNING), Object.keys(RUNNING))
    .map((code) => code.toLowerCase().replaceAll('_', '-'))
  const part = read('docs/failover.md').split('### Codes of reasons and warnings')[1]?.split('\n## ')[0]
  assert.ok(part)
  assert.deepEqual(sorted(firstColumn(part, /`([\w-]+)`/g)), sorted([...made, ...others].filter((code) => !refused.includes(code))))
})

test('docs/replicate.md has exactly the options of `understudy replicate --help`, which are those that it takes', () => {
  const { stdout, status } = spawnSync(process.execPath, [join(root, 'bin', 'understudy.js'), 'replicate', '--help'], { encoding: 'utf8' })
  assert.equal(status, 0)
  const told = sorted(all(stdout, /^ {2}(--[\w-]+)/gm))
  const table = read('docs/replicate.md').split('## Options')[1]?.split('\n### ')[0]
  assert.ok(table)
  assert.deepEqual(sorted(firstColumn(table, /`(--[\w-]+)/g)), told)
  assert.deepEqual(
    sorted(all(read('src/cli/replicate.ts'), /^ {6}'?([\w-]+)'?: \{ type: '(?:string|boolean)'/gm).map((name) => `--${name}`)),
    told,
  )
})

test('docs/replicate.md names every field of the report', () => {
  const document = read('docs/replicate.md')
  const part = document.split('## JSON report')[1]?.split('### Codes')[0]
  assert.ok(part)
  const report = read('src/core/report.ts').split('export type RunEvent')[0] as string
  const fields = all(report, /\breadonly (\w+)\??:/g)
  assert.ok(fields.length > 30)
  const named = (field: string) => new RegExp(`[\`{ ]${field}[\`,;} ]`).test(part)
  assert.deepEqual(
    sorted(fields).filter((field) => !named(field)),
    [],
  )
})

test('every environment variable that a command reads is in the documentation', () => {
  const documents = globSync('docs/*.md', { cwd: root }).map(read).join('\n')
  const variables = sorted(all(sources('cli', 'xapi', 'core', 'replication'), /(?:\benv\.|')(UNDERSTUDY_\w+)/g))
  assert.ok(variables.length > 3)
  assert.deepEqual(
    variables.filter((name) => !documents.includes(`\`${name}`)),
    [],
  )
})

test('docs/metadata.md explains exactly the keys that replication writes or reads', () => {
  const keys = sorted(firstColumn(read('docs/metadata.md'), /`((?:xo|understudy):[\w:-]+)`/g))
  const made = all(sources('replication'), /`(understudy:[\w-]+:)\$\{/g).map((start) => `${start}JOB:VM`)
  const marks = Object.values(MARK).map((mark) => (mark.endsWith(':') ? `${mark}RUN` : mark))
  assert.deepEqual(keys, sorted([...marks, ...made]))
})

test('links between the documents lead to documents and headings that exist', () => {
  const broken: string[] = []
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-')
  for (const file of [...globSync('docs/*.md', { cwd: root }), 'README.md', 'CHANGELOG.md']) {
    for (const target of all(read(file), /\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#')
      const linked = path === '' ? file : join(file, '..', path)
      const found = globSync(linked, { cwd: root }).length > 0
      const headings = found && anchor !== undefined ? all(read(linked), /^#+ (.*)$/gm).map(slug) : []
      if (!found || (anchor !== undefined && !headings.includes(anchor))) broken.push(`${file}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})
