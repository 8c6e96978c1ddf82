/** For tests of the lab's faults: a pool without VMs, a disk, our client on it, and what its control address says. */
import assert from 'node:assert/strict'
import type { Fault, FaultControl, NewFault } from '../../src/lab/faults/fault.ts'
import type { LabPool } from '../../src/lab/pool.ts'
import { connectXapi } from '../../src/xapi/connect.ts'
import type { Ref } from '../../src/xapi/ref.ts'
import { trustListed } from '../../src/xapi/trust.ts'
import type { ExportStream, Xapi } from '../../src/xapi/xapi.ts'
import { type StartedPool, startLab } from './lab.ts'

export const MIB = 1024 * 1024

export interface FaultyPool extends AsyncDisposable {
  readonly started: StartedPool
  readonly pool: LabPool
  readonly faults: FaultControl
  readonly xapi: Xapi
  readonly sr: Ref<'SR'>
  set(fault: NewFault): Promise<Fault>
  /** Kinds of what struck since the start, in order. */
  fired(): string[]
  newDisk(size?: number): Promise<{ readonly ref: Ref<'VDI'>; readonly uuid: string }>
  newClient(fingerprint?: string): Promise<Xapi>
}

export async function faultyPool(settings: object = {}): Promise<FaultyPool> {
  const lab = await startLab({ pools: ['paris'], empty: true, settings })
  const [started] = lab.pools
  assert.ok(started)
  const newClient = (fingerprint = started.fingerprint) =>
    connectXapi({ url: started.url, user: started.user, password: started.password, trust: trustListed([fingerprint]) })
  const xapi = await newClient()
  const sr = started.pool.db.byUuid('SR', started.srs[0]?.uuid ?? '') as Ref<'SR'>
  const { faults } = started.pool
  return {
    started,
    get pool() {
      return started.pool
    },
    faults,
    xapi,
    sr,
    set: (fault) => faults.add(fault),
    fired: () => faults.fired().map(({ kind }) => kind),
    async newDisk(size = 16 * MIB) {
      const common = { type: 'user', sharable: false, read_only: false, other_config: {} }
      const ref = await xapi.call<Ref<'VDI'>>('VDI.create', [{ SR: sr, virtual_size: size, name_label: 'disk', ...common }])
      return { ref, uuid: String(await xapi.call('VDI.get_uuid', [ref])) }
    },
    newClient,
    async [Symbol.asyncDispose]() {
      faults.clearAll()
      await xapi.close().catch(() => undefined)
      await lab.close()
    },
  }
}

export async function exported(xapi: Xapi, vdi: Ref<'VDI'>): Promise<Buffer> {
  const stream: ExportStream = await xapi.exportVdi({ vdi, format: 'raw' })
  const chunks: Buffer[] = []
  for await (const chunk of stream.chunks) chunks.push(chunk)
  await stream.finished()
  return Buffer.concat(chunks)
}

/** A frame of a chunked import; offset 0 and no data: its end. */
export function frame(offset: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(offset))
  head.writeUInt32LE(data.length, 8)
  return Buffer.concat([head, data])
}

/** Sends frames as one import and waits for what became of it. */
export async function imported(xapi: Xapi, vdi: Ref<'VDI'>, ...frames: Buffer[]): Promise<void> {
  const stream = await xapi.importVdi({ vdi, format: 'raw', chunked: true })
  for (const one of frames) await stream.write(one)
  await stream.write(frame(0))
  await stream.finish()
}
