import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'package-'))
const checkout = join(folder, 'checkout')
const installed = join(folder, 'installed')
const understudy = join(installed, 'node_modules', '.bin', 'understudy')

function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('npm', args, { cwd, encoding: 'utf8', timeout: 280_000 })
  assert.equal(status, 0, `npm ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}\n${stderr}`)
  return stdout
}

before(
  () => {
    // Packed from a copy: dist/ of the checkout may be in use, or be built by another run at the same time.
    for (const part of [
      'bin',
      'src',
      'docs',
      'scripts',
      'tools',
      'web',
      'test/support/programs.ts',
      'package.json',
      'package-lock.json',
      'tsconfig.json',
    ]) {
      cpSync(join(root, part), join(checkout, part), { recursive: true })
    }
    for (const part of ['tsconfig.build.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) cpSync(join(root, part), join(checkout, part))
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
    npm(checkout, 'pack', '--silent', '--pack-destination', folder)
    mkdirSync(installed)
    writeFileSync(join(installed, 'package.json'), '{"private":true}')
    const tarball = join(folder, `understudy-${packageVersion()}.tgz`)
    npm(installed, 'install', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', tarball)
  },
  { timeout: 600_000 },
)
after(() => rmSync(folder, { recursive: true, force: true }))

function packageVersion(): string {
  return spawnSync(process.execPath, [join(root, 'bin', 'understudy.js'), '--version'], { encoding: 'utf8' }).stdout.trim()
}

function filesInPackage(): string[] {
  const { stdout } = spawnSync('find', ['.', '-type', 'f', '-not', '-path', './node_modules/*'], {
    cwd: join(installed, 'node_modules', 'understudy'),
    encoding: 'utf8',
  })
  return stdout.trim().split('\n')
}

test('the package carries compiled JavaScript and its papers, no sources and no tests', () => {
  const files = filesInPackage()
  for (const wanted of [
    './package.json',
    './README.md',
    './LICENSE',
    './CHANGELOG.md',
    './bin/understudy.js',
    './dist/cli/main.js',
    './dist-web/index.html',
  ]) {
    assert.ok(files.includes(wanted), `${wanted} in ${files.join(' ')}`)
  }
  assert.deepEqual(
    files.filter((file) => /\.ts$|\.test\.|^\.\/(src|test|scripts|bench|docs\/adr)\//.test(file)),
    [],
  )
})

test('understudy --help and --version run from the installed package', () => {
  const help = spawnSync(understudy, ['--help'], { encoding: 'utf8', cwd: installed })
  assert.equal(help.status, 0, help.stderr)
  assert.match(help.stdout, /^Usage: understudy COMMAND/m)
  assert.equal(spawnSync(understudy, ['--version'], { encoding: 'utf8', cwd: installed }).stdout.trim(), packageVersion())
})

test('every compiled module of the installed package loads', () => {
  const modules = filesInPackage().filter((file) => file.startsWith('./dist/') && file.endsWith('.js'))
  assert.ok(modules.length > 10)
  const program = 'for (const file of process.argv.slice(1)) await import(file)'
  const cwd = join(installed, 'node_modules', 'understudy')
  const urls = modules.map((file) => join(cwd, file))
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program, ...urls], {
    encoding: 'utf8',
    cwd,
    timeout: 60_000,
  })
  assert.equal(status, 0, stderr)
})

const skipWithoutLab = existsSync(join(root, 'src', 'cli', 'lab.ts')) ? {} : { skip: 'there is no src/cli/lab.ts yet' }
test('a lab of the installed package says where its pools are, answers there, and ends when told to', skipWithoutLab, async () => {
  const lab = spawn(understudy, ['lab', '--json', '--empty', '--pools', 'one,two', '--data', join(folder, 'lab')], {
    cwd: installed,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = new Promise<number | null>((resolve) => lab.once('close', resolve))
  let errors = ''
  lab.stderr.on('data', (data) => {
    errors += data
  })
  try {
    const line = await firstLine(lab.stdout)
    assert.ok(line, errors)
    const { pools } = JSON.parse(line) as { pools: { name: string; url: string }[] }
    assert.deepEqual(
      pools.map(({ name }) => name),
      ['one', 'two'],
    )
    assert.match(pools[0]?.url ?? '', /^https:\/\/127\.0\.0\.1:\d+/)
  } finally {
    lab.kill('SIGTERM')
    await closed
  }
})

/** Up to the first line feed; undefined when the stream ends before. */
async function firstLine(stream: NodeJS.ReadableStream): Promise<string | undefined> {
  let text = ''
  stream.setEncoding('utf8')
  for await (const piece of stream) {
    text += piece
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'))
  }
  return undefined
}
