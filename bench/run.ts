/**
 * `npm run bench`: whole processes on simulated pools, measured from outside.
 * Usage: npm run bench [-- [--json] [--json-out FILE] [--full-mib N] [--strict] [CASE...]]; --strict: a missed aim is exit code 1.
 */
import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installSystemPackages } from '../scripts/system-packages.ts'
import { cases } from './cases.ts'
import { type Figure, isReached, table } from './figures.ts'
import { measure } from './measure.ts'

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    'json-out': { type: 'string' },
    'full-mib': { type: 'string', default: '2048' },
    strict: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const fullMiB = Number(values['full-mib'])
const unknown = positionals.find((name) => !Object.hasOwn(cases, name))
if (unknown !== undefined || !Number.isInteger(fullMiB) || fullMiB < 2) {
  console.error(`bench: cases are ${Object.keys(cases).join(', ')}; --full-mib takes a number from 2 on`)
  process.exit(2)
}

/**
 * Strips the types of what is measured, once for all: users of the package have no such step. The commands only load their modules
 * (the reader then fails, since it is told no pool).
 */
async function warmUp(): Promise<void> {
  const root = join(import.meta.dirname, '..')
  process.env.NODE_COMPILE_CACHE = join(root, 'node_modules', '.cache', 'compiled')
  await measure(process.execPath, [join(root, 'bin', 'understudy.js'), 'replicate', '--help'])
  await measure(process.execPath, [join(root, 'bench', 'nbd-read.ts')])
}

installSystemPackages()
await warmUp()
const figures: Figure[] = []
for (const [name, run] of Object.entries(cases)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.error(`bench: ${name}`)
  figures.push(...(await run({ fullBytes: fullMiB * 2 ** 20 })))
}
const machine = { node: process.version, processors: cpus().length, model: cpus()[0]?.model, memoryBytes: totalmem() }
const result = { at: new Date().toISOString(), machine, figures: figures.map((each) => ({ ...each, reached: isReached(each) })) }
const json = `${JSON.stringify(result, undefined, 2)}\n`
if (values['json-out'] !== undefined) writeFileSync(values['json-out'], json)
process.stdout.write(values.json ? json : `${table(figures)}\n`)
if (values.strict && figures.some((each) => isReached(each) === false)) process.exitCode = 1
