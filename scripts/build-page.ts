/**
 * Builds the page into dist-web/, unless what is there is newer than everything it is made of. In a checkout `understudy serve` and the
 * quickstart run this first. Usage: node scripts/build-page.ts [--always]
 */
import { spawnSync } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const MADE_OF = ['web/**', 'src/core/**', 'package-lock.json']

export function isPageStale(): boolean {
  const built = statSync(join(root, 'dist-web', 'index.html'), { throwIfNoEntry: false })?.mtimeMs
  if (built === undefined) return true
  return globSync(MADE_OF, { cwd: root }).some((file) => statSync(join(root, file)).mtimeMs > built)
}

/** Throws when it can't be built; what Vite says of it is on standard error by then. */
export function buildPage({ always = false }: { readonly always?: boolean } = {}): void {
  if (!always && !isPageStale()) return
  const vite = join(root, 'node_modules', '.bin', 'vite')
  const { status, error } = spawnSync(vite, ['build', '-c', join('web', 'vite.config.ts'), '--logLevel', 'error'], {
    cwd: root,
    // Standard output is the command's own, that of `serve --json` among them.
    stdio: ['ignore', 2, 'inherit'],
  })
  if (error) throw error
  if (status !== 0) throw new Error('the page could not be built')
}

if (import.meta.main) buildPage({ always: process.argv.includes('--always') })
