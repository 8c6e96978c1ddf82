import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')

/** Stands in for npm: installs one package, `node`, whose install script (installArchSpecificPackage.js) links this Node. */
const fakeNpm = `#!${process.execPath}
const fs = require('node:fs')
fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n')
if (process.env.FAKE_NPM === 'fails') { console.error('registry out of order'); process.exit(1) }
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
fs.mkdirSync('node_modules/node/bin', { recursive: true })
fs.mkdirSync('node_modules/.bin', { recursive: true })
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/node': lock.packages['node_modules/node'] } }))
const link = "const fs = require('node:fs'); fs.rmSync('bin/node', { force: true }); fs.symlinkSync('${process.execPath}', 'bin/node')"
fs.writeFileSync('node_modules/node/package.json', '{}')
fs.writeFileSync('node_modules/node/installArchSpecificPackage.js', process.env.FAKE_NPM === 'broken' ? 'process.exit(1)' : link)
if (!process.env.FAKE_NPM) require('node:child_process').execFileSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: 'node_modules/node' })
`

class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), 'checkout-'))

  constructor() {
    for (const file of ['bin/run-under.js', 'scripts/bootstrap.js']) cpSync(join(root, file), join(this.folder, file))
    writeFileSync(join(this.folder, 'package.json'), '{"type":"module"}')
    writeFileSync(
      join(this.folder, 'scripts', 'hello.ts'),
      'const text: string = process.argv.slice(2).join(); console.log(text, process.execPath); process.exitCode = 42',
    )
    mkdirSync(join(this.folder, 'path'))
    writeFileSync(join(this.folder, 'path', 'package.json'), '{}')
    writeFileSync(join(this.folder, 'path', 'npm'), fakeNpm, { mode: 0o755 })
    this.lock('aaa')
  }

  /** A lock file with the pinned Node and, as for another platform, a package that is never installed. */
  lock(integrity: string): void {
    const packages = {
      '': { name: 'checkout' },
      'node_modules/node': { version: process.version.slice(1), integrity },
      'node_modules/for-another-platform': { version: '1.0.0', optional: true },
    }
    writeFileSync(join(this.folder, 'package-lock.json'), JSON.stringify({ packages }))
  }

  run(
    fake?: 'without scripts' | 'fails' | 'broken',
    command = ['scripts/bootstrap.js', 'scripts/hello.ts', 'one', 'two'],
  ): { status: number | null; stdout: string; stderr: string } {
    const path = [join(this.folder, 'path'), process.env.PATH].join(delimiter)
    const { FAKE_NPM: _, ...env } = process.env
    return spawnSync(process.execPath, command, {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...env, PATH: path, ...(fake ? { FAKE_NPM: fake } : {}) },
    })
  }

  npmCalls(): string[] {
    const file = join(this.folder, 'npm-calls')
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

test('a fresh clone is installed once, then the script runs under the pinned Node with its arguments and exit code', () => {
  using checkout = new Checkout()
  for (const expected of [/node_modules is missing/, /^$/]) {
    const { status, stdout, stderr } = checkout.run()
    assert.equal(status, 42, stderr)
    assert.match(stderr, expected)
    assert.equal(stdout, `one,two ${process.execPath}\n`)
  }
  assert.deepEqual(checkout.npmCalls(), ['ci --include=dev --no-audit --no-fund --loglevel=error'])
})

test('a lock file with other packages than those in place is installed anew', () => {
  using checkout = new Checkout()
  checkout.run()
  checkout.lock('bbb')
  assert.match(checkout.run().stderr, /node_modules\/node is not the version of package-lock\.json/)
  assert.equal(checkout.npmCalls().length, 2)
})

test('where npm did not run the install script of the node package, it is run by hand', () => {
  using checkout = new Checkout()
  const { status, stderr } = checkout.run('without scripts')
  assert.equal(status, 42, stderr)
  assert.match(stderr, /npm did not run the install script of the node package/)
  assert.ok(existsSync(join(checkout.folder, 'node_modules', '.bin', 'node')))
})

test('where the pinned Node cannot be had, a Node that is new enough will do, and it is said', () => {
  using checkout = new Checkout()
  const { status, stderr } = checkout.run('broken')
  assert.equal(status, 42, stderr)
  assert.match(stderr, /^Going on with Node [\d.]+ instead of/m)
})

test('when npm fails three times its output is shown, and the exit code is 1', () => {
  using checkout = new Checkout()
  const { status, stderr } = checkout.run('fails')
  assert.equal(status, 1)
  assert.match(stderr, /registry out of order/)
  assert.equal(checkout.npmCalls().length, 3)
})

test('the command installs a fresh clone first', () => {
  using checkout = new Checkout()
  for (const file of ['bin/understudy.js', 'bin/launch.js', 'bin/server-flags.js']) cpSync(join(root, file), join(checkout.folder, file))
  mkdirSync(join(checkout.folder, 'src', 'cli'), { recursive: true })
  writeFileSync(
    join(checkout.folder, 'src', 'cli', 'main.ts'),
    'export function main(args: string[]) { console.log("main", args); process.exitCode = 9 }',
  )
  const { status, stdout, stderr } = checkout.run(undefined, ['bin/understudy.js', 'one', 'two'])
  assert.equal(status, 9, stderr)
  assert.match(stderr, /^Installing dependencies/)
  assert.equal(stdout, "main [ 'one', 'two' ]\n")
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} is handed on to the script, whose exit code counts`, async () => {
    using checkout = new Checkout()
    checkout.run()
    writeFileSync(
      join(checkout.folder, 'scripts', 'wait.ts'),
      `process.on('${signal}', () => process.exit(33)); setTimeout(() => process.exit(1), 50_000); console.log('ready')`,
    )
    // In a session of its own: a terminal sends Ctrl-C to the whole group, and then it is not handed on.
    const child = spawn(process.execPath, ['scripts/bootstrap.js', 'scripts/wait.ts'], {
      cwd: checkout.folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.stdout.once('data', () => child.kill(signal))
    assert.equal(await closed, 33)
  })
}

test('a script that a signal ended gives the exit code of a shell', () => {
  using checkout = new Checkout()
  writeFileSync(join(checkout.folder, 'scripts', 'hello.ts'), "process.kill(process.pid, 'SIGKILL')")
  assert.equal(checkout.run().status, 137)
})

/** A Node before 24 on this machine, if it has one: what `env node` finds outside the checkout. */
function olderNode(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(dirname(root)))
  return [...folders, '/usr/bin', '/usr/local/bin']
    .map((folder) => join(folder, 'node'))
    .find((file) => {
      const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
      const major = Number(/^v(\d+)/.exec(stdout ?? '')?.[1])
      return major >= 20 && major < 24
    })
}

const older = olderNode()
const skipWithoutOlder = older ? {} : { skip: 'needs a Node older than 24 on the PATH' }

test('under an older Node the command runs with the Node of the checkout and keeps its exit code', skipWithoutOlder, () => {
  const { status, stderr } = spawnSync(older ?? '', [join(root, 'bin', 'understudy.js'), 'no-such-command'], { encoding: 'utf8' })
  assert.equal(status, 2, stderr)
  assert.match(stderr, /^understudy: unknown command 'no-such-command'/)
})

test('under an older Node without a newer one at hand, one line says so', skipWithoutOlder, () => {
  using checkout = new Checkout()
  for (const file of ['understudy.js', 'launch.js', 'server-flags.js']) cpSync(join(root, 'bin', file), join(checkout.folder, 'bin', file))
  const { status, stderr } = spawnSync(older ?? '', [join(checkout.folder, 'bin', 'understudy.js')], { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /^understudy: needs Node 24 or later, and this is Node 2\d\.[\d.]+ \(npm install node@24 brings one\)\n$/)
})
