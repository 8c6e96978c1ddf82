/** Installs the system programs that tests need, where this may be done: as root, with Debian's apt-get. */
import { spawnSync } from 'node:child_process'
import { missingPrograms, packageOf, programPath } from '../test/support/programs.ts'

const limitMs = 5 * 60_000

/** What is still missing afterwards is named on standard error; tests that need it are then not run (see test/support/programs.ts). */
export function installSystemPackages(): void {
  const missing = missingPrograms()
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((program) => packageOf[program]))]
  if (process.getuid?.() !== 0 || !programPath('apt-get')) {
    console.error(
      `MISSING PROGRAMS: ${missing.join(', ')}. Tests that need them do not run. As root: apt-get install ${packages.join(' ')}`,
    )
    return
  }
  console.error(`Installing system packages: ${packages.join(' ')}`)
  const failure = aptGet('update') ?? aptGet('install', '--yes', '--no-install-recommends', ...packages)
  const stillMissing = missingPrograms()
  if (stillMissing.length > 0)
    console.error(`MISSING PROGRAMS: ${stillMissing.join(', ')}. Tests that need them do not run.\n${failure ?? ''}`)
}

/** Undefined, or what apt-get printed when it failed for the third time. */
function aptGet(...args: string[]): string | undefined {
  const options = ['-qq', '-o', 'Acquire::Retries=3', '-o', 'Acquire::http::Timeout=30', '-o', 'DPkg::Lock::Timeout=120']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  let failure = ''
  for (let attempt = 1; attempt <= 3; attempt++) {
    const result = spawnSync('apt-get', [...options, ...args], {
      encoding: 'utf8',
      env,
      timeout: limitMs,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (result.status === 0) return undefined
    failure = `apt-get ${args[0]}: ${result.error?.message ?? ''}${result.stdout}${result.stderr}`
  }
  return failure
}
