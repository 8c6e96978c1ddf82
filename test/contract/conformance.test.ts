/**
 * Compares simulated pools with what a real XAPI answered (the recordings beside the probe), one scenario a pool. The recordings are
 * not part of this repository: without them nothing can be compared, which is said.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type RunningPool, startPool } from '../../src/lab/start-pool.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import { needs } from '../support/programs.ts'

const probe = join(import.meta.dirname, '..', '..', '..', 'shared', 'xapi', 'conformance')
const golden = join(probe, 'golden')
const present = existsSync(join(probe, 'probe.py')) && existsSync(golden)
const scenarios = present ? readdirSync(golden).flatMap((name) => (name.endsWith('.jsonl') ? [name.slice(0, -6)] : [])) : []
/** A scenario mostly waits; the longest takes about 80 seconds. */
const MINUTES_MS = 10 * 60_000
const AT_ONCE = 8

interface Report {
  readonly steps: number
  readonly differ: number
  readonly broken: readonly string[]
  readonly report: readonly { readonly step: string; readonly what: string; readonly differences: readonly string[] }[]
}

function compare(url: string, password: string, scenario: string, transport: string): Promise<Report> {
  const args = [
    'compare',
    url,
    '--user',
    'root',
    '--password',
    password,
    '--golden',
    golden,
    '--only',
    scenario,
    '--transport',
    transport,
    '--json',
  ]
  return new Promise((resolve, reject) => {
    execFile('python3', [join(probe, 'probe.py'), ...args], { timeout: MINUTES_MS, maxBuffer: 64 << 20 }, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Report)
      } catch {
        reject(new Error(`the probe gave no report: ${stderr}`))
      }
    })
  })
}

/**
 * The recorded server still had two disks named `probe-disk` of type rrd, which XAPI neither destroys nor forgets (VDI_HAS_RRDS) and which
 * the probe's tidying therefore passes over: one step of `cbt` counts disks of that name. The pool compared gets the same history.
 */
async function leaveLikeRecorded(running: RunningPool, password: string): Promise<void> {
  const trust = trustListed([running.fingerprint])
  const xapi = await connectXapi({ url: running.url, user: 'root', password, trust })
  try {
    const [sr] = [...(await xapi.records('SR'))].find(([, { type, content_type: content }]) => type === 'file' && content !== 'iso') ?? []
    const disk = { name_label: 'probe-disk', name_description: '', SR: sr, virtual_size: 8 << 20, type: 'rrd', sharable: false }
    for (let nth = 0; nth < 2; nth++) await xapi.call('VDI.create', [{ ...disk, read_only: false, other_config: {} }])
  } finally {
    await xapi.close()
  }
}

if (!present) {
  console.error('SKIPPED: conformance with a real XAPI: its recordings are not beside this repository')
  test('conformance with a real XAPI', { skip: 'the recordings are not beside this repository' }, () => {})
} else {
  describe('conformance with a real XAPI', { ...needs('python3'), concurrency: AT_ONCE, timeout: MINUTES_MS }, () => {
    let folder: string
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'conformance-'))
    })
    after(() => rmSync(folder, { recursive: true, force: true }))

    // The longest first, so that they don't end alone.
    for (const scenario of scenarios.sort((a, b) => Number(b.startsWith('import')) - Number(a.startsWith('import')))) {
      for (const transport of ['json', 'xmlrpc']) {
        test(`${scenario} over ${transport}`, { timeout: MINUTES_MS }, async () => {
          const password = 'conformance'
          // The recordings were made on a host without NBD, and their wrong passwords need not be waited for.
          const running = await startPool({
            name: scenario,
            folder: join(folder, `${scenario}-${transport}`),
            password,
            nbd: false,
            settings: { badLoginMs: 20 },
          })
          try {
            if (scenario === 'cbt') await leaveLikeRecorded(running, password)
            const { steps, differ, broken, report } = await compare(running.url, password, scenario, transport)
            const differences = report.flatMap(({ step, what, differences: lines }) => lines.map((line) => `${step} (${what}): ${line}`))
            assert.deepEqual({ differences, broken, differ }, { differences: [], broken: [], differ: 0 })
            assert.ok(steps > 0)
          } finally {
            await running.stop()
          }
        })
      }
    }
  })
}
