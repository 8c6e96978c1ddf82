/**
 * `npm run quickstart`: two simulated pools, one VM; a full copy, writes of its guest, a delta, and the proof that both sides are
 * equal; then a server that goes on with it. Lab, server and page stay up until Ctrl-C; with --once all of it ends.
 */
import { styleText } from 'node:util'
import { type MeasuredRun, replicate } from '../bench/replicate-process.ts'
import { formatBytes } from '../src/cli/sizes.ts'
import { type ControlledLabPool, type SpawnedLab, spawnLab } from '../test/support/lab.ts'
import { type QuickstartServer, startQuickstartServer } from './quickstart-server.ts'

const writes = { count: 96, granule: 65_536 }

const bold = (text: string) => styleText('bold', text)
const dim = (text: string) => styleText('dim', text)
const seconds = (value: number) => `${value.toFixed(1)} s`

function done(what: string, text: string): void {
  console.log(`${styleText('green', '✓')} ${bold(what.padEnd(10))} ${text}`)
}

/** The VM to show: running, so that its guest can write, and of several disks when there is one. */
function pickVm(pool: ControlledLabPool): ControlledLabPool['vms'][number] {
  const [vm] = pool.vms.filter(({ power_state }) => power_state === 'Running').toSorted((a, b) => b.disks.length - a.disks.length)
  if (!vm) throw new Error(`no VM of pool ${pool.name} runs`)
  return vm
}

function describeRun({ report, wallSeconds, peakBytes }: MeasuredRun): string {
  const { changedBytes, bytesRead, bytesSent } = report.totals
  const modes = [...new Set(report.disks.map(({ mode }) => mode))].join(' and ')
  const figures = `${formatBytes(changedBytes)} ${modes === 'full' ? 'in use' : 'changed'}, ${formatBytes(bytesRead)} read, ${formatBytes(bytesSent)} sent`
  return `${bold(modes)}: ${figures}, ${seconds(wallSeconds)} ${dim(`(memory ${formatBytes(peakBytes)})`)}`
}

/** Compares what lies on both pools' storage, past the command's own account. The guest is quiet meanwhile. */
async function prove(source: ControlledLabPool, target: ControlledLabPool, { report }: MeasuredRun): Promise<void> {
  for (const disk of report.disks) {
    const [original, replica] = await Promise.all([hashOf(source, disk.source), hashOf(target, disk.target ?? '')])
    if (original !== replica)
      throw new Error(`disk ${disk.userdevice} differs: ${original} on ${source.name}, ${replica} on ${target.name}`)
    done('Equal', `disk ${disk.userdevice} on both pools: SHA-256 ${original.slice(0, 16)}… ${dim(`of ${formatBytes(disk.size)}`)}`)
  }
}

async function hashOf(pool: ControlledLabPool, vdi: string): Promise<string> {
  const { sha256 } = (await pool.post('/disk/hash', { vdi, skipZeroes: true })) as { sha256: string }
  return sha256
}

async function show(lab: SpawnedLab, serverStarts: Promise<QuickstartServer>, started: number): Promise<QuickstartServer> {
  const [source, target] = lab.pools
  if (!source || !target) throw new Error('the lab has less than two pools')
  // So that a test failover, and the VM that took over, are seen to come up.
  await Promise.all([source, target].map((pool) => pool.post('/guest/tools', {})))
  const vm = pickVm(source)
  const size = vm.disks.reduce((sum, disk) => sum + disk.size, 0)
  done('Lab', `pools ${bold(source.name)} and ${bold(target.name)} answer XAPI and NBD, ${seconds((performance.now() - started) / 1000)}`)
  console.log(dim(`\n  Replicating "${vm.name}" (${vm.disks.length} disks, ${formatBytes(size)}) from ${source.name} to ${target.name}\n`))

  const wish = { from: source, to: target, vm: vm.uuid, verify: 'changed', showProgress: process.stderr.isTTY === true } as const
  done('First run', describeRun(await replicate(wish)))
  let written = 0
  for (const disk of vm.disks) {
    const answer = (await source.post('/guest/random', { vdi: disk.vdi, seed: `quickstart ${Date.now()}`, ...writes })) as { bytes: number }
    written += answer.bytes
  }
  done('Guest', `wrote ${formatBytes(written)}, ${writes.granule / 1024} KiB at a time, all over its disks`)
  const second = await replicate(wish)
  done('Second run', describeRun(second))
  if (second.report.disks.some(({ mode }) => mode !== 'delta')) throw new Error('the second run sent more than a delta')
  await prove(source, target, second)
  done('Replica', `restore point "${second.report.restorePoint.name}" on ${target.name}`)

  const server = await serverStarts
  const job = await server.protect(source, target, second.report)
  const { totals, endedAt, startedAt } = await server.run(job)
  const took = (Date.parse(endedAt ?? '') - Date.parse(startedAt ?? '')) / 1000
  const what = totals.fulls === 0 ? 'delta' : 'full'
  done(
    'Server',
    `job "${job.name}", every 10 minutes; its first run: ${bold(what)}, ${formatBytes(totals.bytesSent)} sent, ${seconds(took)}`,
  )
  return server
}

async function stayUp(lab: SpawnedLab, server: QuickstartServer, stop: AbortSignal): Promise<void> {
  const pools = lab.pools.map(
    ({ name, url, user, password, control }) => `  ${bold(name.padEnd(8))} ${url}  ${user} / ${password}  ${dim(`control ${control}`)}`,
  )
  console.log(`
The page: ${bold(server.url)}  ${server.user} / ${server.password}

Server and lab stay up until Ctrl-C:
${pools.join('\n')}

Try further:
  npx understudy replicate --from https://root:PASSWORD@… --vm UUID --to https://root:PASSWORD@… --sr UUID --dry-run
  curl ${lab.pools[0]?.control}/vms          ${dim('# VMs and disks; docs/lab.md: what else the control address does')}
`)
  await new Promise<void>((resolve) => {
    if (stop.aborted) return resolve()
    stop.addEventListener('abort', () => resolve())
    // Nothing is left to wait for: the lab's process has gone.
    process.once('beforeExit', () => {
      console.error('The lab has ended by itself.')
      resolve()
    })
  })
}

const options = process.argv.slice(2)
const unknown = options.find((option) => option !== '--once')
if (unknown !== undefined) {
  console.error(`quickstart: unknown option ${unknown}; there is only --once`)
  process.exit(2)
}
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())

console.log(bold('\nUnderstudy quickstart\n'))
const started = performance.now()
try {
  // Its page is built meanwhile.
  const serverStarts = startQuickstartServer()
  serverStarts.catch(() => undefined)
  try {
    const lab = await spawnLab()
    try {
      const server = await show(lab, serverStarts, started)
      if (!options.includes('--once')) await stayUp(lab, server, stopping.signal)
    } finally {
      await (await serverStarts.catch(() => undefined))?.close()
      await lab.close()
    }
  } finally {
    await (await serverStarts.catch(() => undefined))?.close()
  }
} catch (error) {
  // Ctrl-C reaches the lab and the run as well: what they say then is no news.
  if (!stopping.signal.aborted) console.error(`quickstart: ${error instanceof Error ? error.message : error}`)
  process.exitCode = stopping.signal.aborted ? 130 : 1
}
