/**
 * Preloaded into each test process (`--import`): when all tests of the file are over, nothing that they opened may be left. Fails the
 * file naming sockets, servers, timers, child processes (also grandchildren) and temporary files, and ends what was left.
 *
 * Each test process gets a folder for temporary files of its own as TMPDIR: what lies in it at the end is a leak, and a process that
 * carries it in its environment is a descendant of the test, whoever its parent is by now.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { knownOrigins, openResources, watchOrigins } from './open-resources.ts'
import { descendants, describeProcess } from './process-tree.ts'

/** Closing takes turns of the event loop and, for processes, a moment: how long things may take to go after the last test. */
const graceMs = Number(process.env.UNDERSTUDY_LEAK_GRACE_MS ?? 3_000)
/** A file that hangs says so itself, with what it waits for, before the runner gives it up. */
const fileLimitMs = Number(process.env.UNDERSTUDY_TEST_FILE_LIMIT_MS ?? 600_000)

// Processes that a test starts inherit the environment and may inherit `--import` (fork): only the test process itself is checked.
if (process.env.NODE_TEST_CONTEXT !== undefined && process.env.UNDERSTUDY_LEAK_CHECK === undefined) {
  process.env.UNDERSTUDY_LEAK_CHECK = String(process.pid)
  start()
}

function start(): void {
  // A short name: paths of unix sockets in it have to stay below 108 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'u'))
  process.env.TMPDIR = folder
  // npm and others would keep theirs there, unless they are told where.
  if (process.env.NODE_COMPILE_CACHE === undefined) process.env.NODE_DISABLE_COMPILE_CACHE = '1'
  // Whoever imports node:process makes it, such as packages of the browser's driver.
  void process.stdin
  const before = openResources()
  if (process.env.UNDERSTUDY_LEAK_ORIGINS === '1') watchOrigins()
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const look = () => [...openResources(before), ...descendantsOf(folder), ...filesIn(folder)]
  const endWith = (message: string) => {
    process.stderr.write(`${message}: ${look().join('; ')}${originsHint()}\n`)
    for (const child of descendants(process.pid, folder)) kill(child)
    process.exit(1)
  }
  setTimeout(endWith, fileLimitMs, 'this file hangs; open').unref()
  afterEverything(async () => {
    const leaks = await settledLeaks(look)
    // Keeps nothing itself: it fires when something that was not seen, or not open yet, still keeps the process.
    if (leaks.length === 0) return void setTimeout(endWith, graceMs, 'leaked').unref()
    for (const child of descendants(process.pid, folder)) kill(child)
    // What is still open would keep the process: end it, once the failure is reported.
    setTimeout(() => process.exit(1), 500).unref()
    throw new Error(`leaked: ${leaks.join('; ')}${originsHint()}`)
  })
}

/**
 * Runs `check` as the last of the file's `after` hooks. They run in the order they were registered, so that the line which registers
 * it is put at the end of the test file itself while that is loaded.
 */
function afterEverything(check: () => Promise<void>): void {
  const file = pathToFileURL(process.argv[1] ?? '').href
  const key = 'understudy.leakCheck'
  Object.assign(globalThis, { [key]: () => after(check, { timeout: Number.POSITIVE_INFINITY }) })
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (url !== file) return loaded
      return { ...loaded, source: `${Buffer.from((loaded.source ?? '') as Uint8Array)}\n;globalThis['${key}']();\n` }
    },
  })
}

async function settledLeaks(look: () => string[]): Promise<string[]> {
  const end = performance.now() + graceMs
  for (;;) {
    // First of all, since what the last line of a test began (a listen, a connect) may not be there in the same turn.
    await delay(25)
    const leaks = look()
    if (leaks.length === 0 || performance.now() > end) return leaks
  }
}

function descendantsOf(folder: string): string[] {
  return descendants(process.pid, folder).map((child) => `process ${describeProcess(child)}`)
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).map((name) => `temporary file ${name}`)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has gone by itself
  }
}

function originsHint(): string {
  if (process.env.UNDERSTUDY_LEAK_ORIGINS === '1') return knownOrigins().join('')
  return ' (UNDERSTUDY_LEAK_ORIGINS=1 shows where timers and sockets were made)'
}
