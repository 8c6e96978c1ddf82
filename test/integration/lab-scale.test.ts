import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { spawnLab } from '../support/lab.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30

/** Most memory that a process had, in bytes (VmHWM, proc(5)). */
function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

test('a hundred VMs with 100 GiB each take seconds, and neither memory nor space for what they do not hold', {
  timeout: 120_000,
}, async (t) => {
  const lab = await spawnLab(['--pools', 'paris', '--empty'])
  try {
    const [paris] = lab.pools
    assert.ok(paris)
    const begin = performance.now()
    for (let number = 0; number < 100; number++) {
      const content = number % 10 === 0 ? { content: 'ext4', fill: MiB } : { content: 'pattern', fill: 65_536, seed: number }
      await paris.post('/vms', { name: `vm ${number}`, disks: [{ size: 100 * GiB, ...content }], start: true })
    }
    const made = performance.now() - begin
    const firstPeak = peakMemory(lab.pid)
    await lab.kill('SIGKILL')
    const again = performance.now()
    await lab.restart()
    const restarted = performance.now() - again
    const reopened = lab.pools[0]
    assert.ok(reopened)
    const { vms } = reopened
    assert.equal(vms.filter(({ power_state, disks }) => power_state === 'Running' && disks[0]?.size === 100 * GiB).length, 100)
    // the end of a disk, and what a huge disk holds, cost no more than those of a small one
    const [vm] = vms
    assert.ok(vm)
    const region = { offset: 100 * GiB - MiB, length: MiB }
    assert.equal((await reopened.post('/guest/random', { vm: vm.uuid, count: 16, region })).bytes, MiB)
    await reopened.post('/disk/hash', { vdi: vm.disks[0]?.vdi, skipZeroes: true })
    const peak = Math.max(firstPeak, peakMemory(lab.pid))
    const held = Number(execFileSync('du', ['-sk', lab.data], { encoding: 'utf8' }).split('\t')[0]) * 1024
    t.diagnostic(
      `made in ${Math.round(made)} ms, restarted in ${Math.round(restarted)} ms, ${Math.round(peak / MiB)} MiB of memory, ${Math.round(held / MiB)} MiB on disk`,
    )
    assert.ok(made < 60_000 && restarted < 20_000, `${made} ms, ${restarted} ms`)
    assert.ok(peak < 300 * MiB, `${peak} bytes of memory`)
    assert.ok(held < 400 * MiB, `${held} bytes on disk`)
  } finally {
    await lab.close()
  }
})
