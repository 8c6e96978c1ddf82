import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const bin = join(root, 'bin', 'understudy.js')

function understudy(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', timeout: 60_000 })
}

/** A checkout whose only command is the source given, as `src/cli/probe.ts`. */
function checkoutWith(command: string): { folder: string; bin: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), 'checkout-'))
  for (const file of ['bin', 'package.json', 'src/cli/command.ts', 'src/cli/told-failure.ts'])
    cpSync(join(root, file), join(folder, file), { recursive: true })
  const main = readFileSync(join(root, 'src', 'cli', 'main.ts'), 'utf8')
  const table = /const commands: ([^=]+(?:=>[^=]+)?)= \{[^}]*\}/
  assert.match(main, table)
  writeFileSync(
    join(folder, 'src/cli/main.ts'),
    main.replace(table, "const commands: $1= { probe: async () => (await import('./probe.ts')).probe }"),
  )
  writeFileSync(
    join(folder, 'src/cli/probe.ts'),
    `import { CommandFailure, stopSignal, UsageError } from './command.ts'
void [CommandFailure, stopSignal, UsageError]
export const probe = { summary: 'tries things', usage: 'Usage: understudy probe', async run(args: readonly string[]): Promise<number> {
${command}
} }`,
  )
  mkdirSync(join(folder, 'node_modules'))
  return { folder, bin: join(folder, 'bin', 'understudy.js'), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

function runProbe(
  command: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
): { status: number | null; stdout: string; stderr: string } {
  using checkout = checkoutWith(command)
  return spawnSync(process.execPath, [checkout.bin, 'probe', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  })
}

for (const args of [[], ['--help'], ['help']]) {
  test(`usage with the commands is printed for: understudy ${args.join(' ')}`, () => {
    const { status, stdout, stderr } = understudy(...args)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^Usage: understudy COMMAND/m)
    assert.equal(stderr, '')
  })
}

test('--version prints the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  assert.equal(understudy('--version').stdout, `${version}\n`)
})

test('an unknown command is one line and exit code 2', () => {
  const { status, stdout, stderr } = understudy('toString')
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.equal(stderr, "understudy: unknown command 'toString' (see 'understudy --help')\n")
})

test('a command prints its usage instead of running, unless --help stands behind --', () => {
  assert.equal(runProbe('throw new Error()', ['--help']).stdout, 'Usage: understudy probe\n')
  assert.equal(runProbe('return 7', ['--', '--help']).status, 7)
})

test('wrong arguments are one line that names the usage, and exit code 2', () => {
  const { status, stderr } = runProbe("(await import('node:util')).parseArgs({ args: [...args], options: {} }); return 0", ['--nonsense'])
  assert.equal(status, 2)
  assert.equal(stderr, "understudy probe: Unknown option '--nonsense' (see 'understudy probe --help')\n")
})

test('an expected failure is one line with its hint, exit code 1, without credentials', () => {
  const { status, stderr } = runProbe(
    "throw new CommandFailure('no answer from https://root:pa%40ss@pool/x\\n at all', { hint: 'is it up?' })",
  )
  assert.equal(status, 1)
  assert.equal(stderr, 'understudy probe: no answer from https://pool/x at all (is it up?)\n')
})

test('an unexpected error shows its stack only with UNDERSTUDY_DEBUG=1', () => {
  const command = 'const nothing = undefined as unknown as { a: string }; nothing.a.trim(); return 0'
  const { status, stderr } = runProbe(command)
  assert.equal(status, 1)
  assert.match(stderr, /^understudy probe: unexpected error: .* \(UNDERSTUDY_DEBUG=1 shows where\)\n$/)
  assert.match(runProbe(command, [], { UNDERSTUDY_DEBUG: '1' }).stderr, /\n {4}at .*probe\.ts/)
})

test('a reader that has seen enough (EPIPE) does not break the command', () => {
  using checkout =
    checkoutWith(`for (let i = 0; i < 10_000; i++) if (!process.stdout.write('x'.repeat(100) + '\\n')) await new Promise((r) => setTimeout(r, 1))
  process.stderr.write('did everything\\n')
  return 0`)
  const { stderr } = spawnSync('sh', ['-c', '"$0" "$1" probe | head -n 1', process.execPath, checkout.bin], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(stderr, 'did everything\n')
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  for (const [kind, command, printed] of [
    ['that takes no notice', 'setInterval(() => undefined, 1000); console.log("ready"); await new Promise(() => undefined); return 0', ''],
    [
      'that tidies up',
      'const stop = stopSignal(); console.log("ready"); await new Promise((resolve) => { setTimeout(resolve, 50_000); stop.onabort = resolve }); console.log("tidied"); stop.throwIfAborted(); return 0',
      'tidied\n',
    ],
  ] as const) {
    test(`${signal} ends a command ${kind} with exit code ${code}`, async () => {
      using checkout = checkoutWith(command)
      const child = spawn(process.execPath, [checkout.bin, 'probe'], { stdio: ['ignore', 'pipe', 'inherit'] })
      let stdout = ''
      child.stdout.setEncoding('utf8')
      const ended = new Promise((resolve) => child.once('close', resolve))
      for await (const text of child.stdout) {
        stdout += text
        if (text.startsWith('ready')) child.kill(signal)
      }
      assert.equal(await ended, code)
      assert.equal(stdout, `ready\n${printed}`)
    })
  }
}
