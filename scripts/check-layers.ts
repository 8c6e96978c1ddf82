/** Checks that imports only point down the list of layers: see layers.ts. Prints what is wrong and exits with 1. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { violations } from './layers.ts'

const root = join(import.meta.dirname, '..')
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
const found = globSync('src/**/*.ts', { cwd: root })
  .sort()
  .flatMap((file) => violations(file.replaceAll('\\', '/'), readFileSync(join(root, file), 'utf8'), Object.keys(dependencies)))
for (const line of found) console.error(line)
process.exitCode = found.length > 0 ? 1 : 0
