/**
 * System programs that tests use. A test that needs one says so with `needs`: where it is missing the test is skipped with a reason
 * that `npm test` repeats at its end under NOT RUN; with CI=true it is a failure.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian's package for each program that tests use. */
export const packageOf = {
  'qemu-img': 'qemu-utils',
  'qemu-nbd': 'qemu-utils',
  'qemu-io': 'qemu-utils',
  nbdinfo: 'libnbd-bin',
  nbdcopy: 'libnbd-bin',
  nbdkit: 'nbdkit',
  mke2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  openssl: 'openssl',
  curl: 'curl',
  python3: 'python3',
  chromium: 'chromium',
  fish: 'fish',
  zsh: 'zsh',
} as const

export type Program = keyof typeof packageOf

/** Full path of a program; undefined when the machine has none. Looks into sbin too, which users' PATHs often lack. */
export function programPath(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

export function missingPrograms(programs: readonly Program[] = Object.keys(packageOf) as Program[]): Program[] {
  return programs.filter((program) => programPath(program) === undefined)
}

/**
 * Options for `test` or `describe`: `test('qemu-img converts it', needs('qemu-img'), async () => …)`.
 * Throws with CI=true when a program is missing, which fails the whole file.
 */
export function needs(...programs: Program[]): { skip: string | false } {
  const missing = missingPrograms(programs)
  if (missing.length === 0) return { skip: false }
  const packages = [...new Set(missing.map((program) => packageOf[program]))]
  const reason = `needs ${missing.join(', ')} (Debian: apt-get install ${packages.join(' ')})`
  if (process.env.CI === 'true') throw new Error(`this test ${reason}`)
  return { skip: reason }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
