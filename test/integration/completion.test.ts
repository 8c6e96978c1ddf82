/** Shell completion, in real shells: commands, actions, options, fixed words, names of the file of known servers. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { onTerminal } from '../support/on-terminal.ts'
import { needs } from '../support/programs.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'completion-'))
after(() => rmSync(folder, { recursive: true }))
const config = join(folder, 'servers.json')
writeFileSync(config, JSON.stringify({ current: null, servers: { 'home office': { url: 'https://a' }, work: { url: 'https://b' } } }), {
  mode: 0o600,
})
const understudy = join(folder, 'understudy')
writeFileSync(understudy, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin', 'understudy.js')}' "$@"\n`, { mode: 0o755 })

/** What bash offers for the last of these words. */
function complete(...words: string[]): string[] {
  const script = [
    `source <(${understudy} completion bash)`,
    `COMP_WORDS=(${[understudy, ...words].map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length}`,
    '_understudy',
    `printf '%s\\n' "\${COMPREPLY[@]}"`,
  ].join('\n')
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    cwd: folder,
    timeout: 60_000,
    env: { ...process.env, UNDERSTUDY_CONFIG: config },
  })
  assert.equal(status, 0, stderr)
  assert.equal(stderr, '')
  return stdout.split('\n').filter((line) => line !== '')
}

test('commands, actions, options and fixed words are completed', () => {
  assert.deepEqual(complete('sched'), ['schedule'])
  assert.deepEqual(complete('job', 'cl'), ['clone'])
  assert.deepEqual(complete('job', 'create', 'x', '--dis'), ['--disabled', '--disks-at-once'])
  assert.deepEqual(complete('job', 'create', 'x', '--verify', 's'), ['sample'])
  assert.deepEqual(complete('replicate', '--dry'), ['--dry-run'])
})

test('names are completed, quoted for the shell where they need it', () => {
  assert.deepEqual(complete('config', 'use', ''), ['home\\ office', 'work'])
  assert.deepEqual(complete('job', 'list', '--server', 'home\\ o'), ['home\\ office'])
})

test('files are left to the shell; what is not known completes to nothing, without a word', () => {
  assert.deepEqual(complete('job', 'import', 'serv'), ['servers.json'])
  assert.deepEqual(complete('job', 'show', ''), [])
  assert.deepEqual(complete('nonsense', 'x'), [])
})

for (const shell of ['bash', 'zsh', 'fish']) {
  test(`there is a script for ${shell}`, () => {
    const { status, stdout } = spawnSync(understudy, ['completion', shell], { encoding: 'utf8' })
    assert.equal(status, 0)
    assert.match(stdout, /completion words -- /)
    assert.doesNotMatch(stdout, /undefined/)
  })
}

test('fish completes commands, options, names and files', needs('fish'), () => {
  const offered = (line: string) => {
    const script = `source (${understudy} completion fish | psub); complete -C'${line}'`
    const env = { ...process.env, UNDERSTUDY_CONFIG: config, PATH: `${folder}:${process.env.PATH}` }
    const { status, stdout, stderr } = spawnSync('fish', ['-c', script], { encoding: 'utf8', cwd: folder, timeout: 60_000, env })
    assert.equal(status, 0, stderr)
    return stdout.split('\n').filter((each) => each !== '')
  }
  assert.deepEqual(offered('understudy sched'), ['schedule'])
  assert.deepEqual(offered('understudy job create x --verify s'), ['sample'])
  assert.deepEqual(offered('understudy config use ').sort(), ['home office', 'work'])
  assert.deepEqual(offered('understudy job import serv'), ['servers.json'])
})

for (const [typed, completed] of [
  ['understudy sched', 'schedule '],
  ['understudy job create x --verify s', 'sample '],
  ['understudy config use ho', 'home\\ office '],
  [`understudy job import ${folder}/serv`, 'servers.json '],
] as const) {
  test(`zsh completes "${typed.replace(folder, '…')}" at the key`, needs('zsh', 'python3'), async () => {
    const begin = 'autoload -Uz compinit && compinit -u -D; source <(understudy completion zsh); echo re""ady\r'
    const { shown } = await onTerminal(['zsh', '-f', '-i'], {
      steps: [
        ['', begin],
        ['ready', `${typed}\t`],
      ],
      until: completed,
      env: { TERM: 'dumb', PS1: 'P> ', UNDERSTUDY_CONFIG: config, PATH: `${folder}:${process.env.PATH}` },
    })
    assert.ok(shown.includes(completed), shown)
  })
}
