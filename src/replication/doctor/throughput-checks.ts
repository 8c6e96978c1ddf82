/** How fast this machine writes to the storage and reads from it: a few seconds each. */
import { randomFillSync } from 'node:crypto'
import { whenDetached } from '../destroy.ts'
import { connectDisk } from '../nbd-blocks.ts'
import { openRawSource } from '../raw-source.ts'
import { type Bench, taken, xapiOf } from './bench.ts'
import { type Check, ok, reserve } from './check.ts'
import { createScratchDisk, MIB, openScratchSink, VHD_BLOCK } from './scratch-disk.ts'

const LONGEST_MS = 3_000
const MOST = 256 * MIB
const MOST_VHD = 64 * MIB
const PIECE = MIB
const IN_FLIGHT = 32
/** MiB/s below which a first copy takes days rather than hours: 1 TiB in about 30 h. */
const SLOW = 10

export const writeSpeed: Check = {
  id: 'write-speed',
  title: 'Writing speed',
  needs: ['write'],
  costs: 'first copies and large deltas take longer than they have to',
  mend: 'look at the network between (speed, duplex, VPN) and at the load of the storage',
  dispensable: true,
  async run(bench, signal) {
    const free = taken(bench.storage).free ?? MOST * 4
    // A VHD stream has to be written to its end.
    const vhd = bench.writesBy === 'vhd'
    const size = Math.max(16 * MIB, Math.min(vhd ? MOST_VHD : MOST, Math.floor(free / 4 / VHD_BLOCK) * VHD_BLOCK))
    const ref = await createScratchDisk(bench, 'disk for throughput', size, signal)
    // Random, and different from piece to piece: neither compressed nor found twice on the way.
    const data = randomFillSync(Buffer.allocUnsafe(PIECE))
    const sink = await openScratchSink(bench, { ref, size }, [{ offset: 0, length: size }], signal)
    const started = performance.now()
    let bytes = 0
    try {
      while (bytes < size && (vhd || performance.now() - started < LONGEST_MS)) {
        for (let at = 0; at < PIECE; at += 4096) data.writeDoubleLE(bytes + at + started, at)
        await sink.write(bytes, data)
        bytes += PIECE
      }
      await sink.finish()
    } catch (error) {
      await sink.abort(error)
      throw error
    }
    bench.measured = { ref, size, bytes }
    return judged(bytes, performance.now() - started, `by a ${vhd ? 'VHD' : 'chunked'} import`, writeSpeed)
  },
}

export const readSpeed: Check = {
  id: 'read-speed',
  title: 'Reading speed',
  needs: ['write-speed'],
  costs: 'first copies and large deltas take longer than they have to',
  mend: 'look at the network between (speed, duplex, VPN) and at the load of the storage',
  dispensable: true,
  async run(bench, signal) {
    const { bytes } = taken(bench.measured)
    return bench.nbdUsable ? await readNbdFor(bench, bytes, signal) : await readRawFor(bench, bytes, signal)
  },
}

async function readNbdFor(bench: Bench, most: number, signal: AbortSignal) {
  const xapi = xapiOf(bench)
  const { ref, size } = taken(bench.measured)
  const pool = await whenDetached(xapi, ref, signal, () => connectDisk(xapi, ref, size, most, signal))
  try {
    const started = performance.now()
    let next = 0
    let bytes = 0
    const reader = async () => {
      const target = Buffer.allocUnsafe(PIECE)
      while (next < most && performance.now() - started < LONGEST_MS) {
        const offset = next
        next += PIECE
        await pool.readInto(target, offset)
        bytes += PIECE
      }
    }
    const results = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, reader))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return judged(bytes, performance.now() - started, 'over NBD', readSpeed)
  } finally {
    await pool.close()
  }
}

async function readRawFor(bench: Bench, most: number, signal: AbortSignal) {
  const xapi = xapiOf(bench)
  const { ref, size } = taken(bench.measured)
  const source = await whenDetached(xapi, ref, signal, () => openRawSource(xapi, ref, size, signal))
  const started = performance.now()
  let bytes = 0
  try {
    for await (const block of source.blocks({ budget: bench.budget, signal })) {
      bytes += block.data.length
      block.release()
      if (bytes >= most || performance.now() - started >= LONGEST_MS) break
    }
    return judged(bytes, performance.now() - started, 'by a raw export', readSpeed)
  } finally {
    await source.close()
  }
}

function judged(bytes: number, ms: number, how: string, check: Check) {
  const speed = bytes / MIB / (ms / 1000)
  const detail = `${speed < 10 ? speed.toFixed(1) : Math.round(speed)} MiB/s ${how}`
  const figures = { mibPerSecond: speed, bytes }
  return speed >= SLOW ? ok(detail, figures) : reserve(detail, check.costs, check.mend, figures)
}
