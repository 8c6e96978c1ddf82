/** The packages that an installation is made of, found by walking their dependencies on disk. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Licence {
  readonly name: string
  readonly version: string
  readonly licence: string
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string | { readonly type?: string }
  readonly dependencies?: Readonly<Record<string, string>>
}

let known: readonly Licence[] | undefined

export function productLicences(): readonly Licence[] {
  known ??= walk(join(import.meta.dirname, '..', '..'))
  return known
}

function walk(root: string): Licence[] {
  const found = new Map<string, Licence>()
  const visited = new Set<string>()
  const visit = (folder: string): void => {
    if (visited.has(folder)) return
    visited.add(folder)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
    const licence = typeof manifest.license === 'string' ? manifest.license : (manifest.license?.type ?? 'unknown')
    found.set(`${manifest.name} ${manifest.version}`, { name: manifest.name, version: manifest.version, licence })
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const inner = folderOf(name, folder)
      if (inner !== undefined) visit(inner)
    }
  }
  visit(root)
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name))
}

/** As Node finds packages: in the nearest node_modules upwards. */
function folderOf(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    try {
      readFileSync(join(candidate, 'package.json'))
      return candidate
    } catch {
      if (folder === dirname(folder)) return undefined
    }
  }
}
