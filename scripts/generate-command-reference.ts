/**
 * Writes the reference of docs/command-line.md: what the commands to a server say of themselves. `--check`: only tells whether it is
 * up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMON } from '../src/cli/remote/action.ts'
import { NOUNS, SINGLE } from '../src/cli/remote/nouns.ts'
import { actionUsage, nounUsage, optionLines } from '../src/cli/remote/usage.ts'

const file = join(import.meta.dirname, '..', 'docs', 'command-line.md')
const BEGIN = '<!-- Written by scripts/generate-command-reference.ts: from here to the end -->'

async function reference(): Promise<string> {
  const block = (text: string) => `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
  const parts = [`### Options of every command to a server\n\n${block(optionLines(COMMON).join('\n'))}`]
  for (const [name, load] of Object.entries(SINGLE)) parts.push(`### ${name}\n\n${block(actionUsage(name, '', await load(), false))}`)
  for (const load of Object.values(NOUNS)) {
    const noun = await load()
    const actions = Object.entries(noun.actions).map(([name, action]) => block(actionUsage(noun.name, name, action, false)))
    parts.push(`### ${noun.name}\n\n${[block(nounUsage(noun)), ...actions].join('\n')}`)
  }
  return parts.join('\n')
}

const before = readFileSync(file, 'utf8')
const begin = before.indexOf(BEGIN)
if (begin < 0) throw new Error(`docs/command-line.md has no line ${BEGIN}`)
const after = `${before.slice(0, begin)}${BEGIN}\n\n${await reference()}`
if (process.argv.includes('--check')) {
  if (after !== before) {
    console.error('docs/command-line.md is not what the commands say: node scripts/generate-command-reference.ts')
    process.exitCode = 1
  }
} else writeFileSync(file, after)
