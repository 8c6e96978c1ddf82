/** A test failover of many VMs by a recovery plan, in one command: how long it takes, and how soon each VM is up. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecoveryReport } from '../src/core/recovery-plan.ts'
import type { Figure } from './figures.ts'
import { withLab } from './lab-bench.ts'
import { measure } from './measure.ts'
import { poolEnvironment, replicate } from './replicate-process.ts'

const MiB = 1024 * 1024

/** Every guest reports its tools as soon as it runs: what is measured is everything but the boot of an operating system. */
export async function rehearsal(vms: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'plan-'))
  try {
    return await withLab(async ({ from, to, makeVm }) => {
      await to.post('/guest/tools', {})
      const sr = to.srs[0]?.uuid as string
      const made: string[] = []
      for (let nth = 0; nth < vms; nth++) {
        const { uuid } = await makeVm({ disks: 1, size: 64 * MiB, fill: 4 * MiB, start: true })
        await replicate({ from, to, vm: uuid })
        made.push(uuid)
      }
      const file = join(folder, 'plan.json')
      writeFileSync(file, JSON.stringify({ name: 'bench', groups: [{ name: 'all', vms: made.map((vm) => ({ vm, sr })) }] }))
      const command = join(import.meta.dirname, '..', 'bin', 'understudy.js')
      const args = [command, 'plan', 'run', file, '--test', '--json']
      const { exitCode, stdout, stderr, ...process_ } = await measure(process.execPath, args, { env: poolEnvironment(from, to) })
      if (exitCode !== 0) throw new Error(stderr.trim() || stdout)
      const report = JSON.parse(stdout) as RecoveryReport
      const seconds = report.vms.map(({ seconds: taken }) => taken ?? 0).sort((a, b) => a - b)
      const begun = Date.parse(report.startedAt)
      const lastUp = Math.max(...report.timeline.filter(({ what }) => what === 'up').map(({ at }) => Date.parse(at)))
      const what = `test failover of ${vms} VMs by a plan`
      return [
        { what, figure: 'VMs that came up', value: report.vms.filter(({ outcome }) => outcome === 'up').length, unit: '', least: vms },
        { what, figure: 'wall time of the command, everything removed again', value: process_.wallSeconds, unit: 's' },
        { what, figure: 'until the last VM was up (RTO of the plan)', value: (lastUp - begun) / 1000, unit: 's' },
        { what, figure: 'one VM, clone to guest tools: median', value: seconds[seconds.length >> 1] ?? 0, unit: 's' },
        { what, figure: 'one VM, clone to guest tools: slowest', value: seconds.at(-1) ?? 0, unit: 's' },
        { what, figure: 'processor time', value: process_.userSeconds + process_.systemSeconds, unit: 's' },
      ]
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
