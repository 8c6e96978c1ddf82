// Starts the command: from the sources in a checkout, compiled in the package.
import { existsSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { majorOf, newEnoughNode, oldestNode, runUnder } from './run-under.js'
import { serverFlags } from './server-flags.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs `understudy` with these arguments; under a Node that is new enough when this one is not. */
export async function launch(args) {
  const sources = join(root, 'src', 'cli', 'main.ts')
  const isCheckout = existsSync(sources)
  if (isCheckout && !existsSync(join(root, 'node_modules'))) return await installAndLaunch()
  if (majorOf(process.version) < oldestNode) return await launchUnderNewerNode()
  if (args[0] === 'serve' && !args.includes('--help')) becomeServer()
  // Stripping types costs 40 MiB and a third of a second in each process: what came out is kept, under the hash of the source.
  if (isCheckout) module.enableCompileCache(process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules', '.cache', 'compiled'))
  // A server's page is built: a checkout has it only as sources.
  if (isCheckout && args[0] === 'serve' && !args.includes('--help')) await buildPage()
  const { main } = await import(pathToFileURL(isCheckout ? sources : join(root, 'dist', 'cli', 'main.js')).href)
  await main(args)
}

/** Starts this process again with the flags of a server, when it has none: the same process, so that signals and supervisors find it. */
function becomeServer() {
  const isSet = process.execArgv.includes(serverFlags[0]) || process.env.NODE_OPTIONS?.includes('-semi-space-size')
  // Not there on Windows; without the flags the server needs more memory, nothing else.
  if (isSet || typeof process.execve !== 'function') return
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...serverFlags, ...process.argv.slice(1)], process.env)
}

async function buildPage() {
  const { buildPage: build } = await import(pathToFileURL(join(root, 'scripts', 'build-page.ts')).href)
  try {
    build()
  } catch (error) {
    process.stderr.write(`understudy serve: ${error.message}; the server starts without it\n`)
  }
}

/** A fresh clone: what is needed is installed first, as for every npm script. */
async function installAndLaunch() {
  const script = relative(root, realpathSync(process.argv[1]))
  process.exitCode = await runUnder(process.execPath, [join(root, 'scripts', 'bootstrap.js'), script, ...process.argv.slice(2)])
}

async function launchUnderNewerNode() {
  // A checkout brings its own; beside an installed package there may be the `node` package as well.
  const node = newEnoughNode([join(root, 'node_modules', '.bin', 'node'), join(root, '..', '.bin', 'node')])
  if (!node)
    return fail(
      `needs Node ${oldestNode} or later, and this is Node ${process.version.slice(1)} (npm install node@${oldestNode} brings one)`,
    )
  process.exitCode = await runUnder(node, process.argv.slice(1))
}

function fail(message) {
  process.stderr.write(`understudy: ${message}\n`)
  process.exitCode = 1
}
