/** A VM of 100 GiB that is mostly empty, as an archive: it costs what it holds, in time and in memory. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ControlledLabPool, spawnLab } from '../support/lab.ts'
import { needs } from '../support/programs.ts'

const MiB = 1 << 20
const GiB = 1 << 30
const PASSWORD = 'lab password'

/** Resident memory of a process in bytes: now, or the highest since `forgetPeak`. */
async function memoryOf(pid: number, what: 'VmRSS' | 'VmHWM'): Promise<number> {
  const found = new RegExp(`${what}:\\s+(\\d+) kB`).exec(await readFile(`/proc/${pid}/status`, 'utf8'))
  assert.ok(found, 'the kernel tells no memory')
  return Number(found[1]) * 1024
}

const forgetPeak = (pid: number) => writeFile(`/proc/${pid}/clear_refs`, '5')

/** Joins an export of one pool with an import into another, and gives the exit codes of both. */
async function pipe(from: ControlledLabPool, to: ControlledLabPool, query: string, config: string): Promise<unknown[]> {
  const curl = (pool: ControlledLabPool, path: string, ...args: string[]) => {
    const options = ['--silent', '--fail', '--insecure', '--config', config, '--max-time', '120', ...args]
    return spawn('curl', [...options, `${pool.url}${path}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  }
  const out = curl(from, `/export?${query}`)
  // Without a length, and of HTTP/1.0: an upload that the end of the connection ends.
  const into = curl(to, '/import', '--http1.0', '--header', 'Transfer-Encoding:', '--upload-file', '-')
  out.stdout.pipe(into.stdin)
  into.stdin.on('error', () => {})
  into.stdout.resume()
  return Promise.all([out, into].map(async (child) => (await once(child, 'close'))[0]))
}

test('100 GiB that hold 300 MiB pass between pools in bounded memory', needs('curl'), async () => {
  const lab = await spawnLab(['--pools', 'paris,oslo', '--empty'], { env: { UNDERSTUDY_LAB_PASSWORD: PASSWORD } })
  try {
    const [paris, oslo] = lab.pools as [ControlledLabPool, ControlledLabPool]
    const disk = { size: 100 * GiB, content: 'pattern', fill: 300 * MiB }
    const { vm } = await paris.post('/vms', { name: 'large', disks: [disk] })
    const config = join(lab.data, 'curl')
    await writeFile(config, `user = "root:${PASSWORD}"\n`, { mode: 0o600 })
    await forgetPeak(lab.pid)
    const before = await memoryOf(lab.pid, 'VmRSS')
    const started = performance.now()
    assert.deepEqual(await pipe(paris, oslo, `uuid=${vm.uuid}`, config), [0, 0])
    const { vms } = await oslo.get('/vms')
    const seconds = (performance.now() - started) / 1000
    const grown = (await memoryOf(lab.pid, 'VmHWM')) - before
    assert.equal(vms.length, 1)
    const hash = async (pool: ControlledLabPool, vdi: string) => (await pool.post('/disk/hash', { vdi, skipZeroes: true })).sha256
    assert.equal(await hash(oslo, vms[0].disks[0].vdi), await hash(paris, vm.disks[0].vdi))
    console.log(`export and import together: ${seconds.toFixed(1)} s, memory grew by ${(grown / MiB).toFixed(0)} MiB`)
    assert.ok(grown < 150 * MiB, `memory grew by ${grown} bytes`)
    assert.ok(seconds < 60, `it took ${seconds} s`)
  } finally {
    await lab.close()
  }
})
