// Runs a script of this project on a machine that has any Node from 20 on and npm: installs what package-lock.json names when
// that is not in place, sees to it that the pinned Node is there, and runs the script under it.
// Usage: node scripts/bootstrap.js SCRIPT.ts [ARGUMENT...]
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { majorOf, newEnoughNode, oldestNode, runUnder } from '../bin/run-under.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const pinnedNode = join(modules, 'node', 'bin', 'node')

/** What `node_modules` lacks of the lock file, or has in another version; its first difference, for the message. */
function difference() {
  const installedFile = join(modules, '.package-lock.json')
  if (!existsSync(installedFile)) return 'node_modules is missing'
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages
  for (const [path, { version, integrity, optional }] of Object.entries(wanted)) {
    if (path === '') continue
    const found = installed[path]
    if (!found && optional) continue // for another platform
    if (!found || !existsSync(join(root, path))) return `${path} is not installed`
    if (found.version !== version || found.integrity !== integrity) return `${path} is not the version of package-lock.json`
  }
  return undefined
}

/** Runs npm or a script of a package; its output is shown only when it fails for good. A network may fail once: three attempts. */
function attempt(what, command, args, options = {}) {
  for (let left = 2; ; left--) {
    const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', timeout: 15 * 60_000, ...options })
    if (result.status === 0) return true
    if (left > 0) {
      console.error(`${what} failed (${result.error?.message ?? `exit code ${result.status}`}), trying again`)
      continue
    }
    console.error(`${what} failed:\n${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`)
    return false
  }
}

function install() {
  const why = difference()
  if (!why) return
  console.error(`Installing dependencies (${why})`)
  // Development dependencies are part of a checkout, whatever NODE_ENV or a user's npm configuration says.
  if (!attempt('npm ci', 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])) process.exit(1)
}

/** The pinned Node comes through an install script of the `node` package, which npm may have been told not to run. */
function findNode() {
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages['node_modules/node'].version
  const isPinned = () => spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${wanted}`
  if (!isPinned()) {
    console.error(`Fetching Node ${wanted} (npm did not run the install script of the node package)`)
    attempt(`Fetching Node ${wanted}`, process.execPath, ['installArchSpecificPackage.js'], { cwd: join(modules, 'node') })
  }
  if (isPinned()) {
    const link = join(modules, '.bin', 'node')
    if (!existsSync(link)) symlinkSync(join('..', 'node', 'bin', 'node'), link)
    return pinnedNode
  }
  const other = newEnoughNode([process.execPath])
  if (!other) {
    console.error(`Node ${wanted} could not be installed, and this Node ${process.version.slice(1)} is older than ${oldestNode}.`)
    process.exit(1)
  }
  if (majorOf(process.version) >= oldestNode) console.error(`Going on with Node ${process.version.slice(1)} instead of ${wanted}`)
  return other
}

const [script, ...args] = process.argv.slice(2)
if (!script) {
  console.error('Usage: node scripts/bootstrap.js SCRIPT.ts [ARGUMENT...]')
  process.exit(2)
}
install()
const node = findNode()
const path = [join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter)
process.exitCode = await runUnder(node, [join(root, script), ...args], { ...process.env, PATH: path })
