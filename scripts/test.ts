/**
 * `npm test`: type check, lint and format, layer rules, generated files, then all tests.
 * Usage: npm test [-- [--only checks|unit|integration|contract|fault|e2e] [FILE...]]; with a part or files only those run.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { run } from 'node:test'
import { parseArgs } from 'node:util'
import { buildPage } from './build-page.ts'
import { installSystemPackages } from './system-packages.ts'
import { TestReport, type Totals } from './test-report.ts'

const root = join(import.meta.dirname, '..')
const testLimitMs = 300_000
const wholeLimitMs = 30 * 60_000

const checks: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['type check', 'tsc', '-p', '.'],
  ['type check of the page', 'tsc', '-p', 'web'],
  ['lint and format', 'biome', 'check', '--error-on-warnings'],
  ['layer rules', 'node', 'scripts/check-layers.ts'],
  ['generated files', 'node', 'scripts/generate-xapi-model.ts', '--check'],
  ['API document', 'node', 'scripts/generate-openapi.ts', '--check'],
  ['types of the API', 'node', 'tools/api-types/generate-api-types.ts', '--check'],
  ['command reference', 'node', 'scripts/generate-command-reference.ts', '--check'],
]

const parts: Readonly<Record<string, readonly string[]>> = {
  unit: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts', 'test/support/**/*.test.ts'],
  integration: ['test/integration/**/*.test.ts'],
  contract: ['test/contract/**/*.test.ts'],
  fault: ['test/fault/**/*.test.ts'],
  e2e: ['test/e2e/**/*.test.ts'],
}

/** Prints what a failed check printed. Names of the failed ones; what a check says that it did not do is told like a skipped test. */
function runChecks(): { failed: string[]; notRun: string[] } {
  const failed: string[] = []
  const notRun: string[] = []
  for (const [name, program, ...args] of checks) {
    const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
    const skipped = `${stdout}${stderr}`.split('\n').find((line) => line.startsWith('SKIPPED: '))
    if (skipped) notRun.push(`${name}: ${skipped.slice('SKIPPED: '.length)}`)
    if (status === 0) {
      console.log(`✓ ${name}${skipped ? ' (not run)' : ''}`)
      continue
    }
    failed.push(name)
    console.log(`✗ ${name}\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`)
  }
  return { failed, notRun }
}

/** Tests must not depend on the caller's settings, and never go through a proxy to reach this machine. */
function prepareEnvironment(temporary: string): void {
  for (const name of Object.keys(process.env)) {
    if (/^(npm_|UNDERSTUDY_(TRUST|DEBUG)$|NODE_OPTIONS$|NODE_ENV$)/i.test(name)) delete process.env[name]
  }
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin']
  const noProxy = [process.env.no_proxy, '127.0.0.1', 'localhost'].filter(Boolean).join(',')
  Object.assign(process.env, {
    PATH: path.join(delimiter),
    TMPDIR: temporary,
    // Shared by all test processes and what they start: stripping types anew in each takes longer than most tests.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'),
    no_proxy: noProxy,
    NO_PROXY: noProxy,
  })
}

async function runTests(files: readonly string[]): Promise<Totals> {
  // In one folder, which goes with all that a test process which had to be killed left in its own.
  const temporary = mkdtempSync(join(tmpdir(), 'us'))
  prepareEnvironment(temporary)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  const report = new TestReport(root)
  const events = run({
    files: [...files],
    cwd: root,
    concurrency: availableParallelism(),
    // For the single tests; a file as a whole is limited by the leak check.
    execArgv: [`--test-timeout=${testLimitMs}`, '--import', join(root, 'test', 'support', 'leak-check.ts')],
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(wholeLimitMs)]),
  })
  events.on('test:enqueue', (data) => report.started(data))
  events.on('test:pass', (data) => report.passed(data))
  events.on('test:fail', (data) => report.failed(data))
  events.on('test:complete', (data) => report.completed(data, files.length))
  events.on('test:stderr', (data) => report.output(data.file, data.message))
  events.on('test:stdout', (data) => report.output(data.file, data.message))
  // Flowing until everything has been told.
  for await (const _ of events);
  rmSync(temporary, { recursive: true, force: true })
  if (files.length > 10) console.log(`slowest: ${report.slowest(20)}`)
  return report.totals()
}

function filesOf(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: root })
    .sort()
    .map((file) => join(root, file))
}

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true })
const known = ['checks', ...Object.keys(parts)]
if (values.only !== undefined && !known.includes(values.only)) {
  console.error(`--only takes one of ${known.join(', ')}`)
  process.exit(2)
}
const named = positionals.map((file) => resolve(file))
const files = named.length > 0 ? named : filesOf(values.only ? (parts[values.only] ?? []) : Object.values(parts).flat())
const isWhole = values.only === undefined && named.length === 0

installSystemPackages()
// Once for all that start a server; what is wrong with it is told by the tests of the page.
if (files.some((file) => /[/\\](e2e|integration)[/\\]/.test(file))) {
  try {
    buildPage()
  } catch (error) {
    console.error(String(error))
  }
}
const isChecking = isWhole || values.only === 'checks'
const checked = isChecking ? runChecks() : { failed: [], notRun: [] }
const totals = files.length > 0 ? await runTests(files) : { passed: 0, failed: 0, notRun: [] }
// Each check counts as a test.
const failed = totals.failed + checked.failed.length
const passed = totals.passed + (isChecking ? checks.length - checked.failed.length : 0)
for (const line of [...checked.notRun, ...totals.notRun]) console.log(`NOT RUN: ${line}`)
if (checked.failed.length > 0) console.log(`FAILED CHECKS: ${checked.failed.join(', ')}`)
if (!isWhole) console.log(`Only a part was run: ${values.only ?? (files.length === 1 ? '1 file' : `${files.length} files`)}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
