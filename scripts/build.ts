/** Compiles src/ into dist/ and the page into dist-web/, which is what the package carries: `npm pack` runs this first. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { buildPage } from './build-page.ts'

const root = join(import.meta.dirname, '..')
// Nothing of an earlier build may get into the package.
rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(root, 'node_modules', '.bin', 'tsc')
const { status, error } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
if (error) throw error
process.exitCode = status ?? 1
if (status === 0) buildPage({ always: true })
