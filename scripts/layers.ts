/** Which folder may import which (ARCHITECTURE.md): the rules and the reading of imports. check-layers.ts applies them. */
import { dirname, join, normalize } from 'node:path/posix'

/** From the top down: a room imports those below it. */
const layers = ['cli', 'api', 'jobs', 'replication', 'store', 'core', 'xapi', 'nbd', 'qcow2', 'vhd', 'block']

/** What the simulated pools may use of the rooms. Not the XAPI client: both would share its mistakes. */
const labMayUse = /^src\/(lab|nbd|qcow2|vhd|block)\/|^src\/xapi\/(model|model\.generated|records\.generated|ref)\.ts$/

/** Who may import the simulated pools: the command that starts them. Tests, benchmarks and scripts are not under these rules. */
const mayUseLab = /^src\/(lab\/|cli\/lab)/

/** Reads of a clock, of chance or of the surroundings; decisions are given them as arguments. */
const impure = /\b(Date\.now\(|new Date\(\)|performance\.now\(|Math\.random\(|process\.|setTimeout\(|setInterval\(|fetch\()/

export interface Import {
  /** As written. */
  readonly from: string
  /** Nothing of it is left at run time. */
  readonly isType: boolean
  readonly line: number
}

/** Static and dynamic imports and re-exports with a literal specifier, in the form that our formatter gives them. */
export function importsOf(source: string): Import[] {
  const pattern = /^[ \t]*(?:import|export)\s+(type\s)?(?:[\w*{][^'"`;]*?\sfrom\s+)?'([^'\n]+)'|\bimport\(\s*'([^'\n]+)'/gm
  return [...source.matchAll(pattern)].map((match) => ({
    from: match[2] ?? match[3] ?? '',
    isType: match[1] !== undefined,
    line: source.slice(0, match.index).split('\n').length,
  }))
}

/**
 * What is wrong with the imports of one file, one sentence each. `file` is relative to the repository, with slashes; `dependencies`
 * are the packages that an installation without development dependencies has.
 */
export function violations(file: string, source: string, dependencies: readonly string[]): string[] {
  if (!file.startsWith('src/') || file.endsWith('.test.ts')) return []
  const found = importsOf(source).flatMap((each) => {
    const reason = each.from.startsWith('.') ? pathViolation(file, each) : packageViolation(file, each, dependencies)
    return reason === undefined ? [] : [`${file}:${each.line}: ${reason}`]
  })
  if (!file.startsWith('src/core/')) return found
  const withoutComments = source.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, '')).split('\n')
  const reads = withoutComments.flatMap((line, index) => {
    const read = impure.exec(line.replace(/\/\/.*/, ''))
    return read ? [`${file}:${index + 1}: src/core is pure and takes this as an argument: ${read[1]}`] : []
  })
  return [...found, ...reads]
}

function pathViolation(file: string, { from, isType }: Import): string | undefined {
  const target = normalize(join(dirname(file), from))
  if (!target.startsWith('src/')) return `sources don't import ${target}, which no package carries`
  if (target.endsWith('.test.ts')) return `sources don't import tests: ${target}`
  if (!target.endsWith('.ts')) return `imports name the file with its .ts: ${from}`
  const [room, other] = [roomOf(file), roomOf(target)]
  if (room === other) return undefined
  if (other === 'lab') return mayUseLab.test(file) ? undefined : `only src/cli/lab*.ts may import the simulated pools: ${target}`
  if (room === 'lab') return labMayUse.test(target) ? undefined : `src/lab may use the codecs, src/block and the XAPI model, not ${target}`
  if (room === 'core' && other !== 'core' && !isType) return `src/core is pure: only \`import type\` from ${target}`
  const [from_, to] = [layers.indexOf(room), layers.indexOf(other)]
  if (from_ < 0 || to < 0) return `no layer is known for src/${from_ < 0 ? room : other}: see scripts/layers.ts`
  return to > from_ ? undefined : `imports only point down: src/${room} may not import src/${other}`
}

function packageViolation(file: string, { from, isType }: Import, dependencies: readonly string[]): string | undefined {
  if (isType) return undefined
  if (file.startsWith('src/core/')) return `src/core is pure: no import of ${from}`
  if (from.startsWith('node:')) return undefined
  const name = from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
  return dependencies.includes(name) ? undefined : `${name} is not among the dependencies of package.json`
}

/** `src/nbd/client.ts` is in `nbd`. */
function roomOf(file: string): string {
  return file.split('/')[1] ?? ''
}
