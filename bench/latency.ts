/** How much of its throughput a scattered delta keeps on a long line: the same process at 0 ms and at 50 ms, in turn, on the same lab. */
import type { Figure } from './figures.ts'
import { type BenchLab, withLab } from './lab-bench.ts'
import { replicate } from './replicate-process.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const GRANULE = 64 * KiB

export interface LatencyOptions {
  /** Bytes of each delta, scattered over granules of 64 KiB. */
  readonly deltaBytes: number
  readonly roundTripMs: number
  /** Pairs of runs; figures are medians. */
  readonly rounds: number
}

/** `seconds`: of the disk's transfer; `wall`: of the whole process. */
interface Timed {
  readonly seconds: number
  readonly wall: number
}

export async function latency({ deltaBytes, roundTripMs, rounds }: LatencyOptions): Promise<Figure[]> {
  return withLab(async (lab) => {
    const vm = await lab.makeVm({ disks: 1, size: 16 * GiB, fill: 256 * MiB, start: true })
    await replicate({ from: lab.from, to: lab.to, vm: vm.uuid })
    const near: Timed[] = []
    const far: Timed[] = []
    for (let round = 0; round < rounds; round++) {
      near.push(await delta(lab, vm.uuid, deltaBytes, 0, `near ${round}`))
      far.push(await delta(lab, vm.uuid, deltaBytes, roundTripMs, `far ${round}`))
    }
    const what = `delta of ${deltaBytes / MiB} MiB scattered over 64 KiB granules, at ${roundTripMs} ms round trip to both pools beside 0 ms`
    const rate = (times: readonly Timed[], key: keyof Timed) => deltaBytes / MiB / median(times.map((each) => each[key]))
    // Each pair on its own: what else the machine does changes from one to the next.
    const kept = (key: keyof Timed) => median(near.map((each, round) => each[key] / (far[round] as Timed)[key]))
    return [
      { what, figure: 'throughput at 0 ms, transfer', value: rate(near, 'seconds'), unit: 'MiB/s' },
      { what, figure: `throughput at ${roundTripMs} ms, transfer`, value: rate(far, 'seconds'), unit: 'MiB/s' },
      { what, figure: 'throughput kept, transfer', value: kept('seconds') * 100, unit: '%', least: 60 },
      { what, figure: 'throughput at 0 ms, whole process', value: rate(near, 'wall'), unit: 'MiB/s' },
      { what, figure: `throughput at ${roundTripMs} ms, whole process`, value: rate(far, 'wall'), unit: 'MiB/s' },
      { what, figure: 'throughput kept, whole process', value: kept('wall') * 100, unit: '%', least: 60 },
    ]
  })
}

/** The guest writes, the network gets its round trip, one run carries the writes over. */
async function delta({ from, to }: BenchLab, vm: string, bytes: number, roundTripMs: number, seed: string): Promise<Timed> {
  await from.post('/guest/random', { vm, count: bytes / GRANULE, seed })
  const pools = [from, to]
  if (roundTripMs > 0) await Promise.all(pools.map((pool) => pool.post('/faults', { kind: 'network', roundTripMs })))
  try {
    const { report, wallSeconds } = await replicate({ from, to, vm })
    const [disk] = report.disks
    if (disk?.mode !== 'delta') throw new Error(`the run was no delta: ${disk?.reason.text}`)
    if (disk.changedBytes !== bytes) throw new Error(`${disk.changedBytes} bytes changed, not ${bytes}`)
    return { seconds: disk.seconds, wall: wallSeconds }
  } finally {
    await Promise.all(pools.map((pool) => pool.delete('/faults')))
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
