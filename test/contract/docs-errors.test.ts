/**
 * docs/errors.md and docs/replicate.md name exactly the codes, options and variables that the sources have. The sources are read
 * as text: codes are written as literals wherever something is thrown.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
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
const upper = (name: string) => name.toUpperCase().replaceAll('-', '_')

/** Names in the first column of a document's tables, one or several in a row. */
function firstColumn(document: string, name: RegExp): string[] {
  return all(document, /^\| (`[^|]*) \|/gm).flatMap((cell) => all(cell, name))
}

/** Members of a union of string literals. */
function members(text: string, union: string): string[] {
  const body = new RegExp(`type ${union} =([\\s\\S]*?)(?:\\n\\n|$)`).exec(text)?.[1]
  assert.ok(body, union)
  return all(body, /\| '([\w-]+)'/g)
}

/** Codes of the plan's refusals that something makes. */
function refusals(): string[] {
  const body = /^export interface Refusal \{\n([\s\S]*?)\n {2}readonly text/m.exec(read('src/core/plan.ts'))?.[1]
  assert.ok(body)
  const made = new Set(all(sources('core'), /\bcode: '([\w-]+)'/g))
  return all(body, /'([\w-]+)'/g).filter((code) => made.has(code))
}

function thrownCodes(): string[] {
  const engine = sources('core', 'replication')
  const explain = read('src/replication/explain.ts')
  const hints = /XAPI_HINTS[^=]*= \{([\s\S]*?)^\}/m.exec(explain)?.[1]
  assert.ok(hints)
  const xapi = sources('xapi')
  const vhd = sources('vhd')
  const made = (text: string, code: string) => text.split(`'${code}'`).length > 2
  return sorted([
    ...all(engine, /new Failure\(\s*'(\w+)'/g),
    ...refusals().map(upper),
    ...all(explain, /'(CERTIFICATE_\w+)'/g),
    ...all(hints, /^ {2}(\w+): \[/gm),
    ...all(`${engine}\n${xapi}`, /new XapiError\('(\w+)'/g),
    // A member that stands nowhere but in its union is not thrown by anything.
    ...members(read('src/xapi/errors.ts'), 'ConnectionFailure')
      .filter((reason) => made(xapi, reason))
      .map((reason) => `POOL_${upper(reason)}`),
    ...all(sources('nbd'), /new NbdError\(\s*'(\w+)'/g),
    ...members(read('src/vhd/error.ts'), 'VhdErrorCode')
      .filter((code) => made(vhd, code))
      .map(upper),
  ])
}

test('docs/errors.md lists exactly the codes that a run can end with', () => {
  assert.deepEqual(sorted(firstColumn(read('docs/errors.md'), /`([A-Z][A-Z0-9_]+)`/g)), thrownCodes())
})

test('docs/replicate.md explains exactly the reasons and warnings that plans and reports have', () => {
  const engine = sources('core', 'replication')
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
  const variables = sorted(all(sources('cli', 'xapi', 'core', 'replication'), /\benv\.(UNDERSTUDY_\w+)/g))
  assert.ok(variables.length > 3)
  assert.deepEqual(
    variables.filter((name) => !documents.includes(`\`${name}`)),
    [],
  )
})

test('docs/metadata.md explains exactly the keys that replication writes or reads', () => {
  const keys = sorted(firstColumn(read('docs/metadata.md'), /`((?:xo|understudy):[\w:-]+)`/g))
  const made = all(sources('replication'), /`(understudy:[\w-]+:)\$\{/g).map((start) => `${start}JOB:VM`)
  assert.deepEqual(keys, sorted([...Object.values(MARK), ...made]))
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
