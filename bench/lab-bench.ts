/** A lab for one benchmark case: two pools without VMs, in a process of their own. */
import { readFileSync } from 'node:fs'
import { type ControlledLabPool, spawnLab } from '../test/support/lab.ts'

export interface BenchLab {
  readonly from: ControlledLabPool
  readonly to: ControlledLabPool
  /** A running VM on the first pool with disks of random bytes in their first `fill` bytes. */
  makeVm(wish: { readonly disks: number; readonly size: number; readonly fill: number; readonly start: boolean }): Promise<BenchVm>
  /** Processor seconds the lab's process has used so far: what the pools themselves cost on this machine. */
  cpuSeconds(): number
}

export interface BenchVm {
  readonly uuid: string
  readonly disks: readonly { readonly vdi: string; readonly size: number }[]
}

/** Runs `use` with a lab that is gone afterwards, with all its data. */
export async function withLab<T>(use: (lab: BenchLab) => Promise<T>): Promise<T> {
  const lab = await spawnLab(['--empty'])
  try {
    const [from, to] = lab.pools
    if (!from || !to) throw new Error('the lab has less than two pools')
    return await use({
      from,
      to,
      async makeVm({ disks, size, fill, start }) {
        const wanted = Array.from({ length: disks }, (_, index) => ({ size, fill, content: 'pattern', seed: `bench ${index}` }))
        const { vm } = (await from.post('/vms', { name: 'bench', disks: wanted, start })) as { vm: BenchVm }
        return vm
      },
      cpuSeconds: () => cpuSecondsOf(lab.pid),
    })
  } finally {
    await lab.close()
  }
}

/** utime and stime of proc(5), in ticks of 10 ms on every Linux that Node runs on. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
